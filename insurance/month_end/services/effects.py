"""What a run does to policies: as it is planned, hashed and counted."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.audit_logs.rules import plain
from insurance.core.bulk import id_array
from insurance.core.money import ZERO
from insurance.core.tenancy import current_org
from insurance.month_end.models import StepCode
from insurance.month_end.services.escalations import Escalations

_FACTS = text(
    """
    SELECT p.id, p.policy_number, p.product_id, k.category, (
               SELECT max(e.sequence) FROM ins.policy_events e
               WHERE e.org_id = p.org_id AND e.policy_id = p.id) AS sequence
    FROM ins.policies p
    JOIN ins.products pr ON pr.org_id = p.org_id AND pr.id = p.product_id
    JOIN ins.product_classes k ON k.code = pr.class_code
    WHERE p.org_id = :org AND p.id = ANY(CAST(:policies AS uuid[]))
      AND p.status IN ('active', 'suspended')
    """
)


as_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=plain).encode


class Effect(NamedTuple):
    """What a step does to a policy. `before` says after which event of its history."""

    policy_id: UUID
    policy_number: str
    product_id: UUID
    step: StepCode
    period: date
    before: dict[str, Any]
    after: dict[str, Any]
    amount: Decimal
    has_rows: bool = False

    @property
    def text(self) -> str:
        """Return the effect as it is hashed: a list in JSON."""
        return text_of(self, as_json(self.before), as_json(self.after))


def text_of(effect: Effect, before: str, after: str) -> str:
    """Return an effect as it is hashed, from what is known of it in JSON."""
    return (
        f'["{effect.policy_id}","{effect.step}","{effect.period}","{effect.amount}",'
        f"{before},{after}]"
    )


@dataclass(frozen=True, slots=True)
class Work:
    """What a run does, to which day, and what decides rises."""

    steps: frozenset[StepCode]
    on: date
    now: datetime
    since: date
    escalations: Escalations


class Facts(NamedTuple):
    """What effects say of a policy, as it was before the first step."""

    number: str
    product_id: UUID
    category: str
    sequence: int


def load_facts(session: Session, policy_ids: Sequence[UUID]) -> dict[UUID, Facts]:
    """Return the facts of those policies that are in force."""
    rows = session.execute(_FACTS, {"org": current_org(), "policies": id_array(policy_ids)}).all()
    return {
        policy_id: Facts(number, product_id, category, sequence or 0)
        for policy_id, number, product_id, category, sequence in rows
    }


def effect_of(
    facts: Facts,
    policy_id: UUID,
    step: StepCode,
    period: date,
    before: dict[str, Any],
    after: dict[str, Any],
    amount: Decimal,
    has_rows: bool = False,
) -> Effect:
    """Return an effect on a policy, with the last event of its history that it rests on."""
    known = {**before, "event": facts.sequence}
    return Effect(
        policy_id, facts.number, facts.product_id, step, period, known, after, amount, has_rows
    )


def in_order(effects: Sequence[Effect]) -> list[Effect]:
    """Return effects by policy, in the order of the steps."""
    order = {step: place for place, step in enumerate(StepCode)}
    return sorted(effects, key=lambda one: (one.policy_id.int, order[one.step], one.period))


def hash_of_texts(texts: Sequence[str]) -> str:
    """Return the hash of texts in their order."""
    return hashlib.sha256("".join(texts).encode()).hexdigest()


def totals_of(effects: Sequence[Effect]) -> dict[str, dict[str, list[Any]]]:
    """Return how many effects there are and their amount, by step and product."""
    found: dict[str, dict[UUID, list[Any]]] = {}
    for effect in effects:
        at = found.setdefault(effect.step.value, {}).setdefault(effect.product_id, [0, ZERO])
        at[0] += 1
        at[1] += effect.amount
    return plain(found)  # type: ignore[no-any-return]
