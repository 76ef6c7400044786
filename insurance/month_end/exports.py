"""Effects as the rows of a file."""

from typing import Any

from insurance.month_end.models import StepCode
from insurance.month_end.queries import EffectLine

EFFECTS_HEADER = (
    "Policy",
    "Product",
    "Step",
    "Period",
    "Status",
    "Before",
    "After",
    "Amount",
)


def effect_cells(effect: EffectLine) -> tuple[Any, ...]:
    """Return an effect's cells in the order of the header."""
    return (
        effect.policy_number,
        effect.product_name,
        step_in_words(effect.step),
        effect.period,
        effect.status,
        in_words(effect.before),
        in_words(effect.after),
        effect.amount,
    )


_STEPS = {
    StepCode.ANNIVERSARIES: "Anniversaries",
    StepCode.EXTEND_SCHEDULES: "Schedules extended",
    StepCode.POST_PREMIUMS: "Premiums charged",
    StepCode.MARK_OVERDUE: "Marked overdue",
    StepCode.WAITING_ENDED: "Waiting periods ended",
    StepCode.RENEWALS_DUE: "Renewals due",
    StepCode.CLAIMS_CLOCKS: "Claims out of time",
    StepCode.EXPIRIES: "Expired",
    StepCode.LAPSE_CANDIDATES: "Lapse candidates",
    StepCode.LAPSES: "Lapsed",
}


def step_in_words(step: StepCode) -> str:
    """Return what a step did, as a heading."""
    return _STEPS[step]


def in_words(facts: dict[str, Any]) -> str:
    """Return what an effect keeps of a policy, as a person reads it."""
    shown = {name: value for name, value in facts.items() if name != "event" and value != []}
    return "; ".join(f"{name.replace('_', ' ')}: {_plain(value)}" for name, value in shown.items())


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_plain(one) for one in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def changes_of(effect: EffectLine) -> list[tuple[str, str | None, str | None]]:
    """Return what an effect changes, as rows of (what, before, after)."""
    before = {name: value for name, value in effect.before.items() if name != "event"}
    names = [*before, *(name for name in effect.after if name not in before)]
    return [(name, _shown(before.get(name)), _shown(effect.after.get(name))) for name in names]


def _shown(value: Any) -> str | None:
    return None if value is None or value == [] else _plain(value)
