"""Effects as the rows of a file."""

import re
from decimal import Decimal
from typing import Any

from insurance.core.money import format_money
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


_FIRST = (
    "premium",
    "cover",
    "rate",
    "type",
    "source",
    "index",
    "index_month",
    "adjustment",
    "status",
)
_MONEY = re.compile(r"-?[0-9]+\.[0-9]{2}", re.ASCII)
_RATE = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_IN_PER_CENT = ("rate", "index")
_NOT_SHOWN = ("event",)


def in_words(facts: dict[str, Any]) -> str:
    """Return what an effect keeps of a policy, as a person reads it."""
    return "; ".join(f"{_name(name)} {_shown(name, facts[name])}" for name in _names(facts))


def changes_of(effect: EffectLine) -> list[tuple[str, str | None, str | None]]:
    """Return what an effect changes, as rows of (what, before, after).

    What it says of before alone, such as due dates, stays as it was.
    """
    before, after = effect.before, effect.before | effect.after
    return [
        (
            name,
            _shown(name, before[name]) if name in before else None,
            _shown(name, after[name]) if name in after else None,
        )
        for name in _names(before | after)
    ]


def _names(facts: dict[str, Any]) -> list[str]:
    shown = [name for name, value in facts.items() if name not in _NOT_SHOWN and value != []]
    return sorted(shown, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))


def _name(name: str) -> str:
    return name.replace("_", " ")


def _shown(name: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_shown(name, one) for one in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    if name in _IN_PER_CENT and _RATE.fullmatch(text):
        return f"{Decimal(text).normalize():f}%".replace(".", ",")
    if _MONEY.fullmatch(text):
        return format_money(Decimal(text))
    if _DAY.fullmatch(text):
        return text.replace("-", "/")
    return text.replace("_", " ").lower() if text.isupper() and name != "listed" else text
