"""What claims took of a benefit's cover."""

from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select, case, func, or_, select
from sqlalchemy.orm import Session

from insurance.claims.models import (
    Claim,
    ClaimEntry,
    CostType,
    EntryKind,
)
from insurance.claims.queries.claim import ItemMoney, money
from insurance.core.money import ZERO
from insurance.core.tenancy import current_org
from insurance.policies.models import PolicyBenefit


def cover_and_money(
    session: Session, claim_id: UUID, benefit_ids: Collection[UUID], life: UUID | None
) -> tuple[dict[UUID, Decimal], dict[UUID, ItemMoney]]:
    """Return what other claims took of each benefit's cover, and the money of a claim's items.

    The benefits are those of the items, `life` whom the claim is on. The caller holds the policy.
    """
    item = case((ClaimEntry.claim_id == claim_id, ClaimEntry.item_id))
    query = select(
        ClaimEntry.policy_benefit_id,
        item,
        ClaimEntry.kind,
        ClaimEntry.cost_type,
        func.sum(ClaimEntry.amount),
    ).where(ClaimEntry.org_id == current_org(), ClaimEntry.policy_benefit_id.in_(benefit_ids))
    rows = session.execute(
        _on_life(query, life).group_by(
            ClaimEntry.policy_benefit_id, item, ClaimEntry.kind, ClaimEntry.cost_type
        )
    )
    used = dict.fromkeys(benefit_ids, ZERO)
    sums: dict[UUID, dict[tuple[EntryKind, CostType], Decimal]] = {}
    for benefit_id, item_id, kind, cost_type, amount in rows:
        if item_id is not None:
            sums.setdefault(item_id, {})[kind, cost_type] = amount
        elif kind in (EntryKind.APPROVED, EntryKind.PAID) and cost_type is CostType.INDEMNITY:
            used[benefit_id] += amount
    return used, {item_id: money(found) for item_id, found in sums.items()}


def _on_life(query: Select[*tuple[Any, ...]], life: UUID | None) -> Any:
    """Leave out what other lives took of a benefit that each of several lives has whole."""
    if life is None:
        return query
    return (
        query.join(Claim, (Claim.org_id == ClaimEntry.org_id) & (Claim.id == ClaimEntry.claim_id))
        .join(
            PolicyBenefit,
            (PolicyBenefit.org_id == ClaimEntry.org_id)
            & (PolicyBenefit.id == ClaimEntry.policy_benefit_id),
        )
        .where(
            or_(
                PolicyBenefit.member_id.is_not(None),
                Claim.member_id.is_(None),
                Claim.member_id == life,
            )
        )
    )


def used_cover(
    session: Session,
    benefit_ids: Iterable[UUID],
    *,
    but_for: UUID | None = None,
    life: UUID | None = None,
) -> dict[UUID, Decimal]:
    """Return what was paid of each benefit, or approved and not yet paid, in rand.

    The caller holds the policy where it goes on to approve. `but_for` leaves one claim out, `life`
    what other lives took of a benefit that covers several.
    """
    wanted = list(benefit_ids)
    query = select(ClaimEntry.policy_benefit_id, func.sum(ClaimEntry.amount)).where(
        ClaimEntry.org_id == current_org(),
        ClaimEntry.policy_benefit_id.in_(wanted),
        ClaimEntry.kind.in_([EntryKind.APPROVED, EntryKind.PAID]),
        ClaimEntry.cost_type == CostType.INDEMNITY,
    )
    if but_for is not None:
        query = query.where(ClaimEntry.claim_id != but_for)
    found = dict(
        session.execute(_on_life(query, life).group_by(ClaimEntry.policy_benefit_id)).tuples().all()
    )
    return {one: found.get(one, ZERO) for one in wanted}
