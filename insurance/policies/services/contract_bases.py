"""What the contracts of many policies are made of, read from their histories in a few statements."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache, cached_property, partial
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.core.bulk import id_array
from insurance.core.reading import read_as
from insurance.core.tenancy import current_org
from insurance.policies.rules import Change, Contract, Pricer, contract_of, fold
from insurance.policies.services.contracts import change_of, pricer_with
from insurance.products.queries import funeral_caps_over_time, load_terms
from insurance.products.rules import FUNERAL

_IN_BULK = text(
    """
    SELECT p.id, p.policy_number, p.status, p.product_id, p.product_version_id, p.customer_id,
           p.effective_date, p.expiry_date, p.ended_on, p.term_years, p.due_day, p.frequency,
           p.premium, p.coverage_amount, p.rating, p.current_version, (
               SELECT k.category FROM ins.products pr
               JOIN ins.product_classes k ON k.code = pr.class_code
               WHERE pr.org_id = p.org_id AND pr.id = p.product_id) AS category,
           c.display_name, c.email
    FROM ins.policies p
    JOIN ins.customers c ON c.org_id = p.org_id AND c.id = p.customer_id
    WHERE p.org_id = :org AND p.id = ANY(CAST(:policies AS uuid[])) ORDER BY p.id
    """
)
_BASES = text(
    """
    SELECT DISTINCT ON (v.policy_id) v.policy_id, v.policy_snapshot, v.effective_date,
           e.recorded_at
    FROM ins.policy_versions v
    JOIN ins.policy_events e ON e.org_id = v.org_id AND e.id = v.event_id
     AND e.event_type IN ('POLICY_ISSUED', 'POLICY_RENEWED')
    WHERE v.org_id = :org AND v.policy_id = ANY(CAST(:policies AS uuid[]))
    ORDER BY v.policy_id, v.version_number DESC
    """
)
_ISSUED = text(
    """
    SELECT policy_id, id, type, effective_date, change, issued_at FROM ins.endorsements
    WHERE org_id = :org AND policy_id = ANY(CAST(:policies AS uuid[])) AND status = 'ISSUED'
    ORDER BY id
    """
)


class PolicyInBulk(NamedTuple):
    """A policy as it stands before a change of many, with its class and its holder."""

    id: UUID
    policy_number: str
    status: str
    product_id: UUID
    product_version_id: UUID
    customer_id: UUID
    effective_date: date
    expiry_date: date | None
    ended_on: date | None
    term_years: int
    due_day: int
    frequency: str
    premium: Decimal
    coverage_amount: Decimal
    rating: dict[str, Any]
    current_version: int
    category: str
    display_name: str
    email: str | None


@dataclass(frozen=True)
class ContractBasis:
    """What a contract is made of: how its term began, the issued changes since, its pricer."""

    contract: Contract
    starts_on: date
    changes: tuple[Change, ...]
    make_pricer: Callable[[], Pricer]

    @cached_property
    def pricer(self) -> Pricer:
        """Return how its cover is priced. Most contracts never ask."""
        return self.make_pricer()

    def on(self, day: date) -> Contract:
        """Return what the policy covers on a day, every change in its place."""
        if not self.changes:
            return self.contract
        stages = fold(self.contract, self.starts_on, self.changes, self.pricer)
        begun = [stage.contract for stage in stages if stage.on <= day]
        return begun[-1] if begun else stages[0].contract


class _Basis(NamedTuple):
    policy_id: UUID
    policy_snapshot: dict[str, Any]
    effective_date: date
    recorded_at: datetime


class IssuedChange(NamedTuple):
    """An endorsement of a policy that is issued."""

    policy_id: UUID
    id: UUID
    type: str
    effective_date: date
    change: dict[str, Any]
    issued_at: datetime | None


def list_in_bulk(session: Session, policy_ids: Iterable[UUID]) -> list[PolicyInBulk]:
    """Return policies as they stand, in the order of their ids."""
    values = {"org": current_org(), "policies": id_array(policy_ids)}
    return read_as(session, PolicyInBulk, _IN_BULK, values)


def read_contract_bases(
    session: Session, policies: Sequence[PolicyInBulk]
) -> Iterator[tuple[PolicyInBulk, ContractBasis]]:
    """Yield each policy with what its contract is made of."""
    values = {"org": current_org(), "policies": id_array([row.id for row in policies])}
    issued: dict[UUID, list[IssuedChange]] = defaultdict(list)
    for change in read_as(session, IssuedChange, _ISSUED, values):
        issued[change.policy_id].append(change)
    bases = {basis.policy_id: basis for basis in read_as(session, _Basis, _BASES, values)}
    terms = cache(lambda version_id: load_terms(session, version_id))
    caps = cache(lambda: funeral_caps_over_time(session))

    def pricer_for(policy: PolicyInBulk) -> Pricer:
        known = terms(policy.product_version_id)
        return pricer_with(policy, known, caps() if known.class_code == FUNERAL else None)

    for policy in policies:
        base = bases[policy.id]
        yield (
            policy,
            ContractBasis(
                contract=contract_of(base.policy_snapshot),
                starts_on=base.effective_date,
                changes=tuple(
                    change_of(change)
                    for change in issued.get(policy.id, ())
                    if change.issued_at and change.issued_at >= base.recorded_at
                ),
                make_pricer=partial(pricer_for, policy),
            ),
        )
