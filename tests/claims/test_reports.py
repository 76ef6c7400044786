"""Reports on claims and the loss ratio, held to the ledger."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from insurance.billing.queries import list_premium_lines
from insurance.claims.loss_figures import loss_ratios
from insurance.claims.reports import (
    REPORTS,
    ReportRequest,
    Side,
    list_loss_entries,
    run_report,
    totals_of,
)
from insurance.claims.rules import earned_between
from insurance.core.period import Period
from insurance.ledger.queries import trial_balance
from tests.factories.book import TODAY
from tests.factories.claims import seed_claims
from tests.factories.lifecycle import sell

D = Decimal
START = date(2026, 9, 20)
WANTED = ReportRequest(start=date(2026, 11, 1), end=TODAY, on=TODAY)


@pytest.fixture
def claims(session: Session) -> list[UUID]:
    """Return a claim in every state."""
    made = seed_claims([sell(START) for _ in range(7)], TODAY)
    session.rollback()
    return made


@pytest.mark.parametrize("code", sorted(REPORTS))
def test_each_report_runs_and_says_what_is_behind_it(
    session: Session, claims: list[UUID], code: str
) -> None:
    report = REPORTS[code]
    rows = run_report(session, report, WANTED, limit=100)

    assert all(len(row.cells) == len(report.columns) for row in rows)
    if code != "large":
        assert rows
        assert all(row.claim_id or row.behind for row in rows)


def test_the_register_has_every_claim_and_its_money_ties_to_the_ledger(
    session: Session, claims: list[UUID]
) -> None:
    rows = run_report(session, REPORTS["register"], WANTED, limit=100)
    totals = totals_of(REPORTS["register"], rows)
    books = {line.code: line.balance for line in trial_balance(session, TODAY)}

    assert {row.claim_id for row in rows} == set(claims)
    assert totals[11] == -books["OUTSTANDING_CLAIMS"]
    assert totals[10] + totals[11] == books["CLAIMS_INCURRED"]


def test_every_grouped_figure_is_the_number_of_rows_behind_it(
    session: Session, claims: list[UUID]
) -> None:
    from dataclasses import replace

    register = REPORTS["register"]
    for code, counted in (("ageing", 1), ("reserves", 2), ("causes", 3), ("turnaround", 1)):
        for row in run_report(session, REPORTS[code], WANTED, limit=100):
            narrowed = dict(row.behind)
            if "product" in narrowed:
                narrowed["product"] = UUID(narrowed["product"])  # type: ignore[assignment]
            behind = run_report(session, register, replace(WANTED, **narrowed), limit=100)  # type: ignore[arg-type]
            assert len(behind) == row.cells[counted], (code, row)


def test_the_loss_ratio_ties_to_the_trial_balance(session: Session, claims: list[UUID]) -> None:
    sell(START, frequency="ANNUAL")
    rows = loss_ratios(session, start=date(2026, 1, 1), end=TODAY)
    by_month = loss_ratios(session, start=date(2026, 1, 1), end=TODAY, by_month=True)
    books = {line.code: line.balance for line in trial_balance(session, TODAY)}

    assert sum(one.charged for one in rows) == -books["PREMIUM_INCOME"]
    assert sum(one.charged for one in by_month) == -books["PREMIUM_INCOME"]
    assert sum(one.premiums for one in by_month) == sum(one.premiums for one in rows)
    assert sum(one.claims for one in rows) == books["CLAIMS_INCURRED"]
    assert sum(one.claims for one in by_month) == books["CLAIMS_INCURRED"]
    for one in [*rows, *by_month]:
        assert one.charged == one.premiums + one.unearned_after - one.unearned_before
    one = next(each for each in rows if each.premiums)
    assert one.ratio == (one.claims * 100 / one.premiums).quantize(D("0.1"))


def test_an_annual_premium_is_earned_by_the_day(session: Session) -> None:
    policy_id = sell(START, frequency="ANNUAL")
    session.rollback()
    line = list_premium_lines(session, policy_id)[0]
    months = loss_ratios(session, start=date(2026, 9, 1), end=date(2027, 12, 31), by_month=True)
    earned = {one.month: one.premiums for one in months if one.premiums}

    charged = sum(one.charged for one in months)
    assert charged > 0
    assert (line.due_date, line.period_end) == (START, date(2027, 9, 20))
    assert len(earned) == 13
    assert earned[date(2026, 10, 1)] == earned_between(
        charged, Period(START, line.period_end), date(2026, 10, 1), date(2026, 10, 31)
    )
    assert sum(earned.values()) == charged
    at_year_end = loss_ratios(session, start=START, end=date(2026, 12, 31))[0]
    assert at_year_end.premiums == (charged * 103 / 365).quantize(D("0.01"))
    assert at_year_end.unearned_after == charged - at_year_end.premiums
    behind = list_loss_entries(
        session, Side.EARNED, start=START, end=date(2026, 12, 31), product_id=None, limit=10
    )
    assert sum(one.amount for one in behind) == at_year_end.premiums


@given(
    amount=st.decimals(min_value=D("0.01"), max_value=10**7, places=2),
    days=st.integers(min_value=1, max_value=800),
    cuts=st.lists(st.integers(min_value=-5, max_value=810), max_size=12),
)
def test_the_earned_parts_of_a_premium_add_up_to_it(
    amount: Decimal, days: int, cuts: list[int]
) -> None:
    last = START + timedelta(days=days - 1)
    ends = sorted({max(START, START + timedelta(days=one)) for one in cuts} | {last})
    begins = [START, *(one + timedelta(days=1) for one in ends[:-1])]

    parts = [
        earned_between(amount, Period(START, last + timedelta(days=1)), begin, end)
        for begin, end in zip(begins, ends, strict=True)
    ]

    assert sum(parts) == amount
    assert min(parts) >= 0
