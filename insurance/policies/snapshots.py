"""A policy's full state as a version keeps it: plain JSON, money as text."""

from collections.abc import Iterable
from typing import Any

from insurance.audit_logs.rules import plain
from insurance.policies.models import BenefitLayer, Policy, PolicyBenefit, PolicyMember

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
    "effective_date",
    "end_date",
]
_BENEFIT_FIELDS = [
    "id",
    "member_id",
    "benefit_code",
    "benefit_name",
    "benefit_type_code",
    "sum_assured",
    "premium",
    "status",
]
_LAYER_FIELDS = ["number", "amount", "starts_on", "waiting_days", "waiting_until", "reason"]


def snapshot(
    policy: Policy,
    members: Iterable[PolicyMember],
    benefits: Iterable[PolicyBenefit],
    layers: Iterable[BenefitLayer],
) -> dict[str, Any]:
    """Return the state as JSON."""
    by_benefit: dict[Any, list[dict[str, Any]]] = {}
    for layer in layers:
        by_benefit.setdefault(layer.policy_benefit_id, []).append(_fields(layer, _LAYER_FIELDS))
    state = {
        "policy": _fields(policy, POLICY_FIELDS),
        "members": [_fields(member, _MEMBER_FIELDS) for member in members],
        "benefits": [
            _fields(benefit, _BENEFIT_FIELDS) | {"layers": by_benefit.get(benefit.id, [])}
            for benefit in benefits
        ],
    }
    return plain(state)  # type: ignore[no-any-return]


def _fields(record: Any, names: list[str]) -> dict[str, Any]:
    return {name: getattr(record, name) for name in names}
