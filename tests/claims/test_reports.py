"""Reports on claims and the loss ratio, held to the ledger."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from insurance.claims.reports import (
    REPORTS,
    Wanted,
    loss_ratios,
    run_report,
    totals_of,
)
from insurance.ledger.queries import trial_balance
from tests.factories.book import TODAY
from tests.factories.claims import seed_claims
from tests.factories.lifecycle import sell

D = Decimal
START = date(2026, 9, 20)
WANTED = Wanted(start=date(2026, 11, 1), end=TODAY, on=TODAY)


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
    rows = loss_ratios(session, start=date(2026, 1, 1), end=TODAY)
    by_month = loss_ratios(session, start=date(2026, 1, 1), end=TODAY, by_month=True)
    books = {line.code: line.balance for line in trial_balance(session, TODAY)}

    assert sum(one.premiums for one in rows) == -books["PREMIUM_INCOME"]
    assert sum(one.claims for one in rows) == books["CLAIMS_INCURRED"]
    assert sum(one.claims for one in by_month) == books["CLAIMS_INCURRED"]
    one = next(each for each in rows if each.premiums)
    assert one.ratio == (one.claims * 100 / one.premiums).quantize(D("0.1"))
