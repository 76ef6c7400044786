"""What a run comes to, in effects and in money."""

from decimal import Decimal

from insurance.month_end.models import ExceptionKind, MonthEndRun, StepCode


def counts_of(run: MonthEndRun, left_out: dict[ExceptionKind, int]) -> dict[str, int]:
    """Return the counts of a run as they are published."""
    names = {
        "schedules_extended": StepCode.EXTEND_SCHEDULES,
        "premiums_posted": StepCode.POST_PREMIUMS,
        "overdue_marked": StepCode.MARK_OVERDUE,
        "indexed": StepCode.ANNIVERSARIES,
        "lapse_candidates": StepCode.LAPSE_CANDIDATES,
        "lapsed": StepCode.LAPSES,
    }
    found = {name: effects_of(run, step) for name, step in names.items()}
    quarantined = left_out.get(ExceptionKind.FAILED, 0)
    return {"policies": run.policies, **found, "quarantined": quarantined}


def effects_of(run: MonthEndRun, step: StepCode) -> int:
    """Return how many effects a step has."""
    return sum(count for count, _amount in run.totals.get(step.value, {}).values())


def amount_of(run: MonthEndRun, step: StepCode) -> Decimal:
    """Return the amount of a step's effects."""
    found = run.totals.get(step.value, {}).values()
    return sum((Decimal(amount) for _count, amount in found), Decimal("0.00"))
