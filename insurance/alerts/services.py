"""Telling people: in the transaction of what they are told, and once a day by mail."""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Table, delete, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from insurance.alerts import queries, rules
from insurance.alerts.models import Alert, AlertSetting
from insurance.audit_logs.services import record
from insurance.core import clock
from insurance.core.alert_kinds import AlertKind, list_alert_kinds
from insurance.core.bulk import write_rows_late
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import DomainError
from insurance.core.first_rows import hold_row
from insurance.core.ids import new_id
from insurance.core.tenancy import current_org
from insurance.identity.alert_kinds import KEY_EXPIRES
from insurance.identity.queries import list_expiring_keys, list_members
from insurance.notifications.alert_kinds import FAILED
from insurance.notifications.models import Mail
from insurance.notifications.services import Letter, one_line, send_all_later
from insurance.organizations.queries import get_organization

_ALERTS: Table = Alert.__table__  # type: ignore[assignment]
_LONGEST = 300


def notify(
    session: Session,
    kind: AlertKind,
    person_ids: Iterable[UUID | None],
    about: tuple[str, UUID],
    *,
    once: str | None = None,
    **values: str,
) -> int:
    """Tell people of what happens to a record (its resource and id); return how many are told.

    The rows are written with those of the audit log, at the end of the running command. Nobody is
    told what they do themselves. `once` is for who has made sure (find_told) that it is the first
    time. Raises KeyError for a resource that the kind has no page of.
    """
    resource, resource_id = about
    if resource not in kind.pages:
        raise KeyError(resource)
    told = {person_id for person_id in person_ids if person_id} - {current_actor().user_id}
    title, now = one_line(kind.text.format(**values))[:_LONGEST], clock.now()
    rows: list[dict[str, Any]] = [
        {
            "id": new_id(),
            "user_id": person_id,
            "kind": kind.code,
            "title": title,
            "resource": resource,
            "resource_id": resource_id,
            "created_at": now,
            "once": once,
        }
        for person_id in sorted(told)
    ]
    if rows:
        write_rows_late(session, _ALERTS, rows)
    return len(rows)


def settle(session: Session, kind: AlertKind, about: tuple[str, UUID], *, now: datetime) -> None:
    """Mark what people were told of a record as read, as it asks nothing of them any more."""
    session.execute(
        update(Alert)
        .where(
            Alert.org_id == current_org(),
            Alert.resource_id == about[1],
            Alert.resource == about[0],
            Alert.kind == kind.code,
            Alert.read_at.is_(None),
        )
        .values(read_at=now)
        .execution_options(synchronize_session=False)
    )


def tell_of_mail(session: Session, mail: Mail) -> None:
    """Tell who asked for a mail that it is not tried again: a step of its sending."""
    about = ("mails", mail.id)
    notify(session, FAILED, [mail.asked_by], about, to=mail.recipient, subject=mail.subject)


def read_alert(alert_id: UUID, *, now: datetime) -> Alert:
    """Mark one of one's own as read and return it. Raises NotFoundError for anybody else's."""
    with transaction() as session:
        alert = queries.get_alert(session, alert_id)
        if alert.read_at is None:
            alert.read_at = now
        return alert


def read_all(*, now: datetime) -> int:
    """Mark everything that one was told as read; return how many those were."""
    with transaction() as session:
        done: Any = session.execute(
            update(Alert)
            .where(
                Alert.org_id == current_org(),
                Alert.user_id == current_actor().user_id,
                Alert.read_at.is_(None),
            )
            .values(read_at=now)
            .execution_options(synchronize_session=False)
        )
        return int(done.rowcount)


def choose_alerts(
    *, wants_digest: bool, hidden: Collection[str], unmailed: Collection[str]
) -> AlertSetting:
    """Say what one wants to hear, and how. Raises DomainError for a kind that there is not."""
    known = {kind.code for kind in list_alert_kinds()}
    for field, codes in (("hidden", hidden), ("unmailed", unmailed)):
        if not set(codes) <= known:
            raise DomainError("Choose from the list.", field=field)
    with transaction() as session:
        setting = _hold_setting(session)
        before = _summary(setting)
        setting.wants_digest = wants_digest
        setting.hidden, setting.unmailed = sorted(hidden), sorted(unmailed)
        session.flush()
        record(
            session,
            action="alerts.choose",
            resource="alert_settings",
            resource_id=setting.user_id,
            before=before,
            after=_summary(setting),
        )
        return setting


def _hold_setting(session: Session) -> AlertSetting:
    """Return the row of whoever acts, held; a digest or another tab may be writing the first one."""
    return hold_row(session, queries.get_setting(session), "user_id")


def _summary(setting: AlertSetting) -> dict[str, Any]:
    names = ("wants_digest", "hidden", "unmailed")
    return {name: getattr(setting, name) for name in names}


def send_digests(*, address: str, now: datetime) -> int:
    """Write each person one mail a day with what is new and unread; return how many mails.

    Nothing leaves before the day's hour of the organization; a second run on a day finds nobody.
    `address` is where the product is reached.
    """
    with transaction() as session:
        organization = get_organization(session)
        local = now.astimezone(ZoneInfo(organization.timezone))
        if not rules.is_digest_due(local):
            return 0
        members = {member.user.id: member.user for member in list_members(session)}
        waiting = queries.list_to_mail(session)
        turns = _take_turns(session, set(waiting) & set(members), local.date())
        letters = [
            Letter(
                "alerts_digest",
                members[user_id].email,
                {
                    "name": members[user_id].name,
                    "count": str(len(waiting[user_id])),
                    "lines": rules.digest_lines([title for _id, title in waiting[user_id]]),
                    "link": f"{address}/{organization.slug}/alerts",
                    "organization": organization.name,
                },
            )
            for user_id in turns
        ]
        _note_mailed(session, [alert[0] for person in turns for alert in waiting[person]], now)
        return send_all_later(session, letters) if letters else 0


def _take_turns(session: Session, people: Collection[UUID], on: date) -> list[UUID]:
    """Return who gets today's digest by this run: nobody who got one today."""
    if not people:
        return []
    rows = [
        {
            "org_id": current_org(),
            "user_id": person,
            "wants_digest": True,
            "hidden": [],
            "unmailed": [],
            "digested_on": on,
        }
        for person in sorted(people)
    ]
    wanted = insert(AlertSetting).values(rows)
    taken = wanted.on_conflict_do_update(
        index_elements=["org_id", "user_id"],
        set_={"digested_on": on},
        where=AlertSetting.digested_on.is_(None) | (AlertSetting.digested_on < on),
    ).returning(AlertSetting.user_id)
    return list(session.scalars(taken))


def _note_mailed(session: Session, alert_ids: list[UUID], now: datetime) -> None:
    session.execute(
        update(Alert)
        .where(Alert.org_id == current_org(), Alert.id.in_(alert_ids))
        .values(mailed_at=now)
        .execution_options(synchronize_session=False)
    )


def warn_of_keys(*, now: datetime) -> int:
    """Tell holders once of a key that ends within WARNED_BEFORE; return how many are told."""
    with transaction() as session:
        keys = list_expiring_keys(session, now, by=now + rules.WARNED_BEFORE)
        told = queries.find_told(session, [str(key.id) for key in keys])
        zone = ZoneInfo(get_organization(session).timezone)
        return sum(
            notify(
                session,
                KEY_EXPIRES,
                [key.user_id],
                ("api_keys", key.id),
                once=str(key.id),
                name=key.name,
                day=f"{key.expires_at.astimezone(zone):%Y/%m/%d}",
            )
            for key in keys
            if (key.user_id, str(key.id)) not in told
        )


def forget_old(*, now: datetime) -> int:
    """Delete what was read long ago, or told very long ago; return how many those were."""
    with transaction() as session:
        done: Any = session.execute(
            delete(Alert)
            .where(
                Alert.org_id == current_org(),
                or_(
                    Alert.read_at < now - rules.KEPT_ONCE_READ,
                    Alert.created_at < now - rules.KEPT_UNREAD,
                ),
            )
            .execution_options(synchronize_session=False)
        )
        return int(done.rowcount)
