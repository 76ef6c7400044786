"""Reports on claims and the loss ratio, held to the ledger."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.claims.loss_figures import loss_ratios
from insurance.claims.models import Claim
from insurance.claims.reports import (
    REPORTS,
    Report,
    ReportRequest,
    ReportRow,
    run_report,
)
from insurance.claims.rules import earned_between
from insurance.core.period import Period
from insurance.ledger.queries import trial_balance
from tests.factories.book import TODAY
from tests.factories.lifecycle import sell
from tests.factories.organizations import OrganizationFacts

D = Decimal
START = date(2026, 9, 20)
WANTED = ReportRequest(start=date(2026, 11, 1), end=TODAY, on=TODAY)


@pytest.fixture
def org(insurer: OrganizationFacts) -> OrganizationFacts:
    """Return the insurer of all tests of this file."""
    return insurer


@pytest.fixture
def claims(session: Session) -> list[UUID]:
    """Return its claims, one in every state."""
    found = list(session.scalars(select(Claim.id).order_by(Claim.claim_number)))
    session.rollback()
    return found


def totals_of(report: Report, rows: Sequence[ReportRow]) -> dict[int, Decimal | int]:
    """Return the sums of the columns that are summed."""
    return {place: sum((row.cells[place] or 0) for row in rows) for place in report.totals}


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
