"""What an anniversary starts from and comes to: contracts, changes and lines of policies."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.billing.models import LineKind
from insurance.core.bulk import id_array
from insurance.core.money import ZERO, to_cents, total
from insurance.core.reading import read_as
from insurance.core.tenancy import current_org
from insurance.month_end.rules import HUNDRED, Escalation, Rise
from insurance.policies.rules import Change, Contract, Stage
from insurance.policies.services.contract_bases import (
    ContractBasis,
    PolicyInBulk,
    list_in_bulk,
    read_contract_bases,
)
from insurance.products.rules import INSURE_NO_LIFE

_PREMIUMS = text(
    """
    SELECT policy_id, id, kind, sequence, due_date, period_end, amount, paid_amount, status,
           posted_at, whole_days
    FROM ins.premium_lines
    WHERE org_id = :org AND policy_id = ANY(CAST(:policies AS uuid[]))
      AND (period_end > :after OR kind = 'ADJUSTMENT')
    ORDER BY policy_id, due_date, sequence
    """
)


class RisingPremium(NamedTuple):
    """A premium line that an anniversary may price anew."""

    policy_id: UUID
    id: UUID
    kind: str
    sequence: int
    due_date: date
    period_end: date
    amount: Decimal
    paid_amount: Decimal
    status: str
    posted_at: datetime | None
    whole_days: int | None


@dataclass(frozen=True, slots=True)
class Blocked:
    """A rise that may not be, with the reason."""

    policy_id: UUID
    anniversary: date
    reason: str


@dataclass(frozen=True)
class AnniversaryBasis(ContractBasis):
    """What decides a rise: what the contract is made of, and the policy's premiums."""

    lines: Sequence[RisingPremium]
    last_adjustment: int


@dataclass(slots=True)
class Raised:
    """An anniversary of a policy, worked out: contracts, charges and lines, before and after."""

    policy: PolicyInBulk
    basis: AnniversaryBasis
    change: Change
    escalation: Escalation
    rise: Rise
    before: list[Stage]
    after: list[Stage]
    adjustment: Decimal
    relaid: dict[UUID, Decimal]
    adjustment_due: date
    gives_back: bool

    @property
    def old(self) -> Contract:
        """Return the contract on the day before, as it stands on the anniversary."""
        return stage_on(self.before, self.change.on)

    @property
    def new(self) -> Contract:
        """Return the contract from the anniversary on."""
        at = next(one for one in self.after if one.change and one.change.id == self.change.id)
        return at.contract

    @property
    def capped(self) -> int:
        """Return how many benefits grow less than the rise says, held by a cap on their life."""
        old, new = self.old, self.new
        return sum(
            grown is not None
            and grown.sum_assured - benefit.sum_assured
            < to_cents(benefit.sum_assured * self.rise.cover_rate / HUNDRED)
            for benefit in old.active_benefits
            for grown in (new.benefit(benefit.id),)
            if benefit.benefit_type_code not in INSURE_NO_LIFE
            and self.basis.pricer.caps is not None
        )

    @property
    def instalment(self) -> Decimal:
        """Return what the policy pays from the anniversary on."""
        contract = self.new
        return contract.instalment(self.basis.pricer.factor(contract.frequency))

    @property
    def is_newest(self) -> bool:
        """Tell whether no other change takes effect after it."""
        last = self.after[-1].change
        return last is not None and last.id == self.change.id


@dataclass(slots=True)
class Decided:
    """What the anniversaries of some policies come to."""

    raised: list[Raised] = field(default_factory=list)
    blocked: list[Blocked] = field(default_factory=list)
    unchanged: int = 0

    @property
    def policy_ids(self) -> set[UUID]:
        """Return the policies that rise."""
        return {raised.policy.id for raised in self.raised}

    @property
    def newest(self) -> dict[UUID, Raised]:
        """Return the last rise of each policy."""
        return {raised.policy.id: raised for raised in self.raised}

    @property
    def plain(self) -> frozenset[UUID]:
        """Return the policies whose rows a plan can list: one rise, the last change, no money back."""
        times = Counter(raised.policy.id for raised in self.raised)
        return frozenset(
            raised.policy.id
            for raised in self.raised
            if times[raised.policy.id] == 1 and raised.is_newest and not raised.gives_back
        )

    @property
    def relaid(self) -> dict[UUID, Decimal]:
        """Return by line what premiums to come cost from now on, in rand."""
        return {line: cost for raised in self.raised for line, cost in raised.relaid.items()}

    @property
    def surcharged(self) -> set[UUID]:
        """Return the policies that owe more for premiums that were charged."""
        return {raised.policy.id for raised in self.raised if raised.adjustment > ZERO}

    @property
    def given_back(self) -> dict[UUID, Decimal]:
        """Return by policy what is credited of premiums that were charged, in rand."""
        found: dict[UUID, Decimal] = {}
        for raised in self.raised:
            if raised.adjustment < ZERO:
                found[raised.policy.id] = found.get(raised.policy.id, ZERO) - raised.adjustment
        return found

    @property
    def released(self) -> dict[UUID, Decimal]:
        """Return by policy what was paid ahead and is more than the premium costs now, in rand."""
        relaid = self.relaid
        return {
            policy_id: total(
                max(line.paid_amount - relaid[line.id], ZERO)
                for line in raised.basis.lines
                if line.id in relaid
            )
            for policy_id, raised in self.newest.items()
            if raised.gives_back
        }


def load_bases(
    session: Session, ids: Sequence[UUID], *, after: date
) -> dict[UUID, tuple[PolicyInBulk, AnniversaryBasis]]:
    """Return policies with what decides their rises; of their lines those that end after a day."""
    values: dict[str, Any] = {"org": current_org(), "policies": id_array(ids), "after": after}
    lines: dict[UUID, list[RisingPremium]] = defaultdict(list)
    for line in read_as(session, RisingPremium, _PREMIUMS, values):
        lines[line.policy_id].append(line)
    policies = list_in_bulk(session, ids)
    return {
        policy.id: (
            policy,
            AnniversaryBasis(
                basis.contract,
                basis.starts_on,
                basis.changes,
                basis.make_pricer,
                [one for one in lines[policy.id] if one.due_date >= basis.starts_on],
                max(
                    (one.sequence for one in lines[policy.id] if one.kind == LineKind.ADJUSTMENT),
                    default=0,
                ),
            ),
        )
        for policy, basis in read_contract_bases(session, policies)
    }


def stage_on(stages: Sequence[Stage], on: date) -> Contract:
    reached = [stage for stage in stages if stage.on <= on]
    return (reached or stages)[-1 if reached else 0].contract
