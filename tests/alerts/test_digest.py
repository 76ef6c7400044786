"""One mail a morning with what is new and unread, for who wants it."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import Connection, select, text
from sqlalchemy.orm import Session

from insurance.alerts.alert_kinds import MENTIONED
from insurance.alerts.models import Alert
from insurance.alerts.rules import digest_lines
from insurance.alerts.services import choose_alerts, notify, read_all, send_digests
from insurance.audit_logs.models import AuditEvent
from insurance.core.context import Actor, acting_as
from insurance.core.db import transaction
from insurance.core.errors import DomainError
from insurance.core.ids import new_id
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.identity.services import change_roles
from insurance.notifications.models import Mail
from tests.factories.identity import PersonFacts, make_person
from tests.factories.organizations import OrganizationFacts

EARLY = datetime(2026, 11, 20, 3, 59, tzinfo=UTC)
"""A minute to six in Johannesburg."""
MORNING = EARLY + timedelta(minutes=1)
PLACE = "https://insurer.example"
_DIGESTED = """
    INSERT INTO ins.alert_settings (org_id, user_id, wants_digest, hidden, unmailed, digested_on)
    VALUES (:org, :person, true, '{}', '{}', '2026-11-20')"""
_WAITS = """
    SELECT count(*) FROM pg_locks
    WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"""


def mention(person: PersonFacts, record: str = "CL-2026-000001") -> None:
    """Name somebody in a note."""
    with transaction() as session:
        notify(session, MENTIONED, [person.id], ("claims", new_id()), by="Sipho", record=record)


def digests(session: Session) -> list[tuple[str, str]]:
    """Return to whom digests went, and what they said."""
    mails = session.execute(
        select(Mail.recipient, Mail.body).where(Mail.kind == "alerts_digest").order_by(Mail.id)
    )
    return [(to, body) for to, body in mails]


@pytest.fixture
def person(org: OrganizationFacts, session: Session) -> PersonFacts:
    """Return somebody who is told things."""
    return make_person(org.id, Role.AGENT)


def acting(person: PersonFacts, org: OrganizationFacts) -> Actor:
    """Return a person as they act."""
    return Actor(
        user_id=person.id, email=person.email, org_id=org.id, roles=frozenset({person.role})
    )


def test_the_mail_comes_at_six_of_the_organizations_day_and_once(
    session: Session, org: OrganizationFacts, person: PersonFacts
) -> None:
    mention(person)
    mention(person, "CL-2026-000002")

    assert send_digests(address=PLACE, now=EARLY) == 0
    assert send_digests(address=PLACE, now=MORNING) == 1
    mention(person, "CL-2026-000003")
    assert send_digests(address=PLACE, now=MORNING + timedelta(hours=3)) == 0

    ((to, body),) = digests(session)
    assert to == person.email
    assert body.index("CL-2026-000002") < body.index("CL-2026-000001")
    assert f"{PLACE}/{org.slug}/alerts" in body


def test_the_next_mail_has_only_what_came_since(session: Session, person: PersonFacts) -> None:
    mention(person)
    send_digests(address=PLACE, now=MORNING)
    mention(person, "CL-2026-000002")

    assert send_digests(address=PLACE, now=MORNING + timedelta(days=1)) == 1
    assert send_digests(address=PLACE, now=MORNING + timedelta(days=2)) == 0

    body = digests(session)[-1][1]
    assert "CL-2026-000002" in body
    assert "CL-2026-000001" not in body


def test_what_was_read_is_not_mailed(
    session: Session, org: OrganizationFacts, person: PersonFacts
) -> None:
    mention(person)
    with acting_as(acting(person, org)):
        read_all(now=MORNING)

    assert send_digests(address=PLACE, now=MORNING) == 0


@pytest.mark.parametrize(
    ("wants_digest", "unmailed", "mails"),
    [(True, set(), 1), (False, set(), 0), (True, {"mentioned"}, 0), (True, {"mail_failed"}, 1)],
)
def test_the_mail_and_each_kind_of_it_can_be_switched_off(
    wants_digest: bool,
    unmailed: set[str],
    mails: int,
    session: Session,
    org: OrganizationFacts,
    person: PersonFacts,
) -> None:
    with acting_as(acting(person, org)):
        choose_alerts(wants_digest=wants_digest, hidden=set(), unmailed=unmailed)
    mention(person)

    assert send_digests(address=PLACE, now=MORNING) == mails
    actions = session.scalars(select(AuditEvent.action).where(AuditEvent.action == "alerts.choose"))
    assert list(actions) == ["alerts.choose"]


def test_what_is_chosen_while_the_first_digest_leaves_is_chosen(
    app: Flask,
    session: Session,
    org: OrganizationFacts,
    person: PersonFacts,
    admin_connection: Connection,
) -> None:
    session.rollback()

    def choose() -> bool:
        with app.app_context(), tenant_scope(org.id), acting_as(acting(person, org)):
            return choose_alerts(wants_digest=False, hidden=set(), unmailed=set()).wants_digest

    values = {"org": org.id, "person": person.id}
    admin_connection.execute(text(_DIGESTED), values)
    with ThreadPoolExecutor(1) as pool:
        choosing = pool.submit(copy_context().run, choose)
        while not choosing.done() and not admin_connection.scalar(text(_WAITS)):
            pass
        admin_connection.commit()
        assert choosing.result() is False


def test_a_kind_that_there_is_not_is_refused(
    session: Session, org: OrganizationFacts, person: PersonFacts
) -> None:
    with acting_as(acting(person, org)), pytest.raises(DomainError):
        choose_alerts(wants_digest=True, hidden={"gossip"}, unmailed=set())


def test_who_has_left_gets_no_mail(session: Session, org: OrganizationFacts) -> None:
    person, admin = make_person(org.id, Role.AGENT), make_person(org.id, Role.TENANT_ADMINISTRATOR)
    mention(person)
    with acting_as(acting(admin, org)):
        change_roles(person.id, frozenset(), now=MORNING)

    assert send_digests(address=PLACE, now=MORNING) == 0


def test_another_organizations_alerts_are_not_mailed(
    session: Session, person: PersonFacts, other_org: OrganizationFacts
) -> None:
    mention(person)
    with tenant_scope(other_org.id):
        assert send_digests(address=PLACE, now=MORNING) == 0
    assert session.scalars(select(Alert.mailed_at)).one() is None


def test_a_long_digest_says_how_many_more_there_are() -> None:
    lines = digest_lines([f"Claim {number}" for number in range(25)]).splitlines()

    assert len(lines) == 21
    assert lines[-1] == "and 5 more"
