"""Month-ends, and policies that rise, for tests."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from insurance.month_end.models import MonthEndRun, StepCode
from insurance.month_end.services import (
    WantedRun,
    apply_run,
    approve_run,
    finish_now,
    record_escalation_rule,
    record_index_value,
    request_run,
)
from insurance.products.models import ProjectionType
from tests.factories.lifecycle import CHECKER, at

EVERYTHING = frozenset(StepCode)


def plan(day: date, *, today: date | None = None, **wanted: Any) -> MonthEndRun:
    """Return the plan of a month-end for a day."""
    asked = WantedRun(process_date=day, **{"steps": EVERYTHING} | wanted)
    with at(today or day) as now:
        run = request_run(asked, on=today or day, now=now)
        return finish_now(run.id, now=now)


def carry_out(run: MonthEndRun, *, today: date | None = None) -> MonthEndRun:
    """Approve a plan as a second person and apply it."""
    day = today or run.process_date
    with at(day, CHECKER) as now:
        approve_run(run.id, comment="Checked", now=now)
    with at(day) as now:
        apply_run(run.id, on=day, now=now)
        return finish_now(run.id, now=now)


def month_end(day: date, **wanted: Any) -> MonthEndRun:
    """Plan, approve and apply a month-end."""
    return carry_out(plan(day, **wanted))


def make_index(month: date, value: str, code: str = "CPI") -> UUID:
    """Return an index's value for a month."""
    with at(date(2026, 1, 1)) as now:
        source = "Statistics South Africa, P0141"
        return record_index_value(code, month, Decimal(value), source=source, now=now).id


def escalate_by(rate: str, **wanted: Any) -> UUID:
    """Let every indexed policy rise by a fixed rate, or as `wanted` says."""
    rule = {
        "type": ProjectionType.INDEXED,
        "valid_from": date(2020, 1, 1),
        "fixed_rate": Decimal(rate) if rate else None,
    } | wanted
    with at(date(2026, 1, 1)) as now:
        return record_escalation_rule(rule, now=now).id
