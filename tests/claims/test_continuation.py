"""The death of the main member: only what is on that life ends, and the rest goes on or not."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from insurance.approvals.services import approve_request
from insurance.billing.queries import list_premium_lines
from insurance.claims.queries import get_view, list_deaths
from insurance.claims.rules import LifeLeft, continue_policy
from insurance.claims.services import undo_death, void_payment
from insurance.core.db import db
from insurance.core.errors import ConflictError, DomainError, ForbiddenError
from insurance.core.ids import new_id
from insurance.correspondence.models import NoteKind
from insurance.customers.queries import get_customer
from insurance.policies.models import EndorsementType, PolicyStatus
from insurance.policies.queries import (
    get_policy,
    list_benefits,
    list_endorsements,
    list_members,
)
from insurance.policies.services import (
    pay_refund,
    refunds_payable,
)
from insurance.policies.services.as_at import policy_as_at
from insurance.policies.services.endorsements import undo_endorsement
from insurance.policies.services.schedule_steps import keep_schedules
from insurance.products.models import MainDeath
from tests.factories.book import TODAY, make_customer
from tests.factories.claims import (
    MANAGER,
    PAYER,
    acting,
    assess,
    claim,
    complete,
    insure_family,
    make_family,
    pay,
)
from tests.factories.lifecycle import CHECKER, at, morning, sell
from tests.factories.lifecycle import pay as receive

D = Decimal
START = date(2026, 9, 20)
DIED = date(2026, 10, 25)
STOP = date(2026, 10, 26)
SPOUSE, CHILD = (
    LifeLeft(id=new_id(), role="SPOUSE", born=date(1986, 1, 1)),
    LifeLeft(id=new_id(), role="CHILD", born=date(2020, 1, 1)),
)


def _family(way: MainDeath, months: int = 0) -> UUID:
    with at(START):
        product = make_family(main_death=way, premium_free_months=months)
        found = insure_family(product, make_customer(7801), START)
    db.session().rollback()
    return found


def _die(policy_id: UUID) -> UUID:
    made = claim(policy_id, "100000.00", event=DIED)
    complete(made.id)
    assess(made.id, "100000.00")
    pay(made.id, "100000.00")
    db.session().rollback()
    return made.id


def test_the_main_members_death_ends_that_lifes_benefits_and_the_spouse_goes_on(
    session: Session,
) -> None:
    policy_id = _family(MainDeath.CONTINUE)
    before = get_policy(session, policy_id)
    holder, premium = before.customer_id, before.premium

    claim_id = _die(policy_id)

    policy = get_policy(session, policy_id)
    roles = {one.first_name: (one.role, one.end_date) for one in list_members(session, policy_id)}
    assert policy.status is PolicyStatus.ACTIVE
    assert policy.ended_on is None
    assert roles["Sipho"] == ("MAIN_MEMBER", None)
    assert roles["Zinhle"] == ("CHILD", None)
    assert ("FORMER_MAIN_MEMBER", STOP) in roles.values()
    assert (premium, policy.premium) == (D("80.00"), D("30.00"))
    active = {
        one.member_name for one in list_benefits(session, policy_id)
        if one.benefit.status == "ACTIVE"
    }  # fmt: skip
    assert active == {"Sipho Dlamini", "Zinhle Dlamini"}
    assert policy.customer_id != holder
    assert get_customer(session, policy.customer_id).display_name == "Sipho Dlamini"
    assert policy.bank_account_id is None
    later = [one for one in list_premium_lines(session, policy_id) if one.due_date > TODAY]
    assert {one.amount for one in later} == {D("30.00")}
    tasks = [one.text for one in get_view(session, claim_id).notes if one.kind is NoteKind.TASK]
    assert "holds the policy now" in tasks[0]
    was = policy_as_at(session, policy_id, effective=DIED, known=morning(TODAY))
    assert was.policy_snapshot["policy"]["customer_id"] == str(holder)


def test_a_policy_goes_on_without_premium_for_the_months_of_its_version(session: Session) -> None:
    policy_id = _family(MainDeath.PREMIUM_FREE, 12)

    _die(policy_id)
    with at(date(2027, 12, 1)) as now:
        keep_schedules(on=date(2027, 12, 1), now=now)
    session.rollback()

    lines = {
        one.due_date: one.amount
        for one in list_premium_lines(session, policy_id)
        if one.status != "CANCELLED"
    }
    free = [amount for day, amount in lines.items() if date(2026, 11, 1) < day < date(2027, 10, 1)]
    assert set(free) == {D("0.00")}
    assert lines[date(2027, 11, 20)] == D("30.00")
    assert get_policy(session, policy_id).premium == D("30.00")


def test_a_policy_whose_version_says_so_ends_with_its_main_member(session: Session) -> None:
    policy_id = _family(MainDeath.END)

    _die(policy_id)

    policy = get_policy(session, policy_id)
    assert (policy.status, policy.ended_on) == (PolicyStatus.CANCELLED, STOP)


def test_a_death_that_was_none_is_undone_by_two_people(session: Session) -> None:
    policy_id = _family(MainDeath.CONTINUE)
    before = get_policy(session, policy_id)
    holder, premium = before.customer_id, before.premium
    claim_id = _die(policy_id)
    change = next(
        one for one in list_endorsements(session, policy_id)
        if one.type is EndorsementType.MAIN_MEMBER_DIED
    )  # fmt: skip
    payment = get_view(session, claim_id).payments[0].id
    session.rollback()

    with acting(MANAGER) as now:
        undo_endorsement(change.id, on=TODAY, now=now)
    with acting(MANAGER) as now, pytest.raises(ForbiddenError):
        void_payment(payment, reason="She lives", on=TODAY, now=now)
    with acting(CHECKER) as now:
        void_payment(payment, reason="She lives", on=TODAY, now=now)
    session.rollback()

    policy = get_policy(session, policy_id)
    assert (policy.customer_id, policy.premium) == (holder, premium)
    assert {one.role for one in list_members(session, policy_id)} == {
        "MAIN_MEMBER", "SPOUSE", "CHILD",
    }  # fmt: skip


@pytest.mark.parametrize("paid_back", [False, True])
def test_a_policy_that_a_death_ended_by_mistake_is_restored_by_two_people(
    session: Session, paid_back: bool
) -> None:
    policy_id = sell(START)
    for month in (9, 10, 11):
        receive(policy_id, "100.00", date(2026, month, 20))
    claim_id = _die(policy_id)
    assert refunds_payable(session, policy_id) == D("100.00")
    if paid_back:
        with at(TODAY) as now:
            pay_refund(
                policy_id, amount=D("100.00"), reference="RF", reason="Due", on=TODAY, now=now
            )
    with acting(PAYER) as now:
        approval_id = undo_death(claim_id, reason="A namesake died", on=TODAY, now=now)
    with acting(PAYER) as now, pytest.raises(ForbiddenError):
        approve_request(approval_id, on=TODAY, now=now)
    with acting(CHECKER) as now:
        approve_request(approval_id, on=TODAY, now=now)
    session.rollback()

    policy, view = get_policy(session, policy_id), get_view(session, claim_id)
    assert (policy.status, policy.ended_on) == (PolicyStatus.ACTIVE, None)
    assert list_deaths(session, policy_id, policy.customer_id) == []
    assert {one.status.value for one in view.payments} == {"VOID"}
    assert view.claim.status.value == "APPROVED"
    lines = {one.due_date: one for one in list_premium_lines(session, policy_id)}
    november = lines[date(2026, 11, 20)]
    assert november.outstanding == (D("100.00") if paid_back else D("0.00"))
    assert lines[date(2026, 12, 20)].status == "PENDING"
    assert refunds_payable(session, policy_id) == D("0.00")
    was = policy_as_at(session, policy_id, effective=date(2026, 11, 10), known=morning(TODAY))
    assert was.policy_snapshot["policy"]["status"] == "active"
    with acting(PAYER) as now, pytest.raises(ConflictError):
        undo_death(claim_id, reason="Again", on=TODAY, now=now)


@pytest.mark.parametrize(
    ("way", "class_code", "lives", "follows"),
    [
        ("BY_CLASS", "FUNERAL", [CHILD, SPOUSE], SPOUSE.id),
        ("BY_CLASS", "FUNERAL", [CHILD], CHILD.id),
        ("BY_CLASS", "FUNERAL", [], None),
        ("BY_CLASS", "RISK", [SPOUSE], None),
        ("CONTINUE", "RISK", [SPOUSE], SPOUSE.id),
        ("END", "FUNERAL", [SPOUSE], None),
    ],
)
def test_a_funeral_policy_goes_on_by_default_with_the_spouse_else_the_oldest(
    way: str, class_code: str, lives: list[LifeLeft], follows: UUID | None
) -> None:
    found = continue_policy(
        main_death=way,
        premium_free_months=0,
        class_code=class_code,
        lives=lives,
        wanted=None,
        stop=STOP,
    )

    assert (found.successor if found else None) == follows
    if found and follows == CHILD.id:
        assert found.is_minor


def test_a_named_life_goes_on_and_a_stranger_is_refused() -> None:
    def chosen(wanted: UUID) -> UUID | None:
        found = continue_policy(
            main_death="PREMIUM_FREE",
            premium_free_months=6,
            class_code="RISK",
            lives=[SPOUSE, CHILD],
            wanted=wanted,
            stop=STOP,
        )
        assert found is None or found.free_until == date(2027, 4, 26)
        return found.successor if found else None

    assert chosen(CHILD.id) == CHILD.id
    with pytest.raises(DomainError) as refusal:
        chosen(new_id())
    assert refusal.value.field == "successor_member_id"
