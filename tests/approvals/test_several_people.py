"""As many people agree as the organization's rules ask for: each once, and never who asked."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalRequest, ApprovalStatus
from insurance.approvals.queries import (
    agreements_of,
    get_request,
    get_setting,
    list_rules,
    list_waiting,
)
from insurance.approvals.rules import people_needed
from insurance.approvals.services import approve_request, change_settings, reject_request
from insurance.approvals.subjects import actions
from insurance.audit_logs.models import AuditEvent
from insurance.billing.queries import list_premium_lines
from insurance.blueprints.approvals.readable import NAMES
from insurance.claims.services import change_payees
from insurance.core import clock
from insurance.core.context import Actor
from insurance.core.db import db
from insurance.core.errors import ConflictError, DomainError, ForbiddenError, StaleError
from insurance.core.ids import new_id
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.policies.models import PolicyStatus
from insurance.policies.queries import get_policy
from insurance.policies.services import suspend_policy, waive_premium
from tests.factories.claims import (
    ASSESSOR,
    MANAGER,
    account,
    acting,
    assess,
    claim,
    complete,
)
from tests.factories.claims import pay as pay_claim
from tests.factories.identity import SignedInClient, TestClient
from tests.factories.lifecycle import CHECKER, MAKER, at, make_approval, morning, sell
from tests.factories.organizations import OrganizationFacts

D = Decimal
MAY = date(2026, 5, 1)
DAY = date(2026, 5, 10)
SECOND = Actor(
    user_id=new_id(),
    email="second@insurer.example",
    name="Second",
    roles=frozenset({Role.MANAGER}),
)


@dataclass(frozen=True)
class Rule:
    """From an amount of an action on, so many people."""

    action: str
    from_amount: Decimal
    people: int


@pytest.fixture
def policy_id(session: Session) -> UUID:
    """Return a policy of 100.00 a month since 1 May, on which nothing was paid."""
    return sell(MAY)


def _want(*rules: Rule) -> None:
    version = get_setting(db.session()).version
    db.session().rollback()
    with at(DAY) as now:
        change_settings(rules, version=version, now=now)


def _ask_to_waive(policy_id: UUID) -> UUID:
    line_id = list_premium_lines(db.session(), policy_id)[0].id
    db.session().rollback()
    with at(DAY) as now:
        asked = waive_premium(policy_id, line_id, reason="Our mistake", on=DAY, now=now)
    assert asked.approval_id is not None
    return asked.approval_id


def _approve(approval_id: UUID, by: Actor, note: str | None = None) -> ApprovalRequest:
    with at(DAY, by) as now:
        return approve_request(approval_id, on=DAY, now=now, note=note)


def _agreed(approval_id: UUID) -> list[str]:
    session = db.session()
    session.rollback()
    request = get_request(session, approval_id)
    return [one.agreed_by_email for one in agreements_of(session, [request])[request.id]]


def _open(policy_id: UUID) -> Decimal:
    line = list_premium_lines(db.session(), policy_id)[0]
    return line.amount - line.paid_amount


# How many


@pytest.mark.parametrize(
    ("amount", "people"), [("0.00", 1), ("999.99", 1), ("1000.00", 2), ("9000.00", 3)]
)
def test_more_money_needs_more_people(amount: str, people: int) -> None:
    rules = [Rule("refunds.pay", D(1000), 2), Rule("refunds.pay", D(5000), 3)]

    assert people_needed(rules, "refunds.pay", D(amount)) == people
    assert people_needed(rules, "claims.pay", D(amount)) == 1


def test_what_has_no_amount_is_under_the_rules_from_nothing_on() -> None:
    rules = [Rule("claims.undo_death", D(0), 2), Rule("claims.undo_death", D(1), 3)]

    assert people_needed(rules, "claims.undo_death", None) == 2


@given(
    st.lists(
        st.builds(Rule, st.just("refunds.pay"), st.decimals(0, 10**6, places=2), st.integers(1, 5))
    ),
    st.decimals(0, 10**6, places=2),
    st.decimals(0, 10**6, places=2),
)
def test_more_money_never_needs_fewer_people(rules: list[Rule], one: D, other: D) -> None:
    less, more = sorted((one, other))

    assert people_needed(rules, "refunds.pay", less) <= people_needed(rules, "refunds.pay", more)


def test_without_a_rule_one_person_agrees(policy_id: UUID, session: Session) -> None:
    approval_id = _ask_to_waive(policy_id)

    done = _approve(approval_id, CHECKER)

    assert (done.needed, done.status) == (1, ApprovalStatus.APPROVED)
    assert _agreed(approval_id) == [CHECKER.email]


# Agreeing


def test_the_last_of_two_people_carries_it_out(policy_id: UUID, session: Session) -> None:
    _want(Rule("premiums.waive", D("100.00"), 2))
    approval_id = _ask_to_waive(policy_id)

    first = _approve(approval_id, CHECKER, "Seen the file")
    assert (first.status, first.decided_by) == (ApprovalStatus.WAITING, None)
    assert _open(policy_id) == D("100.00")
    session.rollback()
    last = _approve(approval_id, SECOND)

    assert (last.status, last.decided_by) == (ApprovalStatus.APPROVED, SECOND.user_id)
    assert _open(policy_id) == D("0.00")
    assert _agreed(approval_id) == [CHECKER.email, SECOND.email]
    audited = session.scalars(
        select(AuditEvent)
        .where(AuditEvent.resource_id == str(approval_id))
        .order_by(AuditEvent.recorded_at, AuditEvent.id)
    ).all()
    assert [(one.action, one.user_label) for one in audited] == [
        ("approvals.request", MAKER.email),
        ("approvals.agree", CHECKER.email),
        ("approvals.approve", SECOND.email),
    ]
    assert (audited[1].after, audited[1].reason) == ({"agreed": 1, "needed": 2}, "Seen the file")


def test_nobody_counts_twice_and_the_one_who_asked_never(policy_id: UUID, session: Session) -> None:
    _want(Rule("premiums.waive", D(0), 2))
    approval_id = _ask_to_waive(policy_id)
    _approve(approval_id, CHECKER)

    with pytest.raises(ConflictError, match="agreed to this already"):
        _approve(approval_id, CHECKER)
    with pytest.raises(ForbiddenError, match="asked for this yourself"):
        _approve(approval_id, MAKER)

    assert _agreed(approval_id) == [CHECKER.email]
    assert _open(policy_id) == D("100.00")


def test_one_refusal_ends_it_whoever_agreed_before(policy_id: UUID, session: Session) -> None:
    _want(Rule("premiums.waive", D(0), 3))
    approval_id = _ask_to_waive(policy_id)
    _approve(approval_id, CHECKER)

    with at(DAY, SECOND) as now:
        reject_request(approval_id, now=now, note="Not our mistake")

    assert get_request(session, approval_id).status is ApprovalStatus.REJECTED
    assert _open(policy_id) == D("100.00")
    with pytest.raises(ConflictError, match="it is rejected"):
        _approve(approval_id, CHECKER)


def test_a_request_keeps_the_number_it_was_asked_under(policy_id: UUID, session: Session) -> None:
    _want(Rule("premiums.waive", D(0), 2))
    approval_id = _ask_to_waive(policy_id)
    _want()

    assert _approve(approval_id, CHECKER).status is ApprovalStatus.WAITING
    assert _approve(approval_id, SECOND).status is ApprovalStatus.APPROVED


def test_each_of_them_is_held_to_what_the_action_asks_of_a_decider(
    policy_id: UUID, session: Session
) -> None:
    _want(Rule("claims.pay", D(0), 2))
    made = claim(policy_id, "60000.00", day=DAY)
    complete(made.id, DAY)
    assess(made.id, "60000.00", day=DAY)
    with acting(MANAGER, DAY) as now:
        change_payees(made.id, [account()], reason="A new account", on=DAY, now=now)
    approval_id = pay_claim(made.id, "60000.00", day=DAY).approval_id
    assert approval_id is not None
    assessor = ASSESSOR.within(roles=frozenset({Role.CLAIMS_ASSESSOR, Role.MANAGER}))

    with pytest.raises(ForbiddenError, match="You assessed this claim"), acting(assessor, DAY) as t:
        approve_request(approval_id, on=DAY, now=t)
    _approve(approval_id, CHECKER)
    with pytest.raises(ForbiddenError, match="You assessed this claim"), acting(assessor, DAY) as t:
        approve_request(approval_id, on=DAY, now=t)

    assert _agreed(approval_id) == [CHECKER.email]


def test_a_record_that_moved_on_is_seen_by_the_first_who_agrees_and_by_the_last(
    policy_id: UUID, session: Session
) -> None:
    _want(Rule("policies.cancel", D(0), 2))
    approval_id = make_approval(policy_id)
    _approve(approval_id, CHECKER)
    with at(DAY) as now:
        suspend_policy(policy_id, reason="Under investigation", on=DAY, now=now)

    with pytest.raises(ConflictError, match="The request is void"):
        _approve(approval_id, SECOND)

    assert get_policy(session, policy_id).status is PolicyStatus.SUSPENDED
    assert get_request(session, approval_id).status is ApprovalStatus.VOID


def test_two_who_agree_at_once_are_both_counted_and_it_is_done_once(
    app: Flask, org: OrganizationFacts, policy_id: UUID, session: Session
) -> None:
    _want(Rule("premiums.waive", D(0), 2))
    approval_id = _ask_to_waive(policy_id)

    def agree(person: Actor) -> str:
        with app.app_context(), tenant_scope(org.id):
            return _approve(approval_id, person).status.value

    with ThreadPoolExecutor(2) as people:
        said = sorted(people.map(agree, (CHECKER, SECOND)))

    assert said == ["APPROVED", "WAITING"]
    assert _open(policy_id) == D("0.00")


def test_an_agreement_is_never_changed_or_taken_away(
    policy_id: UUID, session: Session, org: OrganizationFacts, admin_connection: Connection
) -> None:
    _approve(_ask_to_waive(policy_id), CHECKER)

    for statement in (
        "UPDATE ins.approval_agreements SET note = 'No' WHERE org_id = :org",
        "DELETE FROM ins.approval_agreements WHERE org_id = :org",
    ):
        with pytest.raises(DBAPIError, match="append-only"):
            admin_connection.execute(text(statement), {"org": org.id})
        admin_connection.rollback()


# The settings


def test_every_action_is_named_in_the_settings() -> None:
    assert set(NAMES) >= actions()


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        (Rule("policies.burn", D(0), 2), "rules.1.action"),
        (Rule("refunds.pay", D(-1), 2), "rules.1.from_amount"),
        (Rule("refunds.pay", D("5.00"), 2), "rules.1.from_amount"),
        (Rule("refunds.pay", D(9), 0), "rules.1.people"),
        (Rule("refunds.pay", D(9), 6), "rules.1.people"),
    ],
)
def test_a_rule_nobody_could_follow_is_refused(session: Session, rule: Rule, field: str) -> None:
    with pytest.raises(DomainError) as refusal:
        _want(Rule("refunds.pay", D("5.00"), 3), rule)

    assert refusal.value.field == field
    assert list_rules(session) == []


def test_two_who_change_the_rules_at_once_see_each_others(session: Session) -> None:
    _want(Rule("refunds.pay", D("5.00"), 3))

    with at(DAY) as now, pytest.raises(StaleError) as refusal:
        change_settings([], version=0, now=now)

    assert refusal.value.theirs["version"] == 1
    assert [one.people for one in list_rules(session)] == [3]


def test_a_change_of_the_rules_is_audited_with_before_and_after(session: Session) -> None:
    _want(Rule("refunds.pay", D("5.00"), 3))
    _want()

    first, last = session.scalars(
        select(AuditEvent)
        .where(AuditEvent.action == "approvals.change_settings")
        .order_by(AuditEvent.id)
    ).all()
    rule = {"action": "refunds.pay", "from_amount": "5.00", "people": 3}
    days = {"expires_after_days": 30, "remind_after_days": 3}
    assert first.before == days | {"version": 0, "rules": []}
    assert first.after == last.before == days | {"version": 1, "rules": [rule]}
    assert last.after == days | {"version": 2, "rules": []}


def test_the_rules_are_set_on_screen(
    sign_in: Callable[..., SignedInClient], session: Session
) -> None:
    client = sign_in()
    url = client.url("/approvals/settings")
    sent = {
        "version": "0",
        "expires_after_days": "14",
        "remind_after_days": "2",
        "rules.0.action": "",
        "rules.0.from_amount": "",
        "rules.0.people": "",
        "rules.1.action": "refunds.pay",
        "rules.1.from_amount": "1 000,00",
        "rules.1.people": "2",
    }

    empty = client.get(url)
    wrong = client.post(url, data=sent | {"rules.1.people": "12"})
    saved = client.post(url, data=sent)
    stale = client.post(url, data=sent | {"rules.1.people": "3", "remind_after_days": "9"})
    again = client.get(url)

    assert "No rule" in empty.text
    assert wrong.status_code == 422
    assert '<a href="#rules.1.people">People, rule 2: Enter 1 to 5 people.</a>' in wrong.text
    assert saved.status_code == 303
    assert (stale.status_code, "Saved by somebody else" in stale.text) == (409, True)
    assert 'value="1\u00a0000,00"' in again.text
    assert [(one.action, one.people) for one in list_rules(session)] == [("refunds.pay", 2)]


def test_who_may_only_look_reads_the_rules(
    sign_in: Callable[..., SignedInClient], session: Session
) -> None:
    auditor, manager = sign_in(Role.AUDITOR), sign_in(Role.MANAGER)
    none = auditor.get(auditor.url("/approvals/settings"))
    _want(Rule("refunds.pay", D(1000), 2))

    looked = auditor.get(auditor.url("/approvals/settings"))
    posted = auditor.post(auditor.url("/approvals/settings"), data={"version": "1"})

    assert "There are no rules" in none.text
    assert "Refund, from R\u00a01\u00a0000,00" in looked.text
    assert "2 people" in looked.text
    assert posted.status_code == 403
    assert manager.get(manager.url("/approvals/settings")).status_code == 403


def test_the_rules_are_set_over_the_api(api: Callable[..., TestClient], session: Session) -> None:
    administrator, manager = api(), api(Role.MANAGER)
    rule = {"action": "refunds.pay", "from_amount": 1000.0, "people": 2}
    wanted = {"version": 0, "expires_after_days": 14, "remind_after_days": 2, "rules": [rule]}

    first = administrator.get("/api/v1/approvals/settings")
    saved = administrator.put("/api/v1/approvals/settings", json=wanted)
    stale = administrator.put("/api/v1/approvals/settings", json=wanted)
    wrong = administrator.put(
        "/api/v1/approvals/settings",
        json=wanted | {"version": 1, "rules": [rule | {"people": 0}]},
    )
    refused = manager.put("/api/v1/approvals/settings", json=wanted)

    assert first.json == {
        "version": 0,
        "expires_after_days": 30,
        "remind_after_days": 3,
        "rules": [],
    }
    assert saved.json == wanted | {"version": 1}
    assert stale.status_code == 409
    assert (wrong.status_code, wrong.json["errors"][0]["pointer"]) == (422, "/rules/0/people")
    assert refused.status_code == 403


def test_two_agree_on_screen_and_the_list_says_who_did(
    sign_in: Callable[..., SignedInClient], policy_id: UUID, session: Session
) -> None:
    _want(Rule("premiums.waive", D(0), 2))
    approval_id = _ask_to_waive(policy_id)
    (waiting,) = list_waiting(session, "policies", policy_id)
    with clock.frozen(morning(DAY)):
        first, second = sign_in(Role.MANAGER), sign_in(Role.FINANCE)
        url = first.url(f"/approvals/{approval_id}")
        before = first.get(url)
        first.post(f"{url}/decide", data={"act": "approve", "note": "Fine by me"})
        told, listed = first.get(url), first.get(first.url("/approvals"))
        on_policy = first.get(first.url(f"/policies/{policy_id}"))
        twice = first.post(f"{url}/decide", data={"act": "approve"})
        second.post(f"{url}/decide", data={"act": "approve"})
        done = second.get(url)

    assert waiting.needed == 2
    assert "0 of 2 agreed" in before.text
    assert "2 people must agree." in before.text
    assert "You agreed to this." in told.text
    assert "Fine by me" in told.text
    assert 'value="approve"' not in told.text
    assert "1 of 2 agreed: Thandi Mokoena" in listed.text
    assert "2 people must agree." in on_policy.text
    assert twice.status_code == 409
    assert "2 of 2 agreed" in done.text
    assert "Approved" in done.text


def test_two_agree_over_the_api(
    api: Callable[..., TestClient], policy_id: UUID, session: Session
) -> None:
    _want(Rule("premiums.waive", D(0), 2))
    approval_id = _ask_to_waive(policy_id)
    with clock.frozen(morning(DAY)):
        one, other = api(), api()
        first = one.post(f"/api/v1/approvals/{approval_id}/approve", json={"note": "Fine"})
        twice = one.post(f"/api/v1/approvals/{approval_id}/approve", json={})
        last = other.post(f"/api/v1/approvals/{approval_id}/approve", json={})
        (listed,) = one.get("/api/v1/approvals").json

    assert (first.json["status"], first.json["needed"]) == ("WAITING", 2)
    assert [row["note"] for row in first.json["agreements"]] == ["Fine"]
    assert twice.status_code == 409
    assert (last.json["status"], len(listed["agreements"])) == ("APPROVED", 2)
