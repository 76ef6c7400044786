"""The pack of a month-end: every transfer of the run ties to what decided it."""

import io
from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import count
from uuid import UUID

import openpyxl
from pypdf import PdfReader
from sqlalchemy.orm import Session

from insurance.lapses.services import record_notice
from insurance.month_end import queries, services
from insurance.month_end.models import MonthEndRun, PackKind, RunStatus, StepCode
from insurance.month_end.packs import make_pack
from insurance.policies.services.schedule_steps import keep_schedules
from insurance.products.models import ProjectionType
from tests.factories.lifecycle import CHECKER, at, pay, sell
from tests.factories.month_end import escalate_by, plan

START = date(2025, 11, 5)
DAY = date(2026, 11, 30)
INDEXED = {"premium_projection_type": ProjectionType.INDEXED}


def _book() -> None:
    """Sell what a month-end does everything to."""
    later = date(2025, 11, 20)
    escalate_by("6")
    sell(later, premium="300.00")
    credited = sell(later, premium="310.00")
    pay(credited, "4030.00", date(2026, 10, 10))
    risen, sunk = sell(START, premium="310.00", **INDEXED), sell(START, premium="310.00", **INDEXED)
    escalate_by("-10", policy_id=sunk)
    for policy_id in (risen, sunk):
        pay(policy_id, "4030.00", date(2026, 11, 5))
    with at(date(2026, 11, 10)) as now:
        keep_schedules(on=date(2026, 11, 10), now=now)
    _sell_what_ends()


def _sell_what_ends() -> None:
    sell(START, premium="200.00", term_years=1)
    lapsing, told = sell(date(2026, 9, 5), premium="150.00"), date(2026, 9, 8)
    with at(told) as now:
        record_notice(
            lapsing,
            recipient="By post",
            registered_number="RC 123 456 789 ZA",
            sent_on=told,
            on=told,
            now=now,
        )


def _apply(run: MonthEndRun) -> UUID:
    """Apply a plan, each chunk a second after the last, as clocks go."""
    with at(DAY, CHECKER) as now:
        services.approve_run(run.id, comment=None, now=now)
    with at(DAY) as now:
        services.apply_run(run.id, on=DAY, now=now)
        services.work_on(run.id, now=_ticking(now))
    return run.id


def _ticking(since: datetime) -> Callable[[], datetime]:
    seconds = count(1)
    return lambda: since + timedelta(seconds=next(seconds))


def _ties(session: Session, run: MonthEndRun) -> dict[str, tuple[float, float, float]]:
    """Return what a run's pack ties, by what: said, posted, and their difference."""
    run_id = _apply(run)
    session.rollback()
    session.expire_all()
    done = queries.get_run(session, run_id)
    assert done.status is RunStatus.COMPLETED
    book = openpyxl.load_workbook(io.BytesIO(make_pack(session, done, PackKind.XLSX)))
    rows = [[cell.value for cell in row] for row in book["Ties"].iter_rows(min_row=2)]
    return {row[0]: tuple(row[1:4]) for row in rows if row[1] is not None}


def test_everything_that_a_run_posts_ties_to_the_cent(session: Session) -> None:
    _book()

    ties = _ties(session, plan(DAY))

    assert ties == {
        # 300 and 310, eleven of 200 and two of 150.
        "Premiums charged": (3_110.0, 3_110.0, 0),
        "Rises of periods charged before": (18.6, 18.6, 0),
        "Given back by anniversaries": (31.0, 31.0, 0),
        "Credits used": (310.0, 310.0, 0),
        "Charged where cover ended": (0, 0, 0),
        "Charges taken back by lapses": (450.0, 450.0, 0),
        "Written off and refunded": (0, 0, 0),
        "All else": (0, 0, 0),
    }


def test_what_is_charged_where_cover_ends_ties_to_the_histories(session: Session) -> None:
    _sell_what_ends()

    ties = _ties(session, plan(DAY, steps=frozenset({StepCode.LAPSES, StepCode.EXPIRIES})))

    moved = {what: row for what, row in ties.items() if any(row)}
    assert moved == {
        "Charged where cover ended": (2_200.0, 2_200.0, 0),
        "Charges taken back by lapses": (150.0, 150.0, 0),
    }


def test_a_rate_is_no_money_on_paper(session: Session) -> None:
    escalate_by("6")
    sell(START, premium="310.00", **INDEXED)
    run_id = _apply(plan(DAY))
    session.rollback()
    run = queries.get_run(session, run_id)

    words = _words(make_pack(session, run, PackKind.PDF))

    assert "6,00" in words
    assert "R\u00a06,00" not in words
    assert "R\u00a0310,00" in words


def _words(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
