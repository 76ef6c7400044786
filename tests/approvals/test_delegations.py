"""A colleague decides in somebody's place on some days: as that person could, and never more."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalDelegation, ApprovalRequest, ApprovalStatus
from insurance.approvals.permissions import ApprovalsMay
from insurance.approvals.queries import agreements_of, get_request
from insurance.approvals.services import (
    approve_request,
    change_settings,
    delegate_decisions,
    reject_request,
    remind_deciders,
    withdraw_delegation,
    withdraw_request,
)
from insurance.audit_logs.models import AuditEvent
from insurance.claims.services import change_payees
from insurance.core import clock
from insurance.core.context import SYSTEM, Actor, acting_as
from insurance.core.errors import ConflictError, DomainError, ForbiddenError
from insurance.core.ids import new_id
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.identity.services import change_role_grants, change_roles
from insurance.notifications.models import Mail
from insurance.policies.lifecycle_rules import CancellationType
from insurance.policies.models import PolicyStatus
from insurance.policies.queries import get_policy
from insurance.policies.services import Cancellation, cancel_policy, suspend_policy
from tests.factories.claims import MANAGER, account, acting, assess, claim, complete
from tests.factories.claims import pay as pay_claim
from tests.factories.identity import (
    PersonFacts,
    SignedInClient,
    TestClient,
    make_person,
    session_for,
)
from tests.factories.lifecycle import MAKER, at, morning, sell
from tests.factories.organizations import OrganizationFacts

START = date(2026, 5, 1)
DAY = date(2026, 5, 10)
LAST = date(2026, 5, 12)


def _actor(org: OrganizationFacts, role: Role, name: str) -> Actor:
    made = make_person(org.id, role)
    return Actor(
        user_id=made.id, email=made.email, name=name, roles=frozenset({role}), org_id=org.id
    )


@pytest.fixture
def boss(org: OrganizationFacts, session: Session) -> Actor:
    """Return a manager who will be away."""
    return _actor(org, Role.MANAGER, "Boss")


@pytest.fixture
def agent(org: OrganizationFacts, session: Session) -> Actor:
    """Return somebody who decides nothing in their own right."""
    return _actor(org, Role.AGENT, "Agent")


@pytest.fixture
def policy_id(session: Session) -> UUID:
    """Return a policy in force."""
    return sell(START)


def _delegate(
    boss: Actor, to: Actor, *, first: date = DAY, last: date = LAST, on: date = DAY
) -> ApprovalDelegation:
    assert to.user_id is not None
    with at(on, boss) as now:
        return delegate_decisions(
            to.user_id, first_day=first, last_day=last, reason="On leave", now=now
        )


def _ask(policy_id: UUID, by: Actor = MAKER, day: date = DAY) -> UUID:
    wanted = Cancellation(kind=CancellationType.FRAUD, reason="The claim was made up")
    with at(day, by) as now:
        approval_id = cancel_policy(policy_id, wanted, on=day, now=now).approval_id
    assert approval_id is not None
    return approval_id


def _approve(approval_id: UUID, by: Actor, day: date = DAY) -> ApprovalRequest:
    with at(day, by) as now:
        return approve_request(approval_id, on=day, now=now)


class _TwoPeople:
    action, from_amount, people = "policies.cancel", 0, 2


def _ask_two() -> None:
    with at(DAY) as now:
        change_settings([_TwoPeople()], version=0, now=now)


# Deciding for somebody


def test_a_delegate_decides_as_the_person_could_and_it_says_for_whom(
    boss: Actor, agent: Actor, policy_id: UUID, session: Session
) -> None:
    _delegate(boss, agent)
    approval_id = _ask(policy_id)

    done = _approve(approval_id, agent)

    (agreement,) = agreements_of(session, [done])[done.id]
    assert done.status is ApprovalStatus.APPROVED
    assert (done.decided_by_email, done.decided_for_email) == (agent.email, boss.email)
    assert (agreement.said_by, agreement.voice_of) == ("Agent for Boss", boss.user_id)
    assert get_policy(session, policy_id).status is PolicyStatus.CANCELLED
    event = session.scalars(
        select(AuditEvent).where(AuditEvent.action == "approvals.approve")
    ).one()
    assert (event.user_label, event.after["for"]) == (agent.email, boss.email)


def test_a_delegate_refuses_in_somebodys_place_too(
    boss: Actor, agent: Actor, policy_id: UUID, session: Session
) -> None:
    _delegate(boss, agent)
    approval_id = _ask(policy_id)

    with at(DAY, agent) as now:
        done = reject_request(approval_id, now=now, note="No proof")

    assert (done.status, done.decided_for_email) == (ApprovalStatus.REJECTED, boss.email)


def test_without_a_delegation_who_does_not_decide_decides_nothing_and_voids_nothing(
    agent: Actor, policy_id: UUID, session: Session
) -> None:
    approval_id = _ask(policy_id)
    with at(DAY) as now:
        suspend_policy(policy_id, reason="Under investigation", on=DAY, now=now)

    with pytest.raises(ForbiddenError, match="Your role does not decide"):
        _approve(approval_id, agent)
    with at(DAY, agent) as now, pytest.raises(ForbiddenError, match="does not decide"):
        reject_request(approval_id, now=now)

    assert get_request(session, approval_id).status is ApprovalStatus.WAITING


@pytest.mark.parametrize(
    ("moment", "may"),
    [
        (datetime.fromisoformat("2026-05-10T23:59:59+02:00"), False),
        (datetime.fromisoformat("2026-05-11T00:00:00+02:00"), True),
        (datetime.fromisoformat("2026-05-12T23:59:59+02:00"), True),
        (datetime.fromisoformat("2026-05-13T00:00:00+02:00"), False),
    ],
)
def test_both_days_count_in_the_time_zone_of_the_organization(
    moment: datetime, may: bool, boss: Actor, agent: Actor, policy_id: UUID, session: Session
) -> None:
    _delegate(boss, agent, first=DAY + timedelta(days=1), last=LAST)
    approval_id = _ask(policy_id)

    with clock.frozen(moment), acting_as(agent):
        if may:
            reject_request(approval_id, now=moment)
        else:
            with pytest.raises(ForbiddenError):
                reject_request(approval_id, now=moment)


def test_neither_of_them_asked_for_it(
    boss: Actor, agent: Actor, policy_id: UUID, session: Session
) -> None:
    _delegate(boss, agent)
    of_boss = _ask(policy_id, boss)

    with pytest.raises(ForbiddenError, match="who named you asked for this"):
        _approve(of_boss, agent)
    with at(DAY, agent) as now, pytest.raises(ForbiddenError):
        reject_request(of_boss, now=now)

    with at(DAY, boss) as now:
        withdraw_request(of_boss, now=now)
    of_delegate = _ask(policy_id, agent)
    with pytest.raises(ForbiddenError, match="asked for this yourself"):
        _approve(of_delegate, agent)


def test_a_delegate_is_held_to_what_the_action_refuses_either_of_them(
    boss: Actor, org: OrganizationFacts, policy_id: UUID, session: Session
) -> None:
    assessor = _actor(org, Role.CLAIMS_ASSESSOR, "Assessor")
    _delegate(boss, assessor, first=date(2026, 5, 10))
    made = claim(policy_id, "60000.00", day=DAY)
    complete(made.id, DAY)
    assess(made.id, "60000.00", day=DAY, actor=assessor)
    with acting(MANAGER, DAY) as now:
        change_payees(made.id, [account()], reason="A new account", on=DAY, now=now)
    approval_id = pay_claim(made.id, "60000.00", day=DAY).approval_id
    assert approval_id is not None

    with pytest.raises(ForbiddenError, match="You assessed this claim"):
        _approve(approval_id, assessor)


def test_one_voice_counts_once_whoever_raises_it(
    boss: Actor, agent: Actor, org: OrganizationFacts, policy_id: UUID, session: Session
) -> None:
    _ask_two()
    _delegate(boss, agent)
    approval_id = _ask(policy_id)

    assert _approve(approval_id, agent).status is ApprovalStatus.WAITING
    with pytest.raises(ConflictError, match="Agent agreed to this in your place already"):
        _approve(approval_id, boss)
    with pytest.raises(ConflictError, match="You agreed to this already"):
        _approve(approval_id, agent)

    other = _actor(org, Role.FINANCE, "Other")
    assert _approve(approval_id, other).status is ApprovalStatus.APPROVED


def test_a_delegate_adds_nothing_to_the_delegators_own_agreement(
    boss: Actor, agent: Actor, policy_id: UUID, session: Session
) -> None:
    _ask_two()
    _delegate(boss, agent)
    approval_id = _ask(policy_id)
    _approve(approval_id, boss)

    with pytest.raises(ConflictError, match="counts already"):
        _approve(approval_id, agent)

    assert get_request(session, approval_id).status is ApprovalStatus.WAITING


def test_who_decides_anyway_decides_in_their_own_right(
    boss: Actor, org: OrganizationFacts, policy_id: UUID, session: Session
) -> None:
    finance = _actor(org, Role.FINANCE, "Finance")
    _delegate(boss, finance)

    assert _approve(_ask(policy_id), finance).decided_for_email is None


def test_a_delegation_is_worth_what_its_giver_may_today(
    boss: Actor, agent: Actor, org: OrganizationFacts, policy_id: UUID, session: Session
) -> None:
    _delegate(boss, agent)
    approval_id = _ask(policy_id)
    assert boss.user_id is not None
    with acting_as(_actor(org, Role.TENANT_ADMINISTRATOR, "Administrator")):
        change_roles(boss.user_id, frozenset({Role.AGENT}), now=morning(DAY))

    with pytest.raises(ForbiddenError, match="does not decide"):
        _approve(approval_id, agent)


def test_a_delegation_is_worth_what_the_givers_role_may_here(
    boss: Actor, agent: Actor, org: OrganizationFacts, policy_id: UUID, session: Session
) -> None:
    _delegate(boss, agent)
    approval_id = _ask(policy_id)
    with acting_as(_actor(org, Role.TENANT_ADMINISTRATOR, "Administrator")):
        change_role_grants(
            Role.MANAGER,
            granted=frozenset(),
            taken=frozenset({ApprovalsMay.DECIDE}),
            now=morning(DAY),
        )

    with pytest.raises(ForbiddenError, match="does not decide"):
        _approve(approval_id, agent)


def test_a_token_for_other_things_decides_for_nobody(
    boss: Actor, agent: Actor, policy_id: UUID, session: Session
) -> None:
    _delegate(boss, agent)
    approval_id = _ask(policy_id)

    with pytest.raises(ForbiddenError, match="does not decide"):
        _approve(approval_id, agent.within(scopes=frozenset({ApprovalsMay.VIEW})))


def test_a_delegate_is_reminded_in_the_delegators_place_as_well(
    boss: Actor, agent: Actor, policy_id: UUID, session: Session
) -> None:
    _delegate(boss, agent, last=date(2026, 6, 1))
    _ask(policy_id)
    third = DAY + timedelta(days=3)

    with clock.frozen(morning(third)), acting_as(SYSTEM):
        remind_deciders(now=morning(third))

    mails = session.scalars(select(Mail.recipient).where(Mail.kind == "approval_reminder")).all()
    assert sorted(mails) == sorted([boss.email, agent.email])


# Naming somebody


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [
        (DAY - timedelta(days=1), LAST, "first_day"),
        (LAST, DAY, "last_day"),
        (DAY, DAY + timedelta(days=90), "last_day"),
    ],
)
def test_days_that_cannot_be_are_refused(
    first: date, last: date, field: str, boss: Actor, agent: Actor, session: Session
) -> None:
    with pytest.raises(DomainError) as refusal:
        _delegate(boss, agent, first=first, last=last)

    assert refusal.value.field == field
    session.rollback()
    _delegate(boss, agent, first=DAY, last=DAY + timedelta(days=89))


def test_only_a_colleague_is_named_and_never_oneself(
    boss: Actor, other_org: OrganizationFacts, session: Session
) -> None:
    with tenant_scope(other_org.id):
        stranger = _actor(other_org, Role.MANAGER, "Stranger")

    for person, words in (
        (boss, "somebody else"),
        (stranger, "from the list"),
        (Actor(user_id=new_id()), "from the list"),
    ):
        with pytest.raises(DomainError, match=words) as refusal:
            _delegate(boss, person)
        assert refusal.value.field == "delegate_id"


def test_only_who_decides_names_somebody_so_nothing_is_passed_on_twice(
    boss: Actor, agent: Actor, org: OrganizationFacts, session: Session
) -> None:
    _delegate(boss, agent)

    with pytest.raises(ForbiddenError, match="Only who decides"):
        _delegate(agent, _actor(org, Role.AGENT, "Third"))


def test_one_person_is_named_at_a_time(
    boss: Actor, agent: Actor, org: OrganizationFacts, session: Session
) -> None:
    other = _actor(org, Role.AGENT, "Other")
    _delegate(boss, agent)

    with pytest.raises(ConflictError, match="decides in your place from 2026/05/10 to 2026/05/12"):
        _delegate(boss, other, first=LAST, last=LAST)

    _delegate(boss, other, first=LAST + timedelta(days=1), last=LAST + timedelta(days=1))


def test_a_delegation_is_withdrawn_at_once_by_its_giver_alone(
    boss: Actor, agent: Actor, policy_id: UUID, session: Session
) -> None:
    made = _delegate(boss, agent)
    approval_id = _ask(policy_id)

    with at(DAY, agent) as now, pytest.raises(ForbiddenError, match="Only who gave"):
        withdraw_delegation(made.id, now=now)
    with at(DAY, boss) as now:
        withdraw_delegation(made.id, now=now)
        with pytest.raises(ConflictError, match="withdrawn already"):
            withdraw_delegation(made.id, now=now)

    with pytest.raises(ForbiddenError, match="does not decide"):
        _approve(approval_id, agent)
    audited = session.scalars(
        select(AuditEvent)
        .where(AuditEvent.resource == "approval_delegations")
        .order_by(AuditEvent.recorded_at, AuditEvent.id)
    ).all()
    assert [one.action for one in audited] == [
        "approvals.delegate",
        "approvals.withdraw_delegation",
    ]
    mail = session.scalars(select(Mail).where(Mail.kind == "approval_delegated")).one()
    assert (mail.recipient, "On leave" in mail.body) == (agent.email, True)


# On screen and over the API


def test_somebody_is_named_and_decides_on_screen(
    sign_in: Callable[..., SignedInClient],
    app: Flask,
    org: OrganizationFacts,
    policy_id: UUID,
    session: Session,
) -> None:
    approval_id = _ask(policy_id)
    colleague: PersonFacts = make_person(org.id, Role.AGENT)
    with clock.frozen(morning(DAY)):
        boss, agent = sign_in(Role.MANAGER), session_for(app, colleague, org)
        new = boss.url("/approvals/delegations/new")
        sent = {
            "delegate_id": str(colleague.id),
            "first_day": "2026/05/10",
            "last_day": "2026/05/12",
            "reason": "On leave",
        }
        empty = boss.get(boss.url("/approvals/delegations"))
        before = agent.get(agent.url(f"/approvals/{approval_id}"))
        wrong = boss.post(new, data=sent | {"last_day": "2026/09/01"})
        made = boss.post(new, data=sent)
        listed = boss.get(boss.url("/approvals/delegations"))
        given = agent.get(agent.url("/approvals/delegations"))
        shown = agent.get(agent.url(f"/approvals/{approval_id}"))
        decided = agent.post(agent.url(f"/approvals/{approval_id}/decide"), data={"act": "approve"})
        done = boss.get(boss.url(f"/approvals/{approval_id}"))
        refused = agent.get(new)

    assert "Nobody decides in your place" in empty.text
    assert "Your role does not decide requests." in before.text
    assert (wrong.status_code, "At most 90 days." in wrong.text) == (422, True)
    assert made.status_code == 303
    assert "In force" in listed.text
    assert "Withdraw</button>" in listed.text
    assert "Withdraw</button>" not in given.text
    assert "You decide this for Thandi Mokoena" in shown.text
    assert decided.status_code == 303
    assert "Thandi Mokoena, agent for Thandi Mokoena, manager" in done.text
    assert refused.status_code == 403


def test_a_delegation_is_withdrawn_on_screen(
    app: Flask, org: OrganizationFacts, sign_in: Callable[..., SignedInClient], session: Session
) -> None:
    with clock.frozen(morning(DAY)):
        giver, other = make_person(org.id, Role.MANAGER), sign_in(Role.MANAGER)
        boss = session_for(app, giver, org)
        acting_boss = Actor(
            user_id=giver.id, email=giver.email, roles=frozenset({Role.MANAGER}), org_id=org.id
        )
        made = _delegate(acting_boss, _actor(org, Role.AGENT, "Agent"))
        url = boss.url(f"/approvals/delegations/{made.id}/withdraw")
        refused = other.post(url)
        gone = boss.post(url)
        again = boss.post(url)
        listed = boss.get(boss.url("/approvals/delegations"))

    assert (refused.status_code, gone.status_code, again.status_code) == (403, 303, 409)
    assert "Withdrawn" in listed.text


def test_delegations_are_given_listed_and_withdrawn_over_the_api(
    api: Callable[..., TestClient], org: OrganizationFacts, session: Session
) -> None:
    colleague = make_person(org.id, Role.AGENT)
    body = {
        "delegate_id": str(colleague.id),
        "first_day": "2026-05-10",
        "last_day": "2026-05-12",
        "reason": "On leave",
    }
    with clock.frozen(morning(DAY)):
        boss, other, agent = api(Role.MANAGER), api(Role.MANAGER), api(Role.AGENT)
        wrong = boss.post("/api/v1/approvals/delegations", json=body | {"first_day": "2026-05-09"})
        made = boss.post("/api/v1/approvals/delegations", json=body)
        twice = boss.post("/api/v1/approvals/delegations", json=body)
        refused = agent.post("/api/v1/approvals/delegations", json=body)
        url = f"/api/v1/approvals/delegations/{made.json['id']}/withdraw"
        listed, others = (one.get("/api/v1/approvals/delegations").json for one in (boss, other))
        not_theirs = other.post(url)
        gone = boss.post(url)

    assert (wrong.status_code, wrong.json["errors"][0]["pointer"]) == (422, "/first_day")
    assert (made.status_code, made.json["delegate_email"]) == (201, colleague.email)
    assert (twice.status_code, refused.status_code) == (409, 403)
    assert ([one["id"] for one in listed], others) == ([made.json["id"]], [])
    assert (not_theirs.status_code, gone.status_code) == (403, 200)
    assert gone.json["withdrawn_at"] is not None
