"""Reading alerts: each person's own, and what the digests of an organization have to say."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from insurance.alerts.models import Alert, AlertSetting, AlertState
from insurance.core.context import current_actor
from insurance.core.errors import NotFoundError
from insurance.core.paging import Page, page_of
from insurance.core.tenancy import current_org

MOST_COUNTED = 100
_TO_MAIL = text(
    """
    SELECT a.user_id, a.id, a.title FROM ins.alerts a
    LEFT JOIN ins.alert_settings s ON s.org_id = a.org_id AND s.user_id = a.user_id
    WHERE a.org_id = :org AND a.read_at IS NULL AND a.mailed_at IS NULL
      AND (s.user_id IS NULL OR s.wants_digest AND a.kind <> ALL (s.unmailed))
    ORDER BY a.user_id, a.id DESC FOR UPDATE OF a SKIP LOCKED
    """
)
"""What somebody reads or settles at this moment is left out: a digest makes nobody wait in turn."""


def list_alerts(
    session: Session,
    *,
    after: UUID | None = None,
    limit: int = 50,
    state: AlertState | str | None = None,
    kind: str | None = None,
    found: Sequence[UUID] | None = None,
    without: Collection[str] = (),
) -> Page[Alert]:
    """Return what the acting person was told and wants to hear, newest first.

    `without` leaves kinds out.
    """
    query = _own().order_by(Alert.id.desc())
    if state:
        is_new = Alert.read_at.is_(None)
        query = query.where(is_new if state == AlertState.NEW else ~is_new)
    if kind:
        query = query.where(Alert.kind == kind)
    if without:
        query = query.where(Alert.kind.not_in(without))
    if found is not None:
        query = query.where(Alert.id.in_(found))
    if after is not None:
        query = query.where(Alert.id < after)
    return page_of(session.scalars(query.limit(limit + 1)).all(), limit, lambda alert: (alert.id,))


def count_unread(session: Session) -> int:
    """Return how many the acting person has not read, counted up to MOST_COUNTED."""
    unread = _own().with_only_columns(Alert.id).where(Alert.read_at.is_(None)).limit(MOST_COUNTED)
    return session.scalar(select(func.count()).select_from(unread.subquery())) or 0


def get_alert(session: Session, alert_id: UUID) -> Alert:
    """Return one of the acting person's own. Raises NotFoundError for anybody else's."""
    alert = session.scalars(
        select(Alert).where(
            Alert.org_id == current_org(),
            Alert.user_id == current_actor().user_id,
            Alert.id == alert_id,
        )
    ).one_or_none()
    if alert is None:
        raise NotFoundError
    return alert


def get_setting(session: Session) -> AlertSetting:
    """Return what the acting person wants to hear: everything, where nothing was said."""
    setting = session.get(AlertSetting, (current_org(), current_actor().user_id))
    return setting or AlertSetting(
        user_id=current_actor().user_id, wants_digest=True, hidden=[], unmailed=[]
    )


def list_to_mail(session: Session) -> dict[UUID, list[tuple[UUID, str]]]:
    """Return what no digest had yet and nobody read, held, by person, newest first: ids and words."""
    people: dict[UUID, list[tuple[UUID, str]]] = {}
    for user_id, alert_id, title in session.execute(_TO_MAIL, {"org": current_org()}):
        people.setdefault(user_id, []).append((alert_id, title))
    return people


def find_told(session: Session, once: Sequence[str]) -> set[tuple[UUID, str]]:
    """Return which people were told already of what they are told of once."""
    rows = session.execute(
        select(Alert.user_id, Alert.once).where(Alert.org_id == current_org(), Alert.once.in_(once))
    )
    return {(user_id, word) for user_id, word in rows if word is not None}


def _own() -> Any:
    hidden = (
        select(func.unnest(AlertSetting.hidden))
        .where(
            AlertSetting.org_id == current_org(), AlertSetting.user_id == current_actor().user_id
        )
        .scalar_subquery()
    )
    return select(Alert).where(
        Alert.org_id == current_org(),
        Alert.user_id == current_actor().user_id,
        Alert.kind.not_in(hidden),
    )
