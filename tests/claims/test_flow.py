"""A claim from its notice to its payment, and what stops it on the way."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.approvals.services import approve_request
from insurance.billing.queries import arrears_on, list_premium_lines
from insurance.claims import queries
from insurance.claims.models import Assignment, ClaimStatus, Decision
from insurance.claims.rules import AuthorityExceededError
from insurance.claims.services import (
    HandlingSettings,
    add_document,
    change_payees,
    change_settings,
    close_claim,
    reopen_claim,
    void_payment,
)
from insurance.core.db import db
from insurance.core.errors import ConflictError, DomainError, ForbiddenError
from insurance.core.permissions import Role
from insurance.ledger.models import LedgerTransfer
from insurance.policies.models import Endorsement, EndorsementStatus, PolicyStatus
from insurance.policies.queries import get_policy, list_benefits, list_events, list_members
from insurance.policies.services.endorsements import undo_endorsement
from tests.factories.book import TODAY, make_customer
from tests.factories.claims import (
    AGENT,
    ASSESSOR,
    MANAGER,
    PAYER,
    PDF,
    account,
    acting,
    assess,
    benefit_of,
    claim,
    complete,
    insure_family,
    make_family,
    pay,
)
from tests.factories.identity import make_person
from tests.factories.lifecycle import CHECKER, sell
from tests.factories.organizations import OrganizationFacts

D = Decimal
START = date(2026, 9, 20)


@pytest.fixture
def policy_id(session: Session) -> UUID:
    """Return a policy with cover of 100 000.00 for 100.00 a month, in force since 20 September."""
    return sell(START)


def _booked(session: Session, account_code: str) -> Decimal:
    session.rollback()
    balance = D(0)
    for one in session.scalars(select(LedgerTransfer)):
        balance += one.amount if one.debit_account == account_code else D(0)
        balance -= one.amount if one.credit_account == account_code else D(0)
    return balance


def _view(session: Session, claim_id: UUID) -> queries.ClaimView:
    session.rollback()
    return queries.get_view(session, claim_id)


def test_a_claim_is_registered_checked_capped_and_reserved(
    session: Session, policy_id: UUID
) -> None:
    made = claim(policy_id, "150000.00")

    view = _view(session, made.id)
    item = view.items[0]
    assert view.claim.claim_number == "CLM-2026-000001"
    assert view.claim.status is ClaimStatus.SUBMITTED
    assert (item.requested_amount, item.claimed_amount) == (D("150000.00"), D("100000.00"))
    assert item.is_capped
    assert view.claim.total_claimed == D("100000.00")
    assert {one.code: one.passed for one in view.checks} == {
        "IN_FORCE": True,
        "PREMIUMS_PAID": False,
        "LIFE_INSURED": True,
        "BENEFIT_ANSWERS": True,
        "WAITING": True,
        "REMAINING_COVER": False,
    }
    assert "capped" in next(one.detail for one in view.checks if one.code == "REMAINING_COVER")
    assert view.money[item.id].reserve == D("100000.00")
    assert _booked(session, "CLAIMS_INCURRED") == D("100000.00")
    assert [one.event_type for one in list_events(session, policy_id, limit=1)] == [
        "CLAIM_SUBMITTED"
    ]


def test_a_claim_goes_from_notice_to_payment_and_the_cover_is_used(
    session: Session, policy_id: UUID
) -> None:
    made = claim(policy_id, "60000.00", claim_type="DEATH")
    complete(made.id)
    assert _view(session, made.id).claim.status is ClaimStatus.UNDER_ASSESSMENT

    assert assess(made.id, "60000.00").status is ClaimStatus.APPROVED
    assert queries.used_cover(session, [benefit_of(policy_id)]) == {
        benefit_of(policy_id): D("60000.00")
    }
    outcome = pay(made.id, "60000.00")

    view = _view(session, made.id)
    assert view.claim.status is ClaimStatus.PAID
    assert outcome.payment is not None
    assert outcome.payment.arrears_deducted == D("300.00")
    assert outcome.payment.net_amount == D("59700.00")
    assert view.money[view.items[0].id].reserve == 0
    assert _booked(session, "OUTSTANDING_CLAIMS") == 0
    assert _booked(session, "CLAIMS_INCURRED") == D("60000.00")
    assert arrears_on(session, policy_id, TODAY) == 0


def test_a_paid_death_ends_the_policy_and_gives_later_premiums_back(
    session: Session, policy_id: UUID
) -> None:
    from tests.factories.lifecycle import pay as pay_premiums

    for month in (9, 10, 11):
        pay_premiums(policy_id, "100.00", date(2026, month, 20))
    made = claim(policy_id, "100000.00", event=date(2026, 10, 25))
    complete(made.id)
    assess(made.id, "100000.00")
    pay(made.id, "100000.00")

    session.rollback()
    policy = get_policy(session, policy_id)
    assert policy.status is PolicyStatus.CANCELLED
    assert policy.ended_on == date(2026, 10, 26)
    lines = {one.due_date: one.status.value for one in list_premium_lines(session, policy_id)}
    assert lines[date(2026, 10, 20)] == "PAID"
    assert lines[date(2026, 11, 20)] == "CANCELLED"
    assert _booked(session, "REFUNDS_PAYABLE") == D("-100.00")
    assert "POLICY_ENDED_BY_CLAIM" in {
        one.event_type for one in list_events(session, policy_id, limit=20)
    }


def test_the_second_of_two_claims_gets_what_is_left(session: Session, policy_id: UUID) -> None:
    first = claim(policy_id, "60000.00")
    second = claim(policy_id, "60000.00")
    for one in (first, second):
        complete(one.id)
    assess(first.id, "60000.00")

    with pytest.raises(ConflictError) as refusal:
        assess(second.id, "60000.00")
    assert refusal.value.detail == {"remaining_cover": D("40000.00")}
    assert assess(second.id, "40000.00").status is ClaimStatus.PARTIALLY_APPROVED


def test_nothing_is_approved_before_the_documents_are_complete(
    session: Session, policy_id: UUID
) -> None:
    made = claim(policy_id)

    with pytest.raises(ConflictError, match="Documents are outstanding") as refusal:
        assess(made.id, "100000.00")
    assert "DEATH_CERTIFICATE" in refusal.value.detail["outstanding"]
    with pytest.raises(ForbiddenError):
        assess(made.id, "100000.00", documents_waived=True, waiver_reason="Known to us")
    with pytest.raises(DomainError) as unsaid:
        assess(made.id, "100000.00", actor=MANAGER, documents_waived=True)
    assert unsaid.value.field == "waiver_reason"

    waived = assess(
        made.id, "100000.00", actor=MANAGER, documents_waived=True, waiver_reason="Seen at office"
    )
    assert waived.status is ClaimStatus.APPROVED
    assert "DOCUMENTS_WAIVED" in {one.code for one in _view(session, made.id).flags}


def test_above_the_limit_a_claim_is_escalated_and_not_lost(session: Session) -> None:
    policy_id = sell(START)
    made = claim(policy_id)
    complete(made.id)
    from insurance.claims.rules import Limits
    from insurance.claims.services import set_limit

    with acting(MANAGER) as now:
        set_limit(role="claims_assessor", level=1, limits=Limits(D(500), D(500), D(500)), now=now)

    with pytest.raises(AuthorityExceededError) as refusal:
        assess(made.id, "100000.00")

    assert refusal.value.detail["code"] == "AUTHORITY_EXCEEDED"
    assert refusal.value.detail["limit"] == D("500.00")
    assert {"role": "manager", "level": 1} in refusal.value.detail["may_approve"]
    waiting = _view(session, made.id).claim
    assert waiting.escalated_at is not None
    assert waiting.proposal["assessments"][0]["approved_amount"] == "100000.00"
    found = queries.list_claims(session, limit=10, tab="pending_approval", now=waiting.updated_at)
    assert [one.id for one in found.items] == [made.id]

    assert assess(made.id, "100000.00", actor=MANAGER).status is ClaimStatus.APPROVED
    assert _view(session, made.id).claim.escalated_at is None


def test_the_assessor_never_pays(session: Session, policy_id: UUID) -> None:
    made = claim(policy_id)
    complete(made.id)
    assess(made.id, "100000.00", actor=MANAGER)

    with pytest.raises(ForbiddenError, match="somebody else must pay"):
        pay(made.id, "100000.00", actor=MANAGER)


def test_a_payment_is_made_once_however_often_it_is_asked_for(
    session: Session, policy_id: UUID
) -> None:
    made = claim(policy_id)
    complete(made.id)
    assess(made.id, "100000.00")

    first = pay(made.id, "100000.00")
    again = pay(made.id, "100000.00")

    assert first.payment is not None and again.payment is not None
    assert again.payment.id == first.payment.id
    assert again.was_known
    with pytest.raises(ConflictError):
        pay(made.id, "100000.00", reference="PAY-2")
    with pytest.raises(ConflictError):
        pay(made.id, "1.00")


def test_a_changed_payee_needs_a_second_person(session: Session, policy_id: UUID) -> None:
    made = claim(policy_id, payees=[account()])
    complete(made.id)
    assess(made.id, "100000.00")
    with acting(AGENT) as now:
        change_payees(made.id, [account("62009999999")], reason="New account", on=TODAY, now=now)

    waiting = pay(made.id, "100000.00")
    assert waiting.payment is None
    assert waiting.approval_id is not None
    assert _view(session, made.id).claim.status is ClaimStatus.APPROVED

    with acting(PAYER) as now, pytest.raises(ForbiddenError):
        approve_request(waiting.approval_id, on=TODAY, now=now)
    with acting(ASSESSOR) as now, pytest.raises(ForbiddenError):
        approve_request(waiting.approval_id, on=TODAY, now=now)
    with acting(CHECKER) as now:
        approve_request(waiting.approval_id, on=TODAY, now=now)
    view = _view(session, made.id)
    assert view.claim.status is ClaimStatus.PAID
    assert view.payments[0].approval_id == waiting.approval_id


def test_a_rejected_claim_is_told_why_releases_its_reserve_and_may_come_back(
    session: Session, policy_id: UUID
) -> None:
    made = claim(policy_id)

    rejected = assess(made.id, "0", reason="Event not proved")

    view = _view(session, made.id)
    assert rejected.status is ClaimStatus.REJECTED
    assert view.items[0].decision is Decision.REJECTED
    assert view.money[view.items[0].id].reserve == 0
    with pytest.raises(ConflictError):
        pay(made.id, "1.00")
    with pytest.raises(ConflictError):
        assess(made.id, "0", reason="NO_PROOF")

    with acting(MANAGER) as now:
        reopen_claim(made.id, reason="New evidence", on=TODAY, now=now)
    complete(made.id)
    assert assess(made.id, "100000.00").status is ClaimStatus.APPROVED


def test_what_a_claim_paid_in_part_was_refused_is_assessed_anew(
    session: Session, policy_id: UUID
) -> None:
    made = claim(policy_id)
    complete(made.id)
    assess(made.id, "80000.00", reason="PART_OF_LOSS")
    pay(made.id, "50000.00")

    with acting(MANAGER) as now:
        again = reopen_claim(made.id, reason="New evidence", on=TODAY, now=now)

    assert again.status is ClaimStatus.UNDER_ASSESSMENT
    assert _view(session, made.id).money[_view(session, made.id).items[0].id].reserve == D("50000")
    assert assess(made.id, "100000.00").status is ClaimStatus.PART_PAID


def test_a_claim_that_is_opened_again_is_measured_on_what_others_left_of_the_cover(
    session: Session, policy_id: UUID
) -> None:
    first, second = claim(policy_id), claim(policy_id)
    with acting(MANAGER) as now:
        close_claim(first.id, reason="Withdrawn", on=TODAY, now=now)
    complete(second.id)
    cover = _view(session, second.id).items[0].cover
    assess(second.id, "80000.00", reason="PART_OF_LOSS")

    with acting(MANAGER) as now:
        again = reopen_claim(first.id, reason="New evidence", on=TODAY, now=now)

    left = min(D("100000.00"), cover - D("80000.00"))
    assert left < D("100000.00")
    item = _view(session, first.id).items[0]
    assert (item.claimed_amount, again.total_claimed) == (left, left)
    assert _view(session, first.id).money[item.id].reserve == left


def test_a_void_payment_can_be_made_again(session: Session, policy_id: UUID) -> None:
    made = claim(policy_id)
    complete(made.id)
    assess(made.id, "100000.00")
    paid = pay(made.id, "100000.00").payment
    assert paid is not None
    with (
        acting(PAYER) as now,
        pytest.raises(ConflictError, match="a second person who agrees restores it") as asked,
    ):
        void_payment(paid.id, reason="The account is closed", on=TODAY, now=now)
    assert asked.value.field == "death_stands"
    assert _view(session, made.id).claim.status is ClaimStatus.PAID
    with acting(PAYER) as now:
        void_payment(paid.id, reason="The account is closed", death_stands=True, on=TODAY, now=now)
    session.rollback()
    assert get_policy(session, policy_id).status is PolicyStatus.CANCELLED
    assert _view(session, made.id).claim.status is ClaimStatus.APPROVED
    assert _booked(session, "OUTSTANDING_CLAIMS") == D("-100000.00")

    again = pay(made.id, "100000.00", reference="PAY-1-AGAIN").payment

    assert again is not None
    assert again.arrears_deducted == D("300.00")
    assert _view(session, made.id).claim.status is ClaimStatus.PAID


def test_closing_releases_what_was_not_paid(session: Session, policy_id: UUID) -> None:
    made = claim(policy_id, "100000.00", claim_type="DEATH")
    complete(made.id)
    assess(made.id, "80000.00", reason="PART_OF_LOSS")
    pay(made.id, "30000.00")
    with acting(MANAGER) as now:
        close_claim(made.id, reason="Withdrawn", on=TODAY, now=now)

    session.rollback()
    assert queries.used_cover(session, [benefit_of(policy_id)]) == {
        benefit_of(policy_id): D("30000.00")
    }
    assert _booked(session, "OUTSTANDING_CLAIMS") == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"event": TODAY + timedelta(days=1)}, "event_date"),
        ({"amount": "0"}, "benefit_claims.0.claimed_amount"),
        ({"amount": "-1"}, "benefit_claims.0.claimed_amount"),
        ({"claim_type": "FLOOD"}, "claim_type"),
        ({"cause": "COLLISION"}, "cause"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(
    session: Session, policy_id: UUID, changes: dict[str, object], field: str
) -> None:
    with pytest.raises(DomainError) as refusal:
        claim(policy_id, **changes)  # type: ignore[arg-type]
    assert refusal.value.field == field


def test_a_benefit_of_another_policy_cannot_be_claimed(session: Session, policy_id: UUID) -> None:
    with pytest.raises(DomainError) as refusal:
        claim(policy_id, benefits=[benefit_of(sell(START))])
    assert refusal.value.field == "benefit_claims.0.policy_benefit_id"


def test_an_event_before_cover_began_is_registered_with_nothing_payable(
    session: Session, policy_id: UUID
) -> None:
    made = claim(policy_id, event=START - timedelta(days=1))

    view = _view(session, made.id)
    assert not view.checks[0].passed
    assert view.items[0].payable_amount == 0
    assert {one.code for one in view.flags} == {"EVENT_BEFORE_INCEPTION"}
    complete(made.id)
    with pytest.raises(ConflictError):
        assess(made.id, "1.00")


def test_a_bank_letter_that_is_too_old_holds_the_approval_up(
    session: Session, policy_id: UUID
) -> None:
    made = claim(policy_id, "60000.00")
    with acting(AGENT) as now:
        add_document(
            made.id,
            document_type="BANK_LETTER",
            name="letter.pdf",
            content=PDF,
            issued_on=TODAY - timedelta(days=93),
            on=TODAY,
            now=now,
        )
    complete(made.id)

    assert _view(session, made.id).claim.status is ClaimStatus.PENDING_DOCUMENTS
    with pytest.raises(ConflictError) as refusal:
        assess(made.id, "60000.00")
    assert refusal.value.detail == {"outstanding": ["BANK_LETTER"]}


@pytest.mark.parametrize(
    ("way", "whose"),
    [
        (Assignment.BY_HAND, [None, None, None, None]),
        (Assignment.IN_TURN, [0, 1, 0, 1]),
        (Assignment.FEWEST_OPEN, [0, 1, 1, 0]),
    ],
)
def test_a_new_claim_goes_to_whom_the_organization_says(
    session: Session, org: OrganizationFacts, way: Assignment, whose: list[int | None]
) -> None:
    """The first assessor keeps a claim open; the second decides theirs at once."""
    assessors = sorted(make_person(org.id, Role.CLAIMS_ASSESSOR).id for _ in range(2))
    make_person(org.id, Role.AGENT)
    settings = HandlingSettings(
        other_days=10,
        days_by_class={},
        payee_change_days=14,
        early_claim_days=180,
        large_loss=D(250_000),
        assignment=way,
    )
    with acting(MANAGER):
        change_settings(settings)

    found = []
    for turn in range(4):
        made = claim(sell(START), "60000.00")
        found.append(made.assigned_to)
        if turn == 1:
            assess(made.id, "0", reason="NO_PROOF")

    assert found == [None if one is None else assessors[one] for one in whose]


@pytest.fixture
def family_id(session: Session) -> UUID:
    """Return a policy on a woman, her husband and their child."""
    found = insure_family(make_family(), make_customer(), START)
    session.rollback()
    return found


def _pay_for_husband(policy_id: UUID, reference: str = "PAY-1") -> UUID:
    """Return the claim on which the husband's death was paid."""
    benefits = list_benefits(db.session(), policy_id)
    his = next(one.benefit.id for one in benefits if one.benefit.benefit_code == "DEATH_SPOUSE")
    made = claim(policy_id, "50000.00", benefits=[his], event=date(2026, 11, 10))
    complete(made.id)
    assess(made.id, "50000.00")
    pay(made.id, "50000.00", reference=reference)
    return made.id


def _insured(session: Session, policy_id: UUID) -> set[str]:
    session.rollback()
    members = list_members(session, policy_id)
    return {one.role for one in members if one.end_date is None or one.end_date > TODAY}


def _removal(session: Session, policy_id: UUID) -> UUID:
    session.rollback()
    found = session.scalars(
        select(Endorsement.id).where(
            Endorsement.policy_id == policy_id, Endorsement.status == EndorsementStatus.ISSUED
        )
    ).one()
    session.rollback()
    return found


def test_a_paid_death_takes_that_life_off_and_leaves_the_others_insured(
    session: Session, family_id: UUID
) -> None:
    assert _insured(session, family_id) == {"MAIN_MEMBER", "SPOUSE", "CHILD"}
    before = get_policy(session, family_id).premium
    session.rollback()

    _pay_for_husband(family_id)

    assert _insured(session, family_id) == {"MAIN_MEMBER", "CHILD"}
    policy = get_policy(session, family_id)
    assert policy.status is PolicyStatus.ACTIVE
    assert policy.premium == before - D("20.00")  # two benefits of 10.00 each
    later = claim(family_id, "100000.00")
    assert _view(session, later.id).items[0].payable_amount == D("100000.00")


def test_a_life_taken_off_by_mistake_is_put_back_by_one_and_the_payment_voided_by_another(
    session: Session, family_id: UUID
) -> None:
    before = get_policy(session, family_id).premium
    made = _pay_for_husband(family_id)
    payment = _view(session, made).payments[0]

    with acting(PAYER) as now, pytest.raises(ConflictError, match="have that endorsement undone"):
        void_payment(payment.id, reason="He is alive", on=TODAY, now=now)
    removal = _removal(session, family_id)
    with acting(MANAGER) as now:
        undo_endorsement(removal, on=TODAY, now=now)
    with acting(MANAGER) as now, pytest.raises(ForbiddenError, match="somebody else must void"):
        void_payment(payment.id, reason="He is alive", on=TODAY, now=now)
    with acting(PAYER) as now:
        void_payment(payment.id, reason="He is alive", on=TODAY, now=now)
    with acting(MANAGER) as now:
        close_claim(made, reason="Nobody died", on=TODAY, now=now)

    assert _insured(session, family_id) == {"MAIN_MEMBER", "SPOUSE", "CHILD"}
    assert get_policy(session, family_id).premium == before
    view = _view(session, made)
    assert view.claim.status is ClaimStatus.CLOSED
    assert view.money[view.items[0].id].paid == 0
    assert queries.used_cover(session, [view.items[0].policy_benefit_id]) == {
        view.items[0].policy_benefit_id: D(0)
    }
    assert _booked(session, "OUTSTANDING_CLAIMS") == 0
    assert _booked(session, "CLAIMS_INCURRED") == 0
    events = [one.event_type for one in list_events(session, family_id, limit=4)]
    assert {"ENDORSEMENT_UNDONE", "CLAIM_PAYMENT_VOIDED", "CLAIM_CLOSED"} <= set(events)


def test_a_life_put_back_is_taken_off_again_when_its_death_is_paid_after_all(
    session: Session, family_id: UUID
) -> None:
    made = _pay_for_husband(family_id)
    payment = _view(session, made).payments[0]
    removal = _removal(session, family_id)
    with acting(MANAGER) as now:
        undo_endorsement(removal, on=TODAY, now=now)
    with acting(PAYER) as now:
        void_payment(payment.id, reason="He seemed to be alive", on=TODAY, now=now)

    pay(made, "50000.00", reference="PAY-2")

    assert _insured(session, family_id) == {"MAIN_MEMBER", "CHILD"}
    again = _view(session, made).payments[-1]
    with acting(PAYER) as now, pytest.raises(ConflictError):
        void_payment(again.id, reason="He is alive", on=TODAY, now=now)
