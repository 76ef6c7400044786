"""Two people: one asks, another decides, and what was asked for is done as it was frozen."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalRequest, ApprovalStatus
from insurance.approvals.queries import get_request, list_requests, list_waiting
from insurance.approvals.services import approve_request, reject_request, withdraw_request
from insurance.audit_logs.models import AuditEvent
from insurance.billing.models import LineStatus, ReceiptKind
from insurance.billing.queries import (
    arrears_on,
    list_premium_lines,
    list_receipts,
    unapplied_credit,
)
from insurance.core import clock
from insurance.core.context import SYSTEM, Actor, acting_as
from insurance.core.db import db, transaction
from insurance.core.errors import ConflictError, DomainError, ForbiddenError, NotFoundError
from insurance.core.ids import new_id
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.policies.lifecycle_rules import CancellationType
from insurance.policies.models import PolicyStatus
from insurance.policies.queries import get_policy, list_events
from insurance.policies.services import (
    Cancellation,
    cancel_policy,
    pay_refund,
    suspend_policy,
    waive_premium,
    write_off_premium,
)
from tests.factories.identity import TestClient
from tests.factories.lifecycle import CHECKER, MAKER, at, morning, pay, sell
from tests.factories.organizations import OrganizationFacts

D = Decimal
MAY = date(2026, 5, 1)
DAY = date(2026, 5, 10)


@pytest.fixture
def policy_id(session: Session) -> UUID:
    """Return a policy of 100.00 a month since 1 May, on which nothing was paid."""
    return sell(MAY)


def _ask_for_fraud(policy_id: UUID, day: date = DAY) -> UUID:
    wanted = Cancellation(kind=CancellationType.FRAUD, reason="The claim was made up")
    with at(day) as now:
        approval_id = cancel_policy(policy_id, wanted, on=day, now=now).approval_id
    assert approval_id is not None
    return approval_id


def _ask_to_waive(policy_id: UUID) -> UUID:
    line_id = list_premium_lines(db.session(), policy_id)[0].id
    db.session().rollback()
    with at(DAY) as now:
        approval_id = waive_premium(
            policy_id, line_id, reason="Our mistake", on=DAY, now=now
        ).approval_id
    assert approval_id is not None
    return approval_id


def _approve(approval_id: UUID, by: Actor = CHECKER, day: date = DAY) -> ApprovalRequest:
    with at(day, by) as now:
        return approve_request(approval_id, on=day, now=now, note="Seen the file")


def _status(session: Session, approval_id: UUID) -> ApprovalStatus:
    session.rollback()
    return get_request(session, approval_id).status


def test_what_is_asked_for_waits_on_the_record_and_nothing_is_done(
    policy_id: UUID, session: Session
) -> None:
    approval_id = _ask_for_fraud(policy_id)

    (waiting,) = list_waiting(session, "policies", policy_id)
    assert (waiting.id, waiting.requested_by_email) == (approval_id, MAKER.email)
    assert (waiting.reason, waiting.record_version) == ("The claim was made up", 1)
    assert waiting.payload["cancellation_type"] == "FRAUD"
    assert get_policy(session, policy_id).status is PolicyStatus.ACTIVE


def test_another_person_agrees_and_it_is_done_at_once(policy_id: UUID, session: Session) -> None:
    approval_id = _ask_for_fraud(policy_id)

    done = _approve(approval_id)

    assert (done.status, done.decided_by_email) == (ApprovalStatus.APPROVED, CHECKER.email)
    assert get_policy(session, policy_id).status is PolicyStatus.CANCELLED
    event = list_events(session, policy_id, limit=1)[0]
    assert (event.actor, event.reason) == (CHECKER.email, "The claim was made up")
    assert event.payload["approval_id"] == str(approval_id)
    assert list_waiting(session, "policies", policy_id) == []


def test_nobody_decides_what_they_asked_for_themselves(policy_id: UUID, session: Session) -> None:
    approval_id = _ask_for_fraud(policy_id)

    with pytest.raises(ForbiddenError, match="asked for this yourself"):
        _approve(approval_id, MAKER)
    with pytest.raises(ForbiddenError, match="asked for this yourself"), at(DAY) as now:
        reject_request(approval_id, now=now)

    assert _status(session, approval_id) is ApprovalStatus.WAITING


def test_the_database_itself_holds_maker_and_checker_apart(
    policy_id: UUID, session: Session, org: OrganizationFacts, admin_connection: Connection
) -> None:
    approval_id = _ask_for_fraud(policy_id)

    with pytest.raises(IntegrityError, match="two_people"):
        admin_connection.execute(
            text(
                "UPDATE ins.approval_requests SET status = 'APPROVED', decided_by = requested_by"
                " WHERE org_id = :org AND id = :id"
            ),
            {"org": org.id, "id": approval_id},
        )
    admin_connection.rollback()


def test_a_program_neither_asks_nor_decides(policy_id: UUID, session: Session) -> None:
    approval_id = _ask_to_waive(policy_id)
    wanted = Cancellation(kind=CancellationType.FRAUD, reason="The claim was made up")

    with acting_as(SYSTEM):
        with pytest.raises(ForbiddenError, match="person must ask"):
            cancel_policy(policy_id, wanted, on=DAY, now=morning(DAY))
        with pytest.raises(ForbiddenError, match="not a program"):
            approve_request(approval_id, on=DAY, now=morning(DAY))


def test_a_record_that_has_moved_on_makes_a_request_void(policy_id: UUID, session: Session) -> None:
    approval_id = _ask_for_fraud(policy_id)
    with at(DAY) as now:
        suspend_policy(policy_id, reason="Under investigation", on=DAY, now=now)

    with pytest.raises(ConflictError, match="version 1 and is version 2. The request is void"):
        _approve(approval_id)

    assert _status(session, approval_id) is ApprovalStatus.VOID
    assert get_policy(session, policy_id).status is PolicyStatus.SUSPENDED
    with pytest.raises(ConflictError, match="it is void"):
        _approve(approval_id)


def test_money_that_came_in_since_makes_a_cancellation_void(
    policy_id: UUID, session: Session
) -> None:
    approval_id = _ask_for_fraud(policy_id)
    pay(policy_id, "100.00", DAY)

    with pytest.raises(ConflictError, match="money has changed"):
        _approve(approval_id)

    assert _status(session, approval_id) is ApprovalStatus.VOID


def test_a_payload_that_was_changed_is_not_carried_out(
    policy_id: UUID, session: Session, org: OrganizationFacts, admin_connection: Connection
) -> None:
    approval_id = _ask_to_waive(policy_id)
    admin_connection.execute(
        text(
            'UPDATE ins.approval_requests SET payload = payload || \'{"amount": "1.00"}\''
            " WHERE org_id = :org AND id = :id"
        ),
        {"org": org.id, "id": approval_id},
    )
    admin_connection.commit()

    with pytest.raises(ConflictError, match="not what was frozen"):
        _approve(approval_id)

    assert _status(session, approval_id) is ApprovalStatus.VOID
    assert list_receipts(session, policy_id) == []


def test_the_same_is_not_asked_for_twice(policy_id: UUID, session: Session) -> None:
    approval_id = _ask_for_fraud(policy_id)

    with pytest.raises(ConflictError, match="waits for approval already") as refusal:
        _ask_for_fraud(policy_id)

    assert refusal.value.detail == {"approval_id": str(approval_id)}
    with at(DAY) as now:
        withdraw_request(approval_id, now=now, note="A misunderstanding")
    assert _ask_for_fraud(policy_id) != approval_id


def test_what_a_change_of_the_record_left_behind_gives_way_to_the_same_asked_again(
    policy_id: UUID, session: Session
) -> None:
    stale = _ask_for_fraud(policy_id)
    with at(DAY) as now:
        suspend_policy(policy_id, reason="Under investigation", on=DAY, now=now)

    asked = _ask_for_fraud(policy_id)

    given_way = get_request(session, stale)
    (voided,) = session.scalars(
        select(AuditEvent).where(
            AuditEvent.resource_id == str(stale), AuditEvent.action == "approvals.void"
        )
    )
    assert given_way.status is ApprovalStatus.VOID
    assert given_way.decision_note == voided.reason
    assert voided.reason == "The policy has changed since, and it was asked for again."
    assert [one.id for one in list_waiting(session, "policies", policy_id)] == [asked]
    session.rollback()
    _approve(asked)
    assert get_policy(session, policy_id).status is PolicyStatus.CANCELLED


def test_a_refused_request_is_over_and_did_nothing(policy_id: UUID, session: Session) -> None:
    approval_id = _ask_for_fraud(policy_id)

    with at(DAY, CHECKER) as now:
        reject_request(approval_id, now=now, note="No proof")

    request = get_request(session, approval_id)
    assert (request.status, request.decision_note) == (ApprovalStatus.REJECTED, "No proof")
    assert get_policy(session, policy_id).status is PolicyStatus.ACTIVE
    with pytest.raises(ConflictError, match="it is rejected"):
        _approve(approval_id)


def test_only_the_one_who_asked_takes_it_back(policy_id: UUID, session: Session) -> None:
    approval_id = _ask_for_fraud(policy_id)

    with pytest.raises(ForbiddenError, match="Only the person who asked"), at(DAY, CHECKER) as now:
        withdraw_request(approval_id, now=now)
    with at(DAY) as now:
        withdraw_request(approval_id, now=now)

    assert _status(session, approval_id) is ApprovalStatus.WITHDRAWN


def test_two_people_who_agree_at_once_do_it_once(
    app: Flask, org: OrganizationFacts, policy_id: UUID, session: Session
) -> None:
    approval_id = _ask_to_waive(policy_id)

    def person(number: int) -> str:
        checker = Actor(
            user_id=new_id(),
            email=f"checker{number}@insurer.example",
            roles=frozenset({Role.MANAGER}),
        )
        with app.app_context(), tenant_scope(org.id):
            try:
                _approve(approval_id, checker)
            except ConflictError as refusal:
                return refusal.message
            return "agreed"

    with ThreadPoolExecutor(2) as people:
        said = sorted(people.map(person, range(2)))

    assert said == ["This request does not wait any more: it is approved.", "agreed"]
    assert len(list_receipts(session, policy_id)) == 1


# What always needs two people


def test_a_waived_premium_is_paid_by_the_insurer(policy_id: UUID, session: Session) -> None:
    _approve(_ask_to_waive(policy_id))

    line = list_premium_lines(session, policy_id)[0]
    (receipt,) = list_receipts(session, policy_id)
    number = get_policy(session, policy_id).policy_number
    assert (line.status, line.paid_amount) == (LineStatus.PAID, D("100.00"))
    assert (receipt.kind, receipt.reference) == (ReceiptKind.WAIVER, f"WV-{number}-1")
    assert arrears_on(session, policy_id, DAY) == 0
    assert list_events(session, policy_id, limit=1)[0].event_type == "PREMIUM_WAIVED"


def test_a_write_off_takes_what_is_open(policy_id: UUID, session: Session) -> None:
    pay(policy_id, "60.00", DAY)
    line_id = list_premium_lines(session, policy_id)[0].id
    session.rollback()
    with at(DAY) as now:
        asked = write_off_premium(policy_id, line_id, reason="Too little", on=DAY, now=now)
    assert asked.approval_id is not None

    _approve(asked.approval_id)

    assert list_receipts(session, policy_id)[0].amount == D("40.00")
    assert list_premium_lines(session, policy_id)[0].status is LineStatus.PAID


def test_a_premium_that_was_paid_meanwhile_is_not_waived(policy_id: UUID, session: Session) -> None:
    approval_id = _ask_to_waive(policy_id)
    pay(policy_id, "30.00", DAY)

    with pytest.raises(ConflictError, match="has changed since"):
        _approve(approval_id)

    assert _status(session, approval_id) is ApprovalStatus.VOID


def test_what_is_not_owed_cannot_be_waived(policy_id: UUID, session: Session) -> None:
    lines = [one.id for one in list_premium_lines(session, policy_id)]
    session.rollback()
    pay(policy_id, "100.00", DAY)

    for line_id, words in ((lines[0], "is paid"), (lines[1], "has not been charged")):
        with at(DAY) as now, pytest.raises(ConflictError, match=words):
            waive_premium(policy_id, line_id, reason="Our mistake", on=DAY, now=now)
    with at(DAY) as now, pytest.raises(NotFoundError):
        waive_premium(policy_id, new_id(), reason="Our mistake", on=DAY, now=now)


def test_a_request_wants_a_reason(policy_id: UUID, session: Session) -> None:
    line_id = list_premium_lines(session, policy_id)[0].id
    session.rollback()

    with at(DAY) as now, pytest.raises(DomainError) as refusal:
        waive_premium(policy_id, line_id, reason=" ", on=DAY, now=now)

    assert refusal.value.field == "reason"


def test_credit_above_the_limit_goes_back_after_two_people_agreed(
    policy_id: UUID, session: Session
) -> None:
    pay(policy_id, "7000.00", DAY)

    def refund(amount: str, reference: str) -> UUID | None:
        with at(DAY) as now:
            return pay_refund(
                policy_id,
                amount=D(amount),
                reference=reference,
                reason="Paid twice",
                on=DAY,
                now=now,
            ).approval_id

    approval_id = refund("5000.01", "EFT 2")
    assert approval_id is not None
    assert unapplied_credit(session, policy_id) == D("6800.00")
    session.rollback()
    _approve(approval_id)

    assert unapplied_credit(session, policy_id) == D("1799.99")


def test_a_large_refund_in_small_parts_needs_two_people_all_the_same(
    policy_id: UUID, session: Session
) -> None:
    pay(policy_id, "9000.00", DAY)

    def refund(reference: str) -> UUID | None:
        with at(DAY) as now:
            return pay_refund(
                policy_id,
                amount=D("2500.00"),
                reference=reference,
                reason="Paid twice",
                on=DAY,
                now=now,
            ).approval_id

    assert [refund("EFT 1"), refund("EFT 2")] == [None, None]
    assert refund("EFT 3") is not None


def test_a_rollback_of_the_deed_leaves_the_request_waiting(
    policy_id: UUID, session: Session
) -> None:
    approval_id = _ask_for_fraud(policy_id)

    with pytest.raises(RuntimeError), transaction():
        _approve(approval_id)

    assert _status(session, approval_id) is ApprovalStatus.WAITING


# Over the API


def test_requests_are_listed_by_status_and_decided_over_the_api(
    api: Callable[..., TestClient], policy_id: UUID, session: Session
) -> None:
    approval_id = _ask_to_waive(policy_id)
    with clock.frozen(morning(DAY)):
        checker, clerk = api(), api(Role.AGENT)
        waiting = checker.get("/api/v1/approvals?status=WAITING").json
        one = checker.get(f"/api/v1/approvals/{approval_id}").json
        refused = clerk.post(f"/api/v1/approvals/{approval_id}/approve", json={})
        agreed = checker.post(f"/api/v1/approvals/{approval_id}/approve", json={})
        twice = checker.post(f"/api/v1/approvals/{approval_id}/approve", json={})
        left = checker.get("/api/v1/approvals?status=WAITING").json

    assert [row["id"] for row in waiting] == [str(approval_id)]
    assert (one["amount"], one["payload"]["amount"]) == (100.0, "100.00")
    assert refused.status_code == 403
    assert (agreed.status_code, agreed.json["status"]) == (200, "APPROVED")
    assert (twice.status_code, left) == (409, [])


def test_the_list_is_paged(policy_id: UUID, session: Session) -> None:
    first = _ask_for_fraud(policy_id)
    second = _ask_to_waive(policy_id)

    page = list_requests(session, limit=1)

    assert [one.id for one in page.items] == [second]
    assert page.next_cursor is not None
    assert [one.id for one in list_requests(session, limit=1, after=second).items] == [first]
