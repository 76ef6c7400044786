"""The portfolio's figures: kept with every change of a policy, so that nobody counts the book."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from insurance.core.counts import count_by_shard, shard_of
from insurance.core.money import ZERO
from insurance.core.tenancy import current_org
from insurance.policies.changes.change import HeldPolicy, PolicyChange
from insurance.policies.models import PolicyStatus, PortfolioCount

IN_FORCE = (PolicyStatus.ACTIVE, PolicyStatus.SUSPENDED)
"""While its status is one of these a policy insures lives."""


@dataclass(slots=True)
class _Sums:
    policies: int = 0
    premium: Decimal = ZERO
    cover: Decimal = ZERO

    @property
    def is_nothing(self) -> bool:
        return not (self.policies or self.premium or self.cover)

    def add(self, sign: int, premium: Decimal, cover: Decimal) -> None:
        self.policies += sign
        self.premium += sign * premium
        self.cover += sign * cover


def in_force_of(product_version_id: UUID) -> str:
    """Return the subject under which a product version's policies in force are counted."""
    return f"in_force.{product_version_id}"


def count_changes(session: Session, changes: Sequence[PolicyChange]) -> None:
    """Bring the figures to what changed. Call it late: the rows stay locked to the end."""
    new = {change.policy.id for change in changes if change.is_new}
    before: dict[UUID, HeldPolicy] = {}
    after: dict[UUID, tuple[str, Decimal, Decimal]] = {}
    for change in changes:
        policy = before.setdefault(change.policy.id, change.policy)
        status, premium, cover = after.get(
            policy.id, (policy.status, policy.premium, policy.coverage_amount)
        )
        becomes = change.becomes
        after[policy.id] = (
            becomes.get("status", status),
            becomes.get("premium", premium),
            becomes.get("coverage_amount", cover),
        )
    sums: dict[tuple[UUID, str, int], _Sums] = defaultdict(_Sums)
    in_force: dict[tuple[str, int], int] = defaultdict(int)
    for policy_id, (status, premium, cover) in after.items():
        policy, shard = before[policy_id], shard_of(policy_id)
        subject = in_force_of(policy.product_version_id)
        if policy_id not in new:
            was = sums[policy.product_id, str(policy.status), shard]
            was.add(-1, policy.premium, policy.coverage_amount)
            in_force[subject, shard] -= policy.status in IN_FORCE
        sums[policy.product_id, str(status), shard].add(1, premium, cover)
        in_force[subject, shard] += status in IN_FORCE
    _add(session, sums)
    count_by_shard(session, in_force)


def _add(session: Session, sums: dict[tuple[UUID, str, int], _Sums]) -> None:
    org_id = current_org()
    rows = [
        {
            "org_id": org_id,
            "product_id": product_id,
            "status": PolicyStatus(status),
            "shard": shard,
            "policies": one.policies,
            "monthly_premium": one.premium,
            "cover": one.cover,
        }
        # In an order in which no two commands cross.
        for (product_id, status, shard), one in sorted(sums.items())
        if not one.is_nothing
    ]
    if not rows:
        return
    wanted = insert(PortfolioCount).values(rows)
    session.execute(
        wanted.on_conflict_do_update(
            index_elements=["org_id", "product_id", "status", "shard"],
            set_={
                name: getattr(PortfolioCount, name) + wanted.excluded[name]
                for name in ("policies", "monthly_premium", "cover")
            },
        )
    )
