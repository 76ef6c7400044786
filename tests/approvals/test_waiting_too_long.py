"""Nobody forgets a request: those who may decide are reminded once, and then it expires."""

from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalStatus
from insurance.approvals.queries import get_request, get_setting
from insurance.approvals.services import (
    approve_request,
    change_settings,
    expire_requests,
    reject_request,
    remind_deciders,
    withdraw_request,
)
from insurance.audit_logs.models import AuditEvent
from insurance.core import clock
from insurance.core.context import SYSTEM, Actor, acting_as
from insurance.core.db import db
from insurance.core.errors import ConflictError, DomainError
from insurance.core.permissions import Role
from insurance.jobs.schedule import PERIODIC
from insurance.notifications.models import Mail
from insurance.policies.lifecycle_rules import CancellationType
from insurance.policies.models import PolicyStatus
from insurance.policies.queries import get_policy
from insurance.policies.services import Cancellation, cancel_policy
from tests.factories.identity import SignedInClient, TestClient, make_person
from tests.factories.lifecycle import CHECKER, at, morning, sell
from tests.factories.organizations import OrganizationFacts

START = date(2026, 5, 1)
DAY = date(2026, 5, 10)
THIRD_DAY = DAY + timedelta(days=3)
LAST_DAY = DAY + timedelta(days=29)
OVER = DAY + timedelta(days=30)


@pytest.fixture
def asker(org: OrganizationFacts, session: Session) -> Actor:
    """Return a manager who asks."""
    return _person(org, Role.MANAGER)


@pytest.fixture
def policy_id(session: Session) -> UUID:
    """Return a policy in force."""
    return sell(START)


def _person(org: OrganizationFacts, *roles: Role) -> Actor:
    made = make_person(org.id, *roles)
    return Actor(user_id=made.id, email=made.email, roles=frozenset(roles), org_id=org.id)


def _ask(policy_id: UUID, asker: Actor, day: date = DAY) -> UUID:
    wanted = Cancellation(kind=CancellationType.FRAUD, reason="The claim was made up")
    with at(day, asker) as now:
        approval_id = cancel_policy(policy_id, wanted, on=day, now=now).approval_id
    assert approval_id is not None
    return approval_id


def _run(job: Callable[..., int], day: date) -> int:
    with clock.frozen(morning(day)), acting_as(SYSTEM):
        return job(now=morning(day))


def _mails(session: Session, kind: str) -> list[Mail]:
    session.rollback()
    return list(session.scalars(select(Mail).where(Mail.kind == kind).order_by(Mail.recipient)))


def _audited(session: Session, approval_id: UUID) -> AuditEvent:
    query = select(AuditEvent).where(AuditEvent.resource_id == str(approval_id))
    return session.scalars(query.order_by(AuditEvent.recorded_at.desc()).limit(1)).one()


def test_the_jobs_are_run_every_hour() -> None:
    every = {one.name: one.every_seconds for one in PERIODIC}

    assert every["approvals.expire_requests"] == every["approvals.remind_deciders"] == 3600


def test_the_jobs_remind_and_end_what_waits_too_long(
    policy_id: UUID, asker: Actor, session: Session
) -> None:
    approval_id = _ask(policy_id, asker)
    jobs = {one.name: one for one in PERIODIC}

    with clock.frozen(morning(THIRD_DAY)), acting_as(SYSTEM):
        jobs["approvals.remind_deciders"].run()
    assert get_request(session, approval_id).reminded_at == morning(THIRD_DAY)
    session.rollback()
    with clock.frozen(morning(OVER)), acting_as(SYSTEM):
        jobs["approvals.expire_requests"].run()

    assert get_request(session, approval_id).status is ApprovalStatus.EXPIRED


def test_a_request_expires_after_thirty_days_and_its_asker_is_told(
    policy_id: UUID, asker: Actor, session: Session
) -> None:
    approval_id = _ask(policy_id, asker)

    assert _run(expire_requests, LAST_DAY) == 0
    assert _run(expire_requests, OVER) == 1

    request, (mail,) = get_request(session, approval_id), _mails(session, "approval_expired")
    assert request.status is ApprovalStatus.EXPIRED
    assert (request.decided_by, request.decision_note) == (None, "Nobody decided it in time.")
    assert mail.recipient == asker.email
    assert "On 2026/05/10 you asked for this" in mail.body
    event = _audited(session, approval_id)
    assert (event.action, event.user_label) == ("approvals.expire", "system")
    assert event.after["status"] == "EXPIRED"
    assert get_policy(session, policy_id).status is PolicyStatus.ACTIVE


def test_a_second_run_ends_nothing_and_tells_nobody_again(
    policy_id: UUID, asker: Actor, session: Session
) -> None:
    _ask(policy_id, asker)
    _run(expire_requests, OVER)

    assert _run(expire_requests, OVER) == 0
    assert len(_mails(session, "approval_expired")) == 1


@pytest.mark.parametrize("job_has_run", [True, False])
def test_what_has_expired_is_not_decided_even_before_the_job_has_seen_it(
    job_has_run: bool, policy_id: UUID, asker: Actor, session: Session
) -> None:
    approval_id = _ask(policy_id, asker)
    if job_has_run:
        _run(expire_requests, OVER)

    with at(OVER, CHECKER) as now:
        with pytest.raises(ConflictError, match="expired"):
            approve_request(approval_id, on=OVER, now=now)
        with pytest.raises(ConflictError, match="expired"):
            reject_request(approval_id, now=now)
    with at(OVER, asker) as now, pytest.raises(ConflictError, match="expired"):
        withdraw_request(approval_id, now=now)

    assert get_policy(session, policy_id).status is PolicyStatus.ACTIVE


@pytest.mark.parametrize("job_has_run", [True, False])
def test_what_has_expired_is_asked_for_again(
    job_has_run: bool, policy_id: UUID, asker: Actor, session: Session
) -> None:
    first = _ask(policy_id, asker)
    if job_has_run:
        _run(expire_requests, OVER)

    second = _ask(policy_id, asker, OVER)

    assert get_request(session, first).status is ApprovalStatus.EXPIRED
    assert get_request(session, second).status is ApprovalStatus.WAITING


def test_who_has_left_is_not_told(policy_id: UUID, session: Session) -> None:
    gone = Actor(user_id=CHECKER.user_id, email="gone@insurer.example")
    _ask(policy_id, gone)

    assert _run(expire_requests, OVER) == 1
    assert _mails(session, "approval_expired") == []


def test_those_who_may_decide_are_reminded_once_after_three_days(
    org: OrganizationFacts, policy_id: UUID, asker: Actor, session: Session
) -> None:
    manager, finance = _person(org, Role.MANAGER), _person(org, Role.FINANCE)
    _person(org, Role.AGENT)
    approval_id = _ask(policy_id, asker)

    assert _run(remind_deciders, DAY + timedelta(days=2)) == 0
    assert _run(remind_deciders, THIRD_DAY) == 1
    assert _run(remind_deciders, THIRD_DAY) == 0

    mails = _mails(session, "approval_reminder")
    assert [one.recipient for one in mails] == sorted([manager.email, finance.email])
    assert f"{asker.email} asked for this on 2026/05/10" in mails[0].body
    assert "expires on 2026/06/09 10:00" in mails[0].body
    event = _audited(session, approval_id)
    assert event.action == "approvals.remind"
    assert sorted(event.after["to"]) == sorted([manager.email, finance.email])


def test_who_agreed_already_is_not_reminded(
    org: OrganizationFacts, policy_id: UUID, asker: Actor, session: Session
) -> None:
    one, other = _person(org, Role.MANAGER), _person(org, Role.MANAGER)
    with at(DAY, asker) as now:
        change_settings([_TwoPeople()], version=0, now=now)
    approval_id = _ask(policy_id, asker)
    with at(DAY, one) as now:
        approve_request(approval_id, on=DAY, now=now)

    _run(remind_deciders, THIRD_DAY)

    assert [mail.recipient for mail in _mails(session, "approval_reminder")] == [other.email]


class _TwoPeople:
    action, from_amount, people = "policies.cancel", 0, 2


def test_the_organization_says_how_long_a_request_waits(
    policy_id: UUID, asker: Actor, session: Session
) -> None:
    before = _ask(policy_id, asker)
    with at(DAY, asker) as now:
        withdraw_request(before, now=now)
        change_settings([], expires_after_days=2, remind_after_days=1, version=0, now=now)
    after = _ask(policy_id, asker)

    assert get_request(session, after).expires_at == morning(DAY + timedelta(days=2))
    assert get_request(session, before).expires_at == morning(OVER)
    session.rollback()
    assert _run(remind_deciders, DAY + timedelta(days=1)) == 1
    assert _run(expire_requests, DAY + timedelta(days=2)) == 1


@pytest.mark.parametrize(
    ("expires", "remind", "field"),
    [
        (0, 3, "expires_after_days"),
        (366, 3, "expires_after_days"),
        (30, 0, "remind_after_days"),
        (5, 6, "remind_after_days"),
    ],
)
def test_days_nobody_would_want_are_refused(
    session: Session, expires: int, remind: int, field: str
) -> None:
    with at(DAY) as now, pytest.raises(DomainError) as refusal:
        change_settings(
            [], expires_after_days=expires, remind_after_days=remind, version=0, now=now
        )

    assert field in [one.field for one in refusal.value.errors]
    assert get_setting(db.session()).version == 0


def test_the_page_says_when_it_expires_and_that_it_has(
    sign_in: Callable[..., SignedInClient],
    api: Callable[..., TestClient],
    policy_id: UUID,
    asker: Actor,
    session: Session,
) -> None:
    approval_id = _ask(policy_id, asker)
    with clock.frozen(morning(DAY)):
        client = sign_in(Role.MANAGER)
        waiting = client.get(client.url(f"/approvals/{approval_id}"))
    with clock.frozen(morning(OVER)):
        client, program = sign_in(Role.MANAGER), api()
        overdue = client.get(client.url(f"/approvals/{approval_id}"))
        refused = client.post(
            client.url(f"/approvals/{approval_id}/decide"), data={"act": "approve"}
        )
        over_api = program.post(f"/api/v1/approvals/{approval_id}/approve", json={})
        _run(expire_requests, OVER)
        listed = client.get(client.url("/approvals?status=EXPIRED"))
        shown = client.get(client.url(f"/approvals/{approval_id}"))

    assert "2026/06/09 10:00" in waiting.text
    assert "It has expired" in overdue.text
    assert 'value="approve"' not in overdue.text
    assert (refused.status_code, over_api.status_code) == (409, 409)
    assert "can be asked for again" in over_api.json["detail"]
    assert str(approval_id) in listed.text
    assert "Nobody decided it in time." in shown.text
