"""A policy's full state as a version keeps it: plain JSON, money as text."""

from collections.abc import Iterable, Sequence
from typing import Any

from insurance.audit_logs.rules import plain
from insurance.policies.models import (
    BenefitLayer,
    InsuredObject,
    Policy,
    PolicyBenefit,
    PolicyMember,
)

POLICY_FIELDS = [
    "policy_number",
    "status",
    "product_id",
    "product_version_id",
    "customer_id",
    "effective_date",
    "expiry_date",
    "term_years",
    "due_day",
    "frequency",
    "premium",
    "coverage_amount",
]
_MEMBER_FIELDS = [
    "id",
    "role",
    "first_name",
    "last_name",
    "date_of_birth",
    "gender",
    "id_number_ref",
    "passport_ref",
    "effective_date",
    "end_date",
]
_OBJECT_FIELDS = ["id", "kind", "value", "details", "effective_date", "end_date"]
_BENEFIT_FIELDS = [
    "id",
    "member_id",
    "object_id",
    "benefit_code",
    "benefit_name",
    "benefit_type_code",
    "sum_assured",
    "premium",
    "status",
    "is_main",
]
_LAYER_FIELDS = ["number", "amount", "starts_on", "waiting_days", "waiting_until", "reason"]


def snapshot(
    policy: Policy,
    members: Iterable[PolicyMember],
    benefits: Sequence[PolicyBenefit],
    layers: Iterable[BenefitLayer],
    objects: Iterable[InsuredObject] = (),
) -> dict[str, Any]:
    """Return the state of a policy as issued, as JSON: a benefit's one layer costs what it does."""
    prices = {benefit.id: benefit.worksheet["exact"] for benefit in benefits}
    by_benefit: dict[Any, list[dict[str, Any]]] = {}
    for layer in layers:
        row = _fields(layer, _LAYER_FIELDS) | {"price": prices[layer.policy_benefit_id]}
        by_benefit.setdefault(layer.policy_benefit_id, []).append(row)
    state = {
        "policy": _fields(policy, POLICY_FIELDS)
        | ({"payer_id": policy.payer_id} if policy.payer_id else {}),
        "members": [_fields(member, _MEMBER_FIELDS) for member in members],
        "objects": [_fields(one, _OBJECT_FIELDS) for one in objects],
        "benefits": [
            _fields(benefit, _BENEFIT_FIELDS) | {"layers": by_benefit.get(benefit.id, [])}
            for benefit in benefits
        ],
    }
    return plain(state)  # type: ignore[no-any-return]


def _fields(record: Any, names: list[str]) -> dict[str, Any]:
    return {name: getattr(record, name) for name in names}
