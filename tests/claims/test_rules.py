"""What the rules of claims say: the clock, the contract on the day, signs, reasons, authority."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insurance.claims.rules import (
    DEFAULT_LIMITS,
    Authority,
    AuthorityExceededError,
    ContractFacts,
    FlagFacts,
    ItemFacts,
    ItemResult,
    Limits,
    assess_item,
    check_authority,
    check_contract,
    check_move,
    clock_of,
    document_types,
    due_on,
    find_flags,
    find_reason,
    is_there,
    limits_of,
    next_in_turn,
    reasons_for,
    status_after_assessment,
    status_after_payment,
)
from insurance.claims.rules.statuses import TRANSITIONS
from insurance.core.business_days import public_holidays
from insurance.core.errors import ConflictError, DomainError
from insurance.policies.rules import Layer

D = Decimal
HOLIDAYS = public_holidays(2026, 2027)
JOHANNESBURG = ZoneInfo("Africa/Johannesburg")
BEGAN = date(2026, 1, 1)
EVENT = date(2026, 11, 18)
ITEM: UUID = uuid4()


@pytest.mark.parametrize(
    ("complete", "due", "dispute"),
    [
        (date(2026, 11, 20), date(2026, 11, 24), date(2026, 12, 14)),
        (date(2026, 12, 15), date(2026, 12, 18), date(2027, 1, 11)),
        (date(2026, 12, 24), date(2026, 12, 29), date(2027, 1, 19)),
        (date(2026, 12, 31), date(2027, 1, 5), date(2027, 1, 25)),
        (date(2027, 3, 24), date(2027, 3, 30), date(2027, 4, 19)),
    ],
)
def test_a_funeral_claim_is_due_two_business_days_after_its_documents_and_disputed_for_14_more(
    complete: date, due: date, dispute: date
) -> None:
    assert due_on(complete, 2, HOLIDAYS) == due
    assert due_on(due, 14, HOLIDAYS) == dispute


def test_a_day_that_the_insurer_is_closed_does_not_count() -> None:
    closed = HOLIDAYS | {date(2026, 11, 23)}

    assert due_on(date(2026, 11, 20), 2, closed) == date(2026, 11, 25)


def test_the_clock_ends_with_the_last_day_where_the_insurer_is_and_warns_at_four_fifths() -> None:
    evening = datetime(2026, 11, 20, 21, tzinfo=UTC)  # 23:00 on Friday in Johannesburg

    clock = clock_of(evening, 2, HOLIDAYS, JOHANNESBURG)

    assert clock.due_at == datetime(2026, 11, 25, tzinfo=JOHANNESBURG)
    assert (clock.warn_at - evening) / (clock.due_at - evening) == pytest.approx(0.8)


def _contract(**changes: object) -> ContractFacts:
    facts: dict[str, object] = {
        "event_date": EVENT,
        "effective_date": BEGAN,
        "expiry_date": date(2046, 1, 1),
        "status": "active",
    }
    return ContractFacts(**(facts | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "is_in_force", "why"),
    [
        ({}, True, "In force on 2026/11/18."),
        ({"status": "suspended"}, True, "suspended but covered"),
        ({"event_date": BEGAN}, True, "In force"),
        ({"event_date": BEGAN - timedelta(days=1)}, False, "Cover began on 2026/01/01."),
        ({"expiry_date": EVENT}, False, "Cover ended on 2026/11/18."),
        ({"expiry_date": EVENT + timedelta(days=1)}, True, "In force"),
        ({"expiry_date": None}, True, "In force"),
        ({"status": "lapsed"}, False, "The policy was lapsed."),
        ({"status": None}, False, "The policy was not in force."),
        ({"lapses_on": EVENT}, False, "Grace had run out"),
        ({"lapses_on": EVENT + timedelta(days=1)}, True, "In force"),
        ({"gaps": [(EVENT, EVENT + timedelta(days=1))]}, False, "There was no cover from"),
        ({"gaps": [(EVENT - timedelta(days=9), EVENT)]}, True, "In force"),
    ],
)
def test_a_policy_answers_on_the_day_of_the_event_in_grace_but_not_in_a_gap(
    changes: dict[str, object], is_in_force: bool, why: str
) -> None:
    check = check_contract(_contract(**changes))[0]

    assert check.passed is is_in_force
    assert why in check.detail


def test_premiums_owed_do_not_stop_a_claim_but_are_said() -> None:
    owed = check_contract(_contract(arrears=D("300.00")))[1]

    assert not owed.passed
    assert not owed.blocking
    assert "it is deducted from the payment" in owed.detail


def _item(cause: str = "NATURAL", **changes: object) -> ItemResult:
    facts: dict[str, object] = {
        "item": ITEM,
        "benefit_name": "Death benefit",
        "benefit_type": "DEATH",
        "layers": [
            Layer(D("80000.00"), BEGAN, date(2026, 7, 1)),
            Layer(D("20000.00"), date(2026, 9, 1), date(2027, 3, 1)),
        ],
        "member_from": BEGAN,
        "member_until": None,
        "life_name": "Sipho Dlamini",
        "used": D("0.00"),
        "requested": D("100000.00"),
    }
    return assess_item(
        ItemFacts(**(facts | changes)),  # type: ignore[arg-type]
        event_date=EVENT,
        cause=cause,
        claim_type="DEATH",
        is_in_force=True,
    )


def test_an_accident_pays_layers_that_a_natural_death_and_a_suicide_still_wait_for() -> None:
    causes = ("ACCIDENT", "NATURAL", "SUICIDE", "UNKNOWN")
    paid = {cause: _item(cause).payable for cause in causes}

    assert paid == {
        "ACCIDENT": D("100000.00"),
        "NATURAL": D("80000.00"),
        "SUICIDE": D("80000.00"),
        "UNKNOWN": D("80000.00"),
    }
    assert _item().is_waiting
    assert not _item("ACCIDENT").checks[2].detail.startswith("R")
    assert "was waiting until 2027/03/01" in _item().checks[2].detail


@pytest.mark.parametrize(
    ("requested", "used", "claimed", "payable"),
    [
        ("60000.00", "0.00", "60000.00", "60000.00"),
        ("150000.00", "0.00", "100000.00", "80000.00"),
        ("60000.00", "60000.00", "40000.00", "20000.00"),
        ("60000.00", "100000.00", "0.00", "0.00"),
        ("0.01", "79999.99", "0.01", "0.01"),
    ],
)
def test_a_claim_is_cut_to_what_is_left_of_the_cover(
    requested: str, used: str, claimed: str, payable: str
) -> None:
    result = _item(requested=D(requested), used=D(used))

    assert (result.claimed, result.payable) == (D(claimed), D(payable))
    assert ("capped" in result.checks[3].detail) is (D(claimed) < D(requested))


@pytest.mark.parametrize(
    "changes",
    [
        {"layers": None},
        {"member_from": EVENT + timedelta(days=1)},
        {"member_until": EVENT},
        {"benefit_type": "DISABILITY"},
        {"benefit_type": "ACCIDENTAL_DEATH"},
    ],
)
def test_nothing_is_payable_of_what_was_not_insured_that_day(changes: dict[str, object]) -> None:
    assert _item(**changes).payable == 0


def test_each_sign_is_raised_with_its_reason() -> None:
    late = date(2026, 11, 19)
    every = FlagFacts(
        event_date=BEGAN + timedelta(days=30),
        starts_on=BEGAN,
        early_days=180,
        duplicates=("CLM-2026-000007",),
        paid_late=(late,),
        beneficiaries_changed=(late,),
        payee_claims=("CLM-2026-000009",),
    )
    found = {one.code: one.detail for one in find_flags(every)}

    assert found == {
        "EARLY_CLAIM": "The event was 30 days after cover began.",
        "DUPLICATE": "The same event and benefit: CLM-2026-000007.",
        "PREMIUM_PAID_AFTER_EVENT": "A premium due before the event was paid on 2026/11/19.",
        "BENEFICIARY_CHANGED_AFTER_EVENT": (
            "The beneficiaries were changed on 2026/11/19, after the event."
        ),
        "SHARED_PAYEE": "The payee's account is used by CLM-2026-000009.",
    }
    early = FlagFacts(event_date=BEGAN - timedelta(days=1), starts_on=BEGAN, early_days=180)
    assert [one.code for one in find_flags(early)] == ["EVENT_BEFORE_INCEPTION"]
    plain = FlagFacts(event_date=EVENT, starts_on=BEGAN, early_days=180)
    assert find_flags(plain) == []


def test_a_funeral_claim_is_not_refused_for_what_was_never_asked() -> None:
    funeral = {one.code for one in reasons_for("FUNERAL", "LIFE")}
    risk = {one.code for one in reasons_for("RISK", "LIFE")}

    assert risk - funeral == {"PRE_EXISTING_CONDITION", "NON_DISCLOSURE"}
    with pytest.raises(DomainError) as refusal:
        find_reason("Non-disclosure of what was asked before inception", "FUNERAL", "LIFE",
                    rejects=True)  # fmt: skip
    assert refusal.value.field == "decision_reason"
    assert find_reason("within terms", "FUNERAL", "LIFE", rejects=False).code == "WITHIN_TERMS"
    with pytest.raises(DomainError):
        find_reason("WITHIN_TERMS", "FUNERAL", "LIFE", rejects=True)


def test_reasons_of_other_classes_are_not_offered() -> None:
    assert "WEAR_AND_TEAR" not in {one.code for one in reasons_for("RISK", "LIFE")}
    assert "SUICIDE_EXCLUSION" not in {one.code for one in reasons_for("MOTOR", "NON_LIFE")}


@pytest.mark.parametrize("measure", ["transaction", "benefit", "claim"])
def test_each_of_the_three_limits_holds_and_the_refusal_names_who_may(measure: str) -> None:
    limits = Limits(D(100), D(200), D(300))
    over = {"transaction": D(100), "benefit": D(200), "claim": D(300)}
    over[measure] += D("0.01")
    table = {
        Authority("claims_assessor", 1): limits,
        Authority("claims_assessor", 2): Limits(D(900), D(900), D(900)),
        Authority("finance", 1): Limits(D(900), D(900), D(900)),
    }

    with pytest.raises(AuthorityExceededError) as refusal:
        check_authority(
            limits,
            table,
            transaction=over["transaction"],
            benefits=[over["benefit"], D(1)],
            claim=over["claim"],
            allowed=frozenset({"claims_assessor"}),
        )

    assert refusal.value.detail["code"] == "AUTHORITY_EXCEEDED"
    assert refusal.value.detail["may_approve"] == [{"role": "claims_assessor", "level": 2}]


def test_nobody_is_without_a_limit_and_who_has_no_role_for_it_has_none() -> None:
    top = Limits(D(10_000_000), D(10_000_000), D(10_000_000))

    assert limits_of(["tenant_administrator"], 5, DEFAULT_LIMITS) == top
    assert limits_of(["agent"], 5, DEFAULT_LIMITS).transaction == 0


def test_a_death_that_was_not_natural_needs_the_police_report() -> None:
    assert "POLICE_REPORT" not in document_types("FUNERAL", "NATURAL")
    assert document_types("FUNERAL", "VIOLENCE")[-1] == "POLICE_REPORT"
    assert "POLICE_REPORT" not in document_types("DISABILITY", "ACCIDENT")


@pytest.mark.parametrize(
    ("status", "expires", "there"),
    [
        ("OUTSTANDING", None, False),
        ("REJECTED", None, False),
        ("RECEIVED", None, True),
        ("ACCEPTED", EVENT, True),
        ("ACCEPTED", EVENT - timedelta(days=1), False),
        ("WAIVED", EVENT - timedelta(days=1), True),
    ],
)
def test_a_document_counts_while_it_is_good(status: str, expires: date | None, there: bool) -> None:
    assert is_there(status, expires, EVENT) is there


@pytest.mark.parametrize(
    ("items", "status"),
    [
        ([(D(60), D(60)), (D(40), D(40))], "APPROVED"),
        ([(D(60), D(60)), (D(40), D(0))], "PARTIALLY_APPROVED"),
        ([(D(60), D(10))], "PARTIALLY_APPROVED"),
        ([(D(60), D(0)), (D(40), D(0))], "REJECTED"),
        ([(D(60), D(60)), (D(40), None)], "UNDER_ASSESSMENT"),
    ],
)
def test_a_claim_is_what_its_items_are(
    items: list[tuple[Decimal, Decimal | None]], status: str
) -> None:
    assert status_after_assessment(items) == status


def test_a_claim_is_paid_when_all_that_was_approved_is_paid() -> None:
    assert status_after_payment("APPROVED", [(D(60), D(0))]) == "APPROVED"
    assert status_after_payment("APPROVED", [(D(60), D(60)), (D(40), D(0))]) == "PART_PAID"
    assert status_after_payment("APPROVED", [(D(60), D(60)), (D(0), D(0))]) == "PAID"


def test_only_the_moves_of_the_table_are_made() -> None:
    for status in TRANSITIONS:
        for wanted in TRANSITIONS:
            if wanted in TRANSITIONS[status]:
                check_move(status, wanted)
            else:
                with pytest.raises(ConflictError) as refusal:
                    check_move(status, wanted)
                assert refusal.value.detail["allowed_transitions"] == list(TRANSITIONS[status])


@given(st.sets(st.uuids(), min_size=1, max_size=6), st.integers(2, 4))
def test_in_turn_everybody_gets_as_many_claims_as_the_others(
    people: set[UUID], rounds: int
) -> None:
    last, given_to = None, []
    for _claim in range(rounds * len(people)):
        last = next_in_turn(people, last)
        given_to.append(last)

    assert {given_to.count(one) for one in people} == {rounds}
    assert given_to[: len(people)] == sorted(people)


def test_whose_turn_it_was_may_have_left() -> None:
    first, second, third = (UUID(int=number) for number in (1, 2, 3))

    assert next_in_turn([first, third], second) == third
    assert next_in_turn([first, second], third) == first
