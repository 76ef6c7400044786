"""STEPPED and REVIEWABLE premiums: the step of the very policy year, a review once and no more."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from insurance.billing.queries import list_premium_lines, list_receipts, unapplied_credit
from insurance.core.db import db
from insurance.core.period import add_years
from insurance.month_end.models import StepCode
from insurance.month_end.rules import REVIEWABLE, STEPPED, Escalation, policy_year, rise_at
from insurance.month_end.services import effects_of
from insurance.policies.queries import get_policy
from insurance.policies.replay import find_differences
from insurance.policies.services import pay_premium
from insurance.products.models import ProjectionType
from tests.factories.lifecycle import at, sell
from tests.factories.month_end import EVERYTHING, escalate_by, month_end

D = Decimal
LEAP_DAY = date(2024, 2, 29)
STEPS = {2: D(5), 3: D(7), 5: D(11)}


def _rate(escalation: Escalation, effective: date, year: int) -> Decimal:
    """Return what the anniversary does that begins a policy year."""
    return rise_at(escalation, effective, add_years(effective, year - 1), None).premium_rate


@pytest.mark.parametrize("effective", [LEAP_DAY, date(2024, 1, 31), date(2024, 12, 1)])
def test_a_step_begins_with_the_policy_year_it_is_for(effective: date) -> None:
    """The first anniversary begins the second year; a year without a step changes nothing."""
    stepped = Escalation(type=STEPPED, steps=STEPS)

    assert [_rate(stepped, effective, year) for year in (2, 3, 4, 5, 6)] == [5, 7, 0, 11, 0]


def test_a_policy_of_29_february_reaches_its_years_on_the_last_of_february() -> None:
    assert policy_year(LEAP_DAY, date(2025, 2, 28)) == 2
    assert policy_year(LEAP_DAY, date(2028, 2, 28)) == 4
    assert policy_year(LEAP_DAY, date(2028, 2, 29)) == 5


@pytest.mark.parametrize(
    ("review", "year"),
    [
        (date(2025, 3, 1), 3),
        (date(2026, 2, 27), 3),
        (date(2026, 2, 28), 3),
        (date(2026, 3, 1), 4),
    ],
)
def test_a_review_raises_the_premium_at_the_first_anniversary_from_it(
    review: date, year: int
) -> None:
    reviewable = Escalation(type=REVIEWABLE, reviews={review: D("12.5")})

    rates = {one: _rate(reviewable, LEAP_DAY, one) for one in range(2, 8)}

    assert rates == {one: D("12.5") if one == year else D(0) for one in range(2, 8)}


@given(
    effective=st.dates(date(2015, 1, 1), date(2024, 12, 31)),
    review=st.dates(date(2016, 1, 1), date(2030, 12, 31)),
)
def test_every_review_counts_at_exactly_one_anniversary(effective: date, review: date) -> None:
    reviewable = Escalation(type=REVIEWABLE, reviews={review: D(3)})

    risen = [year for year in range(2, 40) if _rate(reviewable, effective, year)]

    assert len(risen) == (1 if review > effective else 0)


def _sell(start: date, kind: ProjectionType, **rule: Any) -> Any:
    policy_id = sell(start, premium="310.00", premium_projection_type=kind)
    reason = "Board, 3 March" if kind is ProjectionType.REVIEWABLE else None
    escalate_by("", type=kind, reason=reason, **rule)
    return policy_id


def _premium(session: Session, policy_id: Any) -> Decimal:
    session.rollback()
    session.expire_all()
    return get_policy(session, policy_id).premium


@pytest.mark.parametrize(
    ("kind", "rule", "premiums"),
    [
        (
            ProjectionType.STEPPED,
            {"steps": {"2": "6", "4": "10"}},
            # 310.00, 6 % from the second year, nothing for the third, 10 % from the fourth.
            ["328.60", "328.60", "361.46"],
        ),
        (
            ProjectionType.REVIEWABLE,
            {"reviews": {"2025-03-31": "6"}},
            ["310.00", "328.60", "328.60"],
        ),
    ],
)
def test_each_planned_rise_is_made_once_in_its_year(
    session: Session, kind: ProjectionType, rule: dict[str, Any], premiums: list[str]
) -> None:
    policy_id = _sell(date(2023, 11, 5), kind, **rule)
    steps = EVERYTHING - {StepCode.LAPSES}

    seen, rises = [], []
    for year in (2024, 2025, 2026):
        run = month_end(date(year, 11, 30), steps=steps)
        again = month_end(date(year, 11, 30), steps=steps)
        rises.append(effects_of(run, StepCode.ANNIVERSARIES))
        assert effects_of(again, StepCode.ANNIVERSARIES) == 0, "a second run raises nothing"
        seen.append(_premium(session, policy_id))

    assert seen == [D(one) for one in premiums]
    before = ["310.00", *premiums]
    assert rises == [int(old != new) for old, new in zip(before, premiums, strict=False)]
    assert find_differences()[1] == []


def test_a_planned_rise_that_a_missed_month_end_left_out_is_made_once(session: Session) -> None:
    policy_id = _sell(date(2024, 10, 5), ProjectionType.STEPPED, steps={"2": "6", "3": "10"})
    steps = EVERYTHING - {StepCode.LAPSES}
    month_end(date(2025, 9, 30), steps=steps)

    month_end(date(2026, 10, 31), steps=steps)
    assert _premium(session, policy_id) == D("361.46")

    month_end(date(2026, 10, 31), steps=steps)
    assert _premium(session, policy_id) == D("361.46")


@pytest.mark.parametrize(
    ("rate", "december", "status", "back"),
    [("10", "341.00", "PENDING", "0.00"), ("-10", "279.00", "PAID", "31.00")],
)
def test_a_premium_paid_ahead_takes_the_price_of_its_anniversary(
    rate: str, december: str, status: str, back: str, session: Session
) -> None:
    """What it costs more is owed on its day; what it costs less is credit at once."""
    day = date(2026, 11, 30)
    policy_id = sell(
        date(2025, 11, 5), premium="310.00", premium_projection_type=ProjectionType.STEPPED
    )
    escalate_by("", type=ProjectionType.STEPPED, steps={"2": rate})
    month_end(date(2026, 10, 31), steps=EVERYTHING - {StepCode.LAPSES, StepCode.ANNIVERSARIES})
    _pay_all(policy_id, date(2026, 10, 31), until=date(2026, 12, 5))

    month_end(day, steps=EVERYTHING - {StepCode.LAPSES})

    session.rollback()
    session.expire_all()
    found = list_premium_lines(session, policy_id)
    lines = {one.due_date: one for one in found if one.kind == "PREMIUM"}
    ahead = lines[date(2026, 12, 5)]
    assert (ahead.amount, ahead.status) == (D(december), status)
    # November's premium was charged: its price is that of the anniversary too.
    assert lines[date(2026, 11, 5)].amount + _adjusted(session, policy_id) == D(december)
    assert unapplied_credit(session, policy_id) >= D(back)
    assert find_differences()[1] == []


def _pay_all(policy_id: Any, day: date, *, until: date) -> None:
    """Pay every premium due up to a day, each by name."""
    with at(day) as now:
        for line in list_premium_lines(db.session(), policy_id):
            if line.due_date <= until:
                pay_premium(
                    policy_id,
                    line.id,
                    amount=line.outstanding,
                    reference=f"Due {line.due_date}",
                    paid_on=day,
                    on=day,
                    now=now,
                )


def _adjusted(session: Session, policy_id: Any) -> Decimal:
    """Return what was charged beside premiums, less what was credited."""
    lines = list_premium_lines(session, policy_id)
    charged = sum((one.amount for one in lines if one.kind == "ADJUSTMENT"), D(0))
    receipts = list_receipts(session, policy_id)
    return charged - sum((one.amount for one in receipts if one.kind == "CREDIT_NOTE"), D(0))
