"""On which day a debit goes to the bank, which premiums a run takes, what a code means."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insurance.core.business_days import public_holidays
from insurance.debit_orders.rules import (
    CODES,
    Candidate,
    Choice,
    Convention,
    DebitVerdict,
    Exclusion,
    ItemStatus,
    MandateStatus,
    Post,
    Result,
    Treatment,
    Window,
    action_date,
    choose,
    collection_date,
    collection_days,
    is_business_day,
    item_reference,
    judge,
    mandate_after,
    nominal_window,
    treatment,
)

HOLIDAYS = public_holidays(2025, 2028)
PRECEDING, FOLLOWING = Convention.PRECEDING, Convention.FOLLOWING
days = st.dates(date(2026, 1, 5), date(2027, 12, 20))


@pytest.mark.parametrize(
    ("nominal", "preceding", "following"),
    [
        ("2026-12-16", "2026-12-15", "2026-12-17"),
        ("2026-12-25", "2026-12-24", "2026-12-28"),
        ("2027-01-01", "2026-12-31", "2027-01-04"),
        ("2027-03-20", "2027-03-19", "2027-03-23"),
        ("2027-03-26", "2027-03-25", "2027-03-30"),
        ("2027-05-01", "2027-04-30", "2027-05-03"),
        ("2027-12-25", "2027-12-24", "2027-12-28"),
        ("2026-08-09", "2026-08-07", "2026-08-11"),
        ("2026-03-21", "2026-03-20", "2026-03-23"),
        ("2026-11-04", "2026-11-03", "2026-11-05"),
        ("2026-11-24", "2026-11-24", "2026-11-24"),
    ],
)
def test_a_debit_moves_off_weekends_and_holidays(
    nominal: str, preceding: str, following: str
) -> None:
    day = date.fromisoformat(nominal)

    assert action_date(day, PRECEDING, HOLIDAYS).isoformat() == preceding
    assert action_date(day, FOLLOWING, HOLIDAYS).isoformat() == following


@given(days, st.frozensets(days, max_size=40))
def test_an_action_date_is_a_business_day_on_its_side_of_the_nominal_day(
    nominal: date, own: frozenset[date]
) -> None:
    closed = HOLIDAYS | own
    before, after = action_date(nominal, PRECEDING, closed), action_date(nominal, FOLLOWING, closed)

    assert before <= nominal <= after
    assert is_business_day(before, closed)
    assert is_business_day(after, closed)
    if is_business_day(nominal, closed):
        assert before == nominal == after


@given(days, st.sampled_from(Convention), st.integers(-12, 12))
def test_a_window_holds_exactly_the_days_that_move_to_its_action_date(
    day: date, convention: Convention, offset: int
) -> None:
    action = action_date(day, convention, HOLIDAYS)
    first, last = nominal_window(action, convention, HOLIDAYS)
    nominal = action + timedelta(days=offset)

    assert (first <= nominal <= last) == (action_date(nominal, convention, HOLIDAYS) == action)


@pytest.mark.parametrize(
    ("due", "day", "nominal"),
    [
        ("2026-11-01", None, "2026-11-01"),
        ("2026-11-01", 25, "2026-11-25"),
        ("2026-11-28", 1, "2026-12-01"),
        ("2026-12-31", 15, "2027-01-15"),
        ("2027-02-01", 31, "2027-02-28"),
        ("2026-11-25", 25, "2026-11-25"),
    ],
)
def test_a_premium_is_collected_on_the_first_collection_day_from_its_due_date(
    due: str, day: int | None, nominal: str
) -> None:
    assert collection_date(date.fromisoformat(due), day).isoformat() == nominal


@given(days, st.integers(1, 31), st.integers(0, 35))
def test_no_premium_that_falls_in_a_window_is_missed_by_its_collection_days(
    due: date, day: int, reach: int
) -> None:
    nominal = collection_date(due, day)
    first = nominal - timedelta(days=reach)

    assert due <= nominal <= due + timedelta(days=31)
    assert day in collection_days(first, nominal)


MANDATE = UUID(int=7)
MONDAY = date(2026, 12, 28)
WINDOW = Window.of(MONDAY, HOLIDAYS)


def _candidate(**changes: object) -> Candidate:
    facts: dict[str, object] = {
        "line_id": UUID(int=1),
        "policy_id": UUID(int=2),
        "policy_number": "PL-2026-000001",
        "due_date": date(2026, 12, 25),
        "amount": Decimal("310.00"),
        "mandate_id": MANDATE,
        "mandate_status": MandateStatus.ACTIVE,
        "max_amount": None,
        "convention": FOLLOWING,
        "collection_day": None,
    }
    return Candidate(**facts | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Choice.INCLUDE),
        ({"convention": PRECEDING}, Choice.NOT_NOW),
        ({"convention": PRECEDING, "due_date": MONDAY}, Choice.INCLUDE),
        ({"due_date": date(2026, 12, 24)}, Choice.NOT_NOW),
        ({"due_date": date(2026, 12, 1), "collection_day": 27}, Choice.INCLUDE),
        ({"max_amount": Decimal("310.00")}, Choice.INCLUDE),
        ({"max_amount": Decimal("309.99")}, Exclusion.ABOVE_MAXIMUM),
        ({"mandate_status": MandateStatus.SUSPENDED}, Exclusion.MANDATE_NOT_ACTIVE),
        (
            {"mandate_id": None, "mandate_status": None, "convention": None},
            Exclusion.NO_MANDATE,
        ),
        ({"unpaid": 1, "last_code": "02"}, Choice.INCLUDE),
        ({"unpaid": 2, "last_code": "02"}, Exclusion.UNPAID_BEFORE),
        ({"unpaid": 1, "last_code": "12"}, Exclusion.UNPAID_BEFORE),
    ],
)
def test_a_run_takes_what_falls_on_its_day_and_may_be_debited(
    changes: dict[str, object], expected: object
) -> None:
    assert choose(_candidate(**changes), WINDOW) is expected


def test_a_run_that_looks_back_takes_what_was_missed() -> None:
    missed = _candidate(due_date=date(2026, 12, 1))

    assert choose(missed, WINDOW) is Choice.NOT_NOW
    assert choose(missed, Window.of(MONDAY, HOLIDAYS, date(2026, 12, 1))) is Choice.INCLUDE


@pytest.mark.parametrize(
    ("code", "previous", "what", "mandate"),
    [
        ("02", None, Treatment.REPRESENT, None),
        ("02", "22", Treatment.REPRESENT, None),
        ("02", "02", Treatment.NEW_MANDATE, MandateStatus.CANCELLED),
        ("04", None, Treatment.NEW_MANDATE, MandateStatus.CANCELLED),
        ("36", None, Treatment.NEW_MANDATE, MandateStatus.CANCELLED),
        ("03", None, Treatment.NEW_DETAILS, MandateStatus.SUSPENDED),
        ("12", None, Treatment.NEW_DETAILS, MandateStatus.SUSPENDED),
        ("26", None, Treatment.NEW_DETAILS, MandateStatus.SUSPENDED),
        ("06", None, Treatment.REFER, MandateStatus.SUSPENDED),
        ("14", None, Treatment.UPDATE_DETAILS, None),
        ("18", None, Treatment.POSSIBLE_CLAIM, MandateStatus.SUSPENDED),
        ("22", None, Treatment.REPRESENT, None),
        ("28", None, Treatment.INTERNAL, None),
        ("30", None, Treatment.REVERSE, MandateStatus.CANCELLED),
        ("34", None, Treatment.REVERSE, MandateStatus.CANCELLED),
        ("56", None, Treatment.CONTACT, None),
        # As Excel and banks leave them.
        ("2", None, Treatment.REPRESENT, None),
        ("002", "2", Treatment.NEW_MANDATE, MandateStatus.CANCELLED),
        ("Code: 02", None, Treatment.REPRESENT, None),
        ("4.0", None, Treatment.NEW_MANDATE, MandateStatus.CANCELLED),
        ("04 - Payment stopped", None, Treatment.NEW_MANDATE, MandateStatus.CANCELLED),
        # What nobody knows asks, and stops nothing.
        ("99", None, Treatment.ASK, None),
        ("AC04", None, Treatment.ASK, None),
        ("", None, Treatment.ASK, None),
        (None, None, Treatment.ASK, None),
    ],
)
def test_an_unpaid_code_says_what_to_do(
    code: str | None, previous: str | None, what: Treatment, mandate: MandateStatus | None
) -> None:
    assert treatment(code, previous=previous) is what
    assert mandate_after(what) is mandate


def test_every_code_is_listed_once_and_has_advice() -> None:
    assert len({one.code for one in CODES}) == len(CODES) == 19
    assert all(one.treatment.advice for one in CODES)


def test_a_reference_is_ten_of_the_name_fourteen_of_the_policy_and_six_of_a_count() -> None:
    reference = item_reference("Ubuntu Life & Co", "PL-2026-000123", 7)

    assert reference == "UBUNTULIFEPL-2026-000123000007"
    assert len(reference) == 30
    assert item_reference("Zuid-Één", "PL-2026-1000000", 7) == "ZUIDEENL-2026-1000000000007"


@given(st.text(), st.text(min_size=1, max_size=40), st.integers(1, 999_999))
def test_a_reference_never_outgrows_a_bank_statement(name: str, number: str, count: int) -> None:
    assert len(item_reference(name, number, count)) <= 30


@pytest.mark.parametrize(
    ("status", "result", "verdict", "post"),
    [
        (ItemStatus.SUBMITTED, Result.PAID, DebitVerdict.APPLIED, Post.RECEIPT),
        (ItemStatus.SUBMITTED, Result.UNPAID, DebitVerdict.APPLIED, Post.NOTHING),
        (ItemStatus.PAID, Result.DISPUTED, DebitVerdict.APPLIED, Post.REVERSAL),
        (ItemStatus.PAID, Result.UNPAID, DebitVerdict.APPLIED, Post.REVERSAL),
        (ItemStatus.PAID, Result.PAID, DebitVerdict.DUPLICATE, Post.NOTHING),
        (ItemStatus.UNPAID, Result.UNPAID, DebitVerdict.DUPLICATE, Post.NOTHING),
        (ItemStatus.UNPAID, Result.PAID, DebitVerdict.CONFLICT, Post.SUSPENSE),
        (ItemStatus.INCLUDED, Result.PAID, DebitVerdict.UNKNOWN, Post.SUSPENSE),
        (ItemStatus.EXCLUDED, Result.UNPAID, DebitVerdict.UNKNOWN, Post.NOTHING),
        (None, Result.PAID, DebitVerdict.UNKNOWN, Post.SUSPENSE),
    ],
)
def test_a_banks_answer_is_judged_by_where_the_debit_stands(
    status: ItemStatus | None, result: Result, verdict: DebitVerdict, post: Post
) -> None:
    judged = judge(status, result)

    assert (judged.verdict, judged.post) == (verdict, post)
