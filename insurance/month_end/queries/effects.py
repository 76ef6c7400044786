"""What a run does to each policy, as listed and exported."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.core.errors import DomainError
from insurance.core.paging import Page, decode_cursor, page_of
from insurance.core.tenancy import current_org
from insurance.month_end.models import (
    StepCode,
)

EffectKey = tuple[str, UUID, date]
"""Step, policy and period: what an effect is known by in a run."""


@dataclass(frozen=True, slots=True)
class EffectLine:
    """An effect of a run as a list shows it."""

    policy_id: UUID
    policy_number: str
    product_id: UUID
    product_name: str
    step: StepCode
    period: date
    status: str
    before: dict[str, Any]
    after: dict[str, Any]
    amount: Decimal

    @property
    def key(self) -> EffectKey:
        """Return its place in the list."""
        return self.step.value, self.policy_id, self.period


_EFFECTS = """
    SELECT e.policy_id, e.policy_number, e.product_id, pr.name, e.step, e.period,
           CASE WHEN e.after ? 'blocked_by' THEN 'BLOCKED'
                WHEN x.kind = 'FAILED' THEN 'QUARANTINED'
                WHEN x.kind = 'CHANGED' THEN 'LEFT_OUT'
                WHEN e.after ? 'listed' THEN 'LISTED'
                WHEN c.applied_at IS NOT NULL THEN 'APPLIED' ELSE 'PLANNED' END AS status,
           e.before, e.after, e.amount
    FROM ins.month_end_effects e
    JOIN ins.month_end_chunks c ON c.org_id = e.org_id AND c.run_id = e.run_id
     AND c.number = e.chunk
    JOIN ins.products pr ON pr.org_id = e.org_id AND pr.id = e.product_id
    LEFT JOIN ins.month_end_exceptions x ON x.org_id = e.org_id AND x.run_id = e.run_id
     AND x.policy_id = e.policy_id
    WHERE e.org_id = :org AND e.run_id = :run
"""
_NARROWER = {
    "step": " AND e.step = :step",
    # The key leads by step, then by policy.
    "policy_id": " AND e.policy_id = :policy_id AND e.step = ANY(:steps)",
    "policy_number": " AND e.policy_number = :policy_number",
    "product_id": " AND e.product_id = :product_id",
    "after": " AND (e.step, e.policy_id, e.period) > (:after_step, :after_policy, :after_period)",
    "blocked": " AND e.after ? 'blocked_by'",
}
_EFFECTS_ORDER = " ORDER BY e.step, e.policy_id, e.period LIMIT :limit"
_BATCH = 5_000


def list_effects(
    session: Session,
    run_id: UUID,
    *,
    limit: int,
    after: EffectKey | None = None,
    step: StepCode | None = None,
    policy_id: UUID | None = None,
    policy_number: str | None = None,
    product_id: UUID | None = None,
    blocked: bool = False,
) -> Page[EffectLine]:
    """Return effects of a run by step and policy."""
    chosen: dict[str, Any] = {
        "step": step.value if step else None,
        "policy_id": policy_id,
        "policy_number": policy_number,
        "product_id": product_id,
        "after": after,
        "blocked": blocked or None,
    }
    given = {name: value for name, value in chosen.items() if value is not None}
    statement = "".join([_EFFECTS, *(_NARROWER[name] for name in given), _EFFECTS_ORDER])
    values = given | {"org": current_org(), "run": run_id, "limit": limit + 1}
    if after is not None:
        values |= dict(zip(("after_step", "after_policy", "after_period"), after, strict=True))
    if policy_id is not None:
        values["steps"] = [one.value for one in StepCode]
    for name in ("after", "blocked"):
        values.pop(name, None)
    rows = [_effect_line(row) for row in session.execute(text(statement), values)]
    return page_of(rows, limit, lambda line: line.key)


def effect_key(cursor: str) -> EffectKey:
    """Return where a page of effects starts. Raises DomainError for what is no cursor of theirs."""
    try:
        step, policy_id, period = decode_cursor(cursor, 3)
        return StepCode(step).value, UUID(policy_id), date.fromisoformat(period)
    except ValueError as error:
        raise DomainError("This page link is not valid.", field="cursor") from error


def _effect_line(row: Any) -> EffectLine:
    values = list(row)
    values[4] = StepCode(values[4])
    return EffectLine(*values)


def read_effects(session: Session, run_id: UUID, **chosen: Any) -> Iterator[EffectLine]:
    """Return all effects chosen, some thousands at a time."""
    after: EffectKey | None = None
    while True:
        found = list_effects(session, run_id, limit=_BATCH, after=after, **chosen)
        yield from found.items
        if found.next_cursor is None:
            return
        after = found.items[-1].key
