"""What a policy insures, where only sums and prices changed: benefits, layers and objects."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Table
from sqlalchemy.orm import Session

from insurance.core.bulk import update_rows, write_rows
from insurance.core.ids import new_id
from insurance.policies.models import BenefitLayer, InsuredObject, PolicyBenefit
from insurance.policies.rules import Contract

_BENEFITS: Table = PolicyBenefit.__table__  # type: ignore[assignment]
_LAYERS: Table = BenefitLayer.__table__  # type: ignore[assignment]
_OBJECTS: Table = InsuredObject.__table__  # type: ignore[assignment]


def write_sums(session: Session, contracts: Iterable[tuple[Contract, Contract]]) -> None:
    """Bring the rows of policies from one contract to another that insures the same for other sums.

    Each pair is the contract before and after. Lives, objects and beneficiaries stay who they are.
    """
    benefits, objects, layers = [], [], []
    for old, new in contracts:
        benefits += sums_of_benefits(new)
        objects += new_values(old, new)
        layers += new_layers(old, new)
    for table, rows in ((_BENEFITS, benefits), (_OBJECTS, objects)):
        if rows:
            update_rows(session, table, rows)
    write_rows(session, _LAYERS, layers)


def sums_of_benefits(contract: Contract) -> list[dict[str, Any]]:
    """Return the ids of the benefits of a contract with what each insures and costs."""
    return [
        {"id": benefit.id, "premium": benefit.premium, "sum_assured": benefit.sum_assured}
        for benefit in contract.active_benefits
    ]


def new_values(old: Contract, new: Contract) -> list[dict[str, Any]]:
    """Return the ids and values of the objects that a contract insures for other sums now."""
    return [
        {"id": one.id, "value": one.value}
        for one in new.live_objects
        if (before := old.object(one.id)) is None or before.value != one.value
    ]


def new_layers(old: Contract, new: Contract) -> list[dict[str, Any]]:
    """Return the rows of the layers that a contract has more than another."""
    known = {benefit.id: {layer.number for layer in benefit.layers} for benefit in old.benefits}
    return [
        {
            "id": new_id(),
            "policy_benefit_id": benefit.id,
            "number": layer.number,
            "amount": layer.amount,
            "starts_on": layer.starts_on,
            "waiting_days": layer.waiting_days,
            "waiting_until": layer.waiting_until,
            "reason": layer.reason,
        }
        for benefit in new.active_benefits
        for layer in benefit.layers
        if layer.number not in known[benefit.id]
    ]
