"""When cover stops for want of a premium, and how it comes back."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insurance.core.business_days import is_business_day, public_holidays
from insurance.core.period import add_months
from insurance.lapses.rules import (
    NOTHING_OWED,
    STATUTORY_TERMS,
    Block,
    Hold,
    LapseTerms,
    Owed,
    Way,
    check_rule,
    cover_all_dates,
    default_terms,
    forecast,
    grace_anchor,
    grace_days,
    grace_end,
    lapse_date,
    reinstatement_terms,
    shortens_grace,
    statutory_minimum,
    terms_on,
)

SEED = LapseTerms(
    grace_period_days=30,
    monthly_grace_days=30,
    quarterly_grace_days=45,
    half_yearly_grace_days=45,
    annual_grace_days=60,
    effective_from=date(2026, 1, 1),
)
DUE = date(2026, 10, 4)
FREQUENCIES = ["MONTHLY", "QUARTERLY", "HALF_YEARLY", "ANNUAL"]
NO_HOLIDAYS: frozenset[date] = frozenset()
days = st.dates(date(2020, 1, 1), date(2040, 12, 31))


def _monthly(days_of_grace: int, **changes: object) -> LapseTerms:
    return replace(STATUTORY_TERMS, monthly_grace_days=days_of_grace, **changes)


def _owing(on: date, **changes: object):
    facts = {
        "oldest_unpaid": DUE,
        "arrears": Decimal("310.00"),
        "terms": replace(STATUTORY_TERMS, requires_notice=False),
        "frequency": "MONTHLY",
        "holds": (),
        "notice_sent_on": None,
        "collection_in_flight": False,
        "on": on,
    }
    return forecast(**facts | changes)  # type: ignore[arg-type]


def test_due_on_4_october_the_19th_is_covered_and_the_20th_is_not() -> None:
    assert grace_end(DUE, STATUTORY_TERMS, "MONTHLY", NO_HOLIDAYS) == date(2026, 10, 19)
    assert lapse_date(DUE, STATUTORY_TERMS, "MONTHLY", NO_HOLIDAYS) == date(2026, 10, 20)
    assert not _owing(date(2026, 10, 19)).is_candidate
    assert _owing(date(2026, 10, 20)).is_candidate


@pytest.mark.parametrize(
    ("due", "last_days"),
    [
        (date(2026, 3, 5), {15: (3, 20), 30: (4, 4), 45: (4, 19), 60: (5, 4)}),
        (date(2026, 1, 31), {15: (2, 15), 30: (3, 2), 45: (3, 17), 60: (4, 1)}),
        (date(2026, 12, 31), {15: (1, 15), 30: (1, 30), 45: (2, 14), 60: (3, 1)}),
    ],
)
def test_the_last_day_of_grace_is_counted_from_the_due_date(
    due: date, last_days: dict[int, tuple[int, int]]
) -> None:
    for number, (month, day) in last_days.items():
        end = grace_end(due, _monthly(number), "MONTHLY", NO_HOLIDAYS)
        assert (end.month, end.day) == (month, day)


@pytest.mark.parametrize(
    ("due", "one_month"),
    [
        (date(2026, 3, 5), date(2026, 4, 5)),
        (date(2026, 1, 31), date(2026, 2, 28)),
        (date(2026, 12, 31), date(2027, 1, 31)),
    ],
)
def test_thirty_one_days_are_never_less_than_one_month(due: date, one_month: date) -> None:
    assert add_months(due, 1) == one_month
    assert grace_end(due, STATUTORY_TERMS, "ANNUAL", NO_HOLIDAYS) >= one_month


@given(due=days, frequency=st.sampled_from(FREQUENCIES))
def test_the_statutory_minimum_is_never_less_than_the_law_wants(due: date, frequency: str) -> None:
    end = grace_end(due, STATUTORY_TERMS, frequency, NO_HOLIDAYS)

    assert grace_days(STATUTORY_TERMS, frequency) == statutory_minimum(frequency)
    least = due + timedelta(days=15) if frequency == "MONTHLY" else add_months(due, 1)
    assert end >= least


def test_business_days_of_grace_skip_weekends_and_public_holidays() -> None:
    closed = public_holidays(2026, 2027)
    terms = _monthly(15, grace_period_type="BUSINESS")

    # 16, 25, 26 (a Saturday) December and 1 January are public holidays.
    assert grace_end(date(2026, 12, 11), terms, "MONTHLY", closed) == date(2027, 1, 6)


@given(due=days, number=st.integers(15, 60))
def test_business_days_of_grace_end_on_one_and_are_as_many_as_the_rule_says(
    due: date, number: int
) -> None:
    closed = public_holidays(2020, 2042)
    end = grace_end(due, _monthly(number, grace_period_type="BUSINESS"), "MONTHLY", closed)
    between = [due + timedelta(days=one) for one in range(1, (end - due).days + 1)]

    assert is_business_day(end, closed)
    assert sum(is_business_day(day, closed) for day in between) == number
    assert end >= grace_end(due, _monthly(number), "MONTHLY", closed)


def test_the_day_after_the_grace_is_the_lapse_date_however_late_it_is_looked_at() -> None:
    seen = {_owing(DUE + timedelta(days=late)).lapse_date for late in (0, 15, 16, 40, 400)}

    assert seen == {date(2026, 10, 20)}


def _owed(due: date, amount: int | str) -> Owed:
    return Owed(due, Decimal(amount), "MONTHLY")


def test_paying_the_older_of_two_premiums_puts_the_clock_on_the_younger() -> None:
    september, october = _owed(date(2026, 9, 4), 100), _owed(DUE, 100)

    assert grace_anchor([october, september], Decimal(0)) == date(2026, 9, 4)
    assert grace_anchor([october], Decimal(0)) == DUE
    assert grace_anchor([], Decimal(0)) is None


def test_a_shortfall_within_the_tolerance_does_not_start_the_clock_of_the_next_premium() -> None:
    cents = _owed(date(2026, 9, 4), "0.50")

    assert grace_anchor([cents], Decimal(1)) is None
    assert grace_anchor([cents, _owed(DUE, 100)], Decimal(1)) == DUE


owed = st.builds(
    Owed, days, st.decimals(min_value="0.01", max_value=1000, places=2), st.just("MONTHLY")
)


@given(owed=st.lists(owed, max_size=6), tolerance=st.decimals(0, 500, places=2))
def test_the_clock_stands_on_a_premium_that_is_owed_and_only_over_the_tolerance(
    owed: list[Owed], tolerance: Decimal
) -> None:
    anchor = grace_anchor(owed, tolerance)

    assert (anchor is None) == (sum(one.left for one in owed) <= tolerance)
    if anchor is not None:
        assert anchor in {one.due_date for one in owed}
        assert sum(one.left for one in owed if one.due_date < anchor) <= tolerance


def test_nothing_owed_has_no_dates_and_nothing_to_stop() -> None:
    assert _owing(DUE, oldest_unpaid=None) == NOTHING_OWED
    assert _owing(DUE, arrears=Decimal(0)) == NOTHING_OWED


HELD = Hold("Employer pays late", date(2026, 10, 10), date(2026, 11, 1))


@pytest.mark.parametrize(
    ("what", "block"),
    [
        ({"holds": (HELD,)}, Block.HOLD),
        ({"collection_in_flight": True}, Block.COLLECTION_IN_FLIGHT),
        (
            {"terms": replace(STATUTORY_TERMS, requires_notice=False, tolerance=Decimal(310))},
            Block.WITHIN_TOLERANCE,
        ),
        ({"terms": STATUTORY_TERMS}, Block.NO_NOTICE),
    ],
)
def test_each_thing_that_stops_a_lapse_is_named(what: dict[str, object], block: Block) -> None:
    seen = _owing(date(2026, 10, 20), **what)

    assert seen.blocked_by == (block,)
    assert not seen.is_candidate
    assert seen.lapse_date == date(2026, 10, 20)


def test_a_hold_stops_until_the_day_it_expires() -> None:
    assert not _owing(date(2026, 10, 31), holds=(HELD,)).is_candidate
    assert _owing(date(2026, 11, 1), holds=(HELD,)).is_candidate


def test_a_notice_that_was_sent_is_proof() -> None:
    seen = _owing(date(2026, 10, 20), terms=STATUTORY_TERMS, notice_sent_on=date(2026, 10, 9))

    assert seen.is_candidate


@pytest.mark.parametrize(
    ("requires_notice", "sent", "ends"),
    [
        (True, date(2026, 10, 19), date(2026, 10, 19)),
        (True, date(2026, 10, 20), date(2026, 11, 4)),
        (False, date(2026, 10, 20), date(2026, 10, 19)),
    ],
)
def test_after_a_notice_that_went_too_late_grace_runs_from_it_where_the_law_wants_one(
    requires_notice: bool, sent: date, ends: date
) -> None:
    terms = replace(STATUTORY_TERMS, requires_notice=requires_notice)

    assert _owing(date(2026, 10, 25), terms=terms, notice_sent_on=sent).grace_end == ends


def test_money_that_is_held_stops_a_lapse() -> None:
    seen = _owing(date(2026, 10, 25), money_held=True)

    assert (seen.is_candidate, seen.blocked_by) == (False, (Block.MONEY_HELD,))


@given(on=days, arrears=st.decimals(0, 1000, places=2), notice=st.booleans(), busy=st.booleans())
def test_a_candidate_has_run_out_of_grace_and_nothing_stops_it(
    on: date, arrears: Decimal, notice: bool, busy: bool
) -> None:
    seen = _owing(
        on,
        arrears=arrears,
        terms=STATUTORY_TERMS,
        notice_sent_on=date(2026, 10, 9) if notice else None,
        collection_in_flight=busy,
    )

    assert seen.is_candidate == (arrears > 0 and on >= date(2026, 10, 20) and notice and not busy)


def test_the_rule_in_force_on_the_due_date_applies() -> None:
    old = replace(SEED, effective_to=date(2026, 10, 4))
    new = replace(SEED, monthly_grace_days=40, effective_from=date(2026, 10, 4))

    assert terms_on([new, old], date(2026, 10, 3), STATUTORY_TERMS) == old
    assert terms_on([new, old], date(2026, 10, 4), STATUTORY_TERMS) == new
    assert terms_on([new, old], date(2025, 12, 31), STATUTORY_TERMS) == STATUTORY_TERMS


@given(bounds=st.lists(days, max_size=8, unique=True), is_open=st.booleans(), due=days)
def test_every_day_has_exactly_one_rule(bounds: list[date], is_open: bool, due: date) -> None:
    edges = sorted(bounds)
    versions = [
        replace(SEED, effective_from=start, effective_to=end)
        for start, end in zip(edges[::2], edges[1::2], strict=False)
    ]
    if is_open and len(edges) % 2:
        versions.append(replace(SEED, effective_from=edges[-1]))
    spans = cover_all_dates(versions, STATUTORY_TERMS)

    (only,) = [one for one in spans if one.applies(due)]
    expected = terms_on(versions, due, STATUTORY_TERMS)
    assert only.monthly_grace_days == expected.monthly_grace_days


def _refused(terms: LapseTerms, class_code: str = "RISK", category: str = "LIFE") -> dict[str, str]:
    return {str(one.field): one.message for one in check_rule(terms, class_code, category)}


def test_the_sample_of_30_45_and_60_days_passes() -> None:
    assert _refused(SEED) == {}
    assert _refused(STATUTORY_TERMS) == {}
    assert _refused(default_terms("FUNERAL", "LIFE"), "FUNERAL") == {}
    assert _refused(default_terms("MOTOR", "NON_LIFE"), "MOTOR", "NON_LIFE") == {}


def test_fewer_than_15_days_for_monthly_premiums_are_refused_with_the_clause() -> None:
    found = _refused(replace(SEED, monthly_grace_days=14))

    assert list(found) == ["monthly_grace_days"]
    assert "At least 15 days" in found["monthly_grace_days"]
    assert "LT PPR rule 15A.1" in found["monthly_grace_days"]


@pytest.mark.parametrize(
    "field", ["quarterly_grace_days", "half_yearly_grace_days", "annual_grace_days"]
)
def test_fewer_than_31_days_for_longer_intervals_are_refused(field: str) -> None:
    assert field in _refused(replace(SEED, **{field: 30}))
    assert _refused(replace(SEED, **{field: 31})) == {}
    assert "ST PPR" in _refused(replace(SEED, **{field: 30}), "MOTOR", "NON_LIFE")[field]


def test_reinstatement_periods_stand_in_their_order() -> None:
    medical = "reinstatement_requires_medical_after_days"

    assert medical in _refused(replace(SEED, **{medical: 181}))
    assert "auto_reinstate_if_paid_within_days" in _refused(
        replace(SEED, auto_reinstate_if_paid_within_days=91)
    )
    assert _refused(replace(SEED, **{medical: None}, auto_reinstate_if_paid_within_days=180)) == {}


def test_a_funeral_rule_may_not_ask_for_medical_clearance() -> None:
    assert "reinstatement_requires_medical_after_days" in _refused(SEED, "FUNERAL")
    assert _refused(replace(SEED, reinstatement_requires_medical_after_days=None), "FUNERAL") == {}


@pytest.mark.parametrize("schedule", [(7, 7), (61,), (-1,), tuple(range(11))])
def test_reminders_are_few_different_and_near(schedule: tuple[int, ...]) -> None:
    assert "reminder_schedule" in _refused(replace(SEED, reminder_schedule=schedule))


def test_a_rule_ends_after_it_starts() -> None:
    assert "effective_to" in _refused(replace(SEED, effective_to=SEED.effective_from))


def test_grace_is_shortened_by_fewer_days_or_by_counting_weekends() -> None:
    assert shortens_grace(SEED, replace(SEED, monthly_grace_days=29), "MONTHLY")
    assert not shortens_grace(SEED, replace(SEED, monthly_grace_days=29), "ANNUAL")
    assert not shortens_grace(SEED, replace(SEED, monthly_grace_days=31), "MONTHLY")
    assert shortens_grace(replace(SEED, grace_period_type="BUSINESS"), SEED, "MONTHLY")


LAPSED = date(2026, 3, 21)


@pytest.mark.parametrize(
    ("on", "way"),
    [
        (LAPSED, Way.AUTOMATIC),
        (date(2026, 4, 4), Way.AUTOMATIC),
        (date(2026, 4, 5), Way.ARREARS_ONLY),
        (date(2026, 6, 19), Way.ARREARS_ONLY),
        (date(2026, 6, 20), Way.MEDICAL),
        (date(2026, 9, 17), Way.MEDICAL),
        (date(2026, 9, 18), Way.NEW_BUSINESS),
    ],
)
def test_a_lapse_of_21_march_comes_back_by_the_way_that_is_open(on: date, way: Way) -> None:
    seen = reinstatement_terms(LAPSED, SEED, "RISK", on)

    assert seen.way is way
    assert (seen.automatic_until, seen.arrears_only_until, seen.medical_until) == (
        date(2026, 4, 4),
        date(2026, 6, 19),
        date(2026, 9, 17),
    )


@given(on=st.dates(LAPSED, LAPSED + timedelta(days=400)))
def test_a_funeral_policy_never_needs_medical_clearance(on: date) -> None:
    seen = reinstatement_terms(LAPSED, SEED, "FUNERAL", on)

    assert seen.way is not Way.MEDICAL
    assert seen.medical_until is None
    assert (seen.way is Way.NEW_BUSINESS) == (on > date(2026, 9, 17))
