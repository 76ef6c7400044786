"""Reading the audit log, its seals and what is still unsealed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import String, cast, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from insurance.audit_logs.models import AuditEvent, AuditSeal, UnsealedEvent
from insurance.core.errors import NotFoundError
from insurance.core.paging import Page, page_of
from insurance.core.tenancy import current_org

_LOOKED_BACK = 200
"""How many of a person's acts are looked through for the records they worked on last."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which events. Dates are moments: from inclusive, to exclusive."""

    user: str = ""
    actions: Collection[str] = ()
    resource: str = ""
    resource_id: str = ""
    method: str = ""
    ip: str = ""
    request_id: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Occurring:
    """Who did something, what was done and to what kinds of record, as far as there are entries."""

    users: Sequence[str]
    actions: Sequence[str]
    resources: Sequence[str]


@dataclass(frozen=True, slots=True)
class SealStatus:
    """How far the sealing is."""

    seals: int
    sealed_at: datetime | None
    unsealed: int


def list_events(
    session: Session, wanted: AuditFilter, *, limit: int, after: UUID | None = None
) -> Page[AuditEvent]:
    """Return events, newest first."""
    query = select(AuditEvent).where(AuditEvent.org_id == current_org())
    for name, column in (
        ("user", AuditEvent.user_label),
        ("resource", AuditEvent.resource),
        ("resource_id", AuditEvent.resource_id),
        ("method", AuditEvent.method),
        ("ip", AuditEvent.ip),
        ("request_id", AuditEvent.request_id),
    ):
        if value := getattr(wanted, name):
            query = query.where(column == value)
    if wanted.actions:
        query = query.where(AuditEvent.action.in_(list(wanted.actions)))
    if wanted.since is not None:
        query = query.where(AuditEvent.recorded_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(AuditEvent.recorded_at < wanted.until)
    if after is not None:
        query = query.where(AuditEvent.id < after)
    rows = session.scalars(query.order_by(AuditEvent.id.desc()).limit(limit + 1)).all()
    return page_of(rows, limit, lambda row: (row.id,))


def list_occurring(session: Session) -> Occurring:
    """Return what the entries can be narrowed by, each value once."""
    return Occurring(
        _values(session, AuditEvent.user_label),
        _values(session, AuditEvent.action),
        _values(session, AuditEvent.resource),
    )


def _values(session: Session, column: InstrumentedAttribute[str]) -> Sequence[str]:
    """Return the values of an indexed column: one look into the index for each, however many rows."""
    mine = AuditEvent.org_id == current_org()
    found = select(func.min(column).label("value")).where(mine).cte(recursive=True)
    after = select(func.min(column)).where(mine, column > found.c.value).scalar_subquery()
    found = found.union_all(select(after).where(found.c.value.is_not(None)))
    return session.scalars(select(found.c.value).where(found.c.value.is_not(None))).all()


def get_event(session: Session, event_id: UUID) -> AuditEvent:
    """Return one event. Raises NotFoundError."""
    found = session.scalars(
        select(AuditEvent).where(AuditEvent.org_id == current_org(), AuditEvent.id == event_id)
    ).one_or_none()
    if found is None:
        raise NotFoundError
    return found


def list_same_request(session: Session, event: AuditEvent) -> Sequence[AuditEvent]:
    """Return what else the same request did."""
    if event.request_id is None:
        return []
    return session.scalars(
        select(AuditEvent)
        .where(
            AuditEvent.org_id == current_org(),
            AuditEvent.request_id == event.request_id,
            AuditEvent.id != event.id,
        )
        .order_by(AuditEvent.id)
        .limit(50)
    ).all()


def list_resource_events(
    session: Session, resource: str, resource_id: UUID, *, about: Collection[str] = ()
) -> Sequence[AuditEvent]:
    """Return the newest twenty events of one record, those `about` parts of it where any are named.

    The part is what stands before the dot of an action, such as `notes`.
    """
    query = select(AuditEvent).where(
        AuditEvent.org_id == current_org(),
        AuditEvent.resource == resource,
        AuditEvent.resource_id == str(resource_id),
    )
    if about:
        query = query.where(func.split_part(AuditEvent.action, ".", 1).in_(list(about)))
    return session.scalars(query.order_by(AuditEvent.id.desc()).limit(20)).all()


def list_last_worked_on(
    session: Session, user: str, resources: Collection[str], *, limit: int
) -> list[tuple[str, UUID]]:
    """Return the records of some kinds that somebody did something to last, newest first."""
    acts = (
        select(AuditEvent.resource, AuditEvent.resource_id, AuditEvent.id)
        .where(AuditEvent.org_id == current_org(), AuditEvent.user_label == user)
        .order_by(AuditEvent.id.desc())
        .limit(_LOOKED_BACK)
        .subquery()
    )
    newest = func.max(cast(acts.c.id, String))
    rows = session.execute(
        select(acts.c.resource, acts.c.resource_id)
        .where(acts.c.resource.in_(list(resources)), acts.c.resource_id.is_not(None))
        .group_by(acts.c.resource, acts.c.resource_id)
        .order_by(newest.desc(), acts.c.resource, acts.c.resource_id)
        .limit(limit)
    )
    return [(row.resource, UUID(row.resource_id)) for row in rows]


def get_seal_status(session: Session) -> SealStatus:
    """Return how many seals there are, the newest's time, and how many events wait for one."""
    seals, sealed_at = session.execute(
        select(func.max(AuditSeal.seal_no), func.max(AuditSeal.sealed_at)).where(
            AuditSeal.org_id == current_org()
        )
    ).one()
    unsealed = session.execute(
        select(func.count()).select_from(UnsealedEvent).where(UnsealedEvent.org_id == current_org())
    ).scalar_one()
    return SealStatus(seals or 0, sealed_at, unsealed)
