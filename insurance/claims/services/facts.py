"""What the rules read: the contract as at the event, what was used of it, and the signs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select, text

from insurance.billing.queries import arrears_on
from insurance.claims import queries
from insurance.claims.models import Claim, ClaimCheck, ClaimFlag, ClaimItem
from insurance.claims.rules import (
    Check,
    ContractFacts,
    FlagFacts,
    ItemFacts,
    ItemResult,
    assess_item,
    check_contract,
    find_flags,
)
from insurance.claims.services.history import Held
from insurance.core.errors import NotFoundError
from insurance.core.ids import new_id
from insurance.core.money import ZERO
from insurance.core.tenancy import current_org
from insurance.organizations.queries import get_organization
from insurance.policies.models import (
    Endorsement,
    EndorsementStatus,
    EndorsementType,
    PolicyBenefit,
    PolicyEvent,
)
from insurance.policies.rules import Contract, ContractBenefit, Layer, contract_of
from insurance.policies.services.as_at import policy_as_at
from insurance.policies.services.lifecycle import forecast_of

_PAID_LATE = text(
    """
    SELECT DISTINCT r.received_on FROM ins.allocations a
    JOIN ins.receipts r ON r.org_id = a.org_id AND r.id = a.receipt_id
    JOIN ins.premium_lines l ON l.org_id = a.org_id AND l.id = a.premium_line_id
    WHERE a.org_id = :org AND l.policy_id = :policy AND l.due_date <= :event
      AND r.received_on > :event AND r.status = 'POSTED' AND r.kind = 'PAYMENT' AND a.amount > 0
    ORDER BY r.received_on
    """
)
_DUPLICATES = text(
    """
    SELECT DISTINCT c.claim_number FROM ins.claims c
    JOIN ins.claim_items i ON i.org_id = c.org_id AND i.claim_id = c.id
    WHERE c.org_id = :org AND c.id <> :claim AND c.policy_id = :policy
      AND c.event_date = :event AND i.policy_benefit_id = ANY(:benefits)
    ORDER BY c.claim_number
    """
)
_SHARED_PAYEE = text(
    """
    SELECT c.claim_number FROM ins.claims c
    WHERE c.org_id = :org AND c.payee_account_index = :account AND c.policy_id <> :policy
    ORDER BY c.claim_number LIMIT 10
    """
)


@dataclass(frozen=True, slots=True)
class ContractAt:
    """A policy as at an event: what the checks read, and its contents (None: not begun)."""

    facts: ContractFacts
    contract: Contract | None

    def benefit(self, benefit_id: UUID) -> ContractBenefit | None:
        """Return a benefit that gave cover on the day."""
        found = self.contract.benefit(benefit_id) if self.contract else None
        return found if found is not None and found.status == "ACTIVE" else None


def contract_at(held: Held, event_date: date) -> ContractAt:
    """Return the policy as at an event date, by everything that is known now."""
    session, policy = held.session, held.policy
    try:
        snapshot: Mapping[str, Any] | None = policy_as_at(
            session, policy.id, effective=event_date, known=held.now
        ).policy_snapshot
    except NotFoundError:
        snapshot = None
    state = snapshot["policy"] if snapshot else {}
    expiry = state.get("expiry_date")
    facts = ContractFacts(
        event_date=event_date,
        effective_date=policy.effective_date,
        expiry_date=date.fromisoformat(expiry) if expiry else policy.expiry_date,
        status=state.get("status"),
        gaps=_gaps(held),
        lapses_on=_late_lapse(held),
        arrears=arrears_on(session, policy.id, event_date),
    )
    return ContractAt(facts, contract_of(snapshot) if snapshot else None)


def _gaps(held: Held) -> list[tuple[date, date]]:
    payloads = held.session.scalars(
        select(PolicyEvent.payload).where(
            PolicyEvent.org_id == current_org(),
            PolicyEvent.policy_id == held.policy.id,
            PolicyEvent.event_type == "POLICY_REINSTATED",
        )
    )
    return [
        (date.fromisoformat(gap[0]), date.fromisoformat(gap[1]))
        for payload in payloads
        if (gap := payload.get("gap"))
    ]


def _late_lapse(held: Held) -> date | None:
    """Return the day a policy lapses as from though nobody has lapsed it yet."""
    if held.policy.status not in ("active", "suspended"):
        return None
    if arrears_on(held.session, held.policy.id, held.on) <= ZERO:
        return None
    forecast = forecast_of(held.session, held.policy.id, held.on)
    return forecast.lapse_date if forecast.is_candidate else None


def item_facts(
    at: ContractAt, item: UUID, benefit: PolicyBenefit, *, used: Decimal, requested: Decimal
) -> ItemFacts:
    """Return a benefit as the rules read it."""
    was = at.benefit(benefit.id)
    member = at.contract.member(benefit.member_id) if at.contract else None
    return ItemFacts(
        item=item,
        benefit_name=benefit.benefit_name,
        benefit_type=benefit.benefit_type_code,
        layers=[Layer(one.amount, one.starts_on, one.waiting_until) for one in was.layers]
        if was
        else None,
        member_from=member.effective_date if member else None,
        member_until=member.end_date if member else None,
        life_name=member.name if member else "",
        used=used,
        requested=requested,
    )


def refresh(
    held: Held,
    items: Sequence[ClaimItem],
    benefits: Mapping[UUID, PolicyBenefit],
    *,
    at: ContractAt | None = None,
) -> list[Check]:
    """Make the checks of a claim anew and store them; the items get what is payable.

    `at` is the contract as at the event where the caller has read it already.
    """
    claim = held.claim
    at = at or contract_at(held, claim.event_date)
    checks = check_contract(at.facts)
    used = queries.used_cover(held.session, benefits, but_for=claim.id)
    for item in items:
        benefit = benefits[item.policy_benefit_id]
        facts = item_facts(
            at, item.id, benefit, used=used[benefit.id], requested=item.requested_amount
        )
        result = assess_item(
            facts,
            event_date=claim.event_date,
            cause=claim.cause,
            claim_type=claim.claim_type,
            is_in_force=checks[0].passed,
        )
        _write(item, result)
        checks.extend(result.checks)
    _store(held, checks)
    return checks


def _write(item: ClaimItem, result: ItemResult) -> None:
    item.cover = result.cover
    item.remaining_cover = result.remaining
    item.claimed_amount = max(result.claimed, item.approved_amount or result.claimed)
    item.payable_amount = max(result.payable, item.paid_amount or result.payable)
    item.within_waiting_period = result.is_waiting


def _store(held: Held, checks: Sequence[Check]) -> None:
    is_new = held.claim.version == 0
    kept = [] if is_new else queries.list_checks(held.session, held.claim.id)
    if [(one.code, one.item_id, one.passed, one.detail) for one in kept] == [
        (one.code, one.item, one.passed, one.detail) for one in checks
    ]:
        return
    if kept:
        held.session.execute(
            delete(ClaimCheck).where(
                ClaimCheck.org_id == current_org(), ClaimCheck.claim_id == held.claim.id
            )
        )
    held.session.add_all(
        ClaimCheck(
            id=new_id(),
            claim_id=held.claim.id,
            position=position,
            code=one.code,
            item_id=one.item,
            passed=one.passed,
            detail=one.detail,
        )
        for position, one in enumerate(checks, 1)
    )
    held.session.flush()


def raise_flags(held: Held, benefit_ids: Sequence[UUID]) -> None:
    """Raise the signs that a claim shows and did not show before."""
    claim = held.claim
    is_new = claim.version == 0
    known = set() if is_new else {one.code for one in queries.list_flags(held.session, claim.id)}
    for flag in find_flags(_flag_facts(held, benefit_ids)):
        if flag.code not in known:
            add_flag(held, flag.code, flag.detail)


def add_flag(held: Held, code: str, detail: str) -> None:
    """Raise one sign."""
    held.session.add(
        ClaimFlag(id=new_id(), claim_id=held.claim.id, code=code, detail=detail, raised_at=held.now)
    )
    held.session.flush()


def _flag_facts(held: Held, benefit_ids: Sequence[UUID]) -> FlagFacts:
    session, claim, org = held.session, held.claim, current_org()
    of_policy = {"org": org, "policy": claim.policy_id}
    paid_late = session.scalars(_PAID_LATE, of_policy | {"event": claim.event_date}).all()
    duplicates = session.scalars(
        _DUPLICATES,
        of_policy | {"claim": claim.id, "event": claim.event_date, "benefits": list(benefit_ids)},
    ).all()
    shared: Sequence[str] = ()
    if claim.payee_account_index is not None:
        shared = session.scalars(
            _SHARED_PAYEE, of_policy | {"account": claim.payee_account_index}
        ).all()
    return FlagFacts(
        event_date=claim.event_date,
        starts_on=held.policy.effective_date,
        early_days=queries.get_settings(session).early_claim_days,
        duplicates=tuple(duplicates),
        paid_late=tuple(paid_late),
        beneficiaries_changed=_changed_after(held, claim),
        payee_claims=tuple(shared),
    )


def _changed_after(held: Held, claim: Claim) -> tuple[date, ...]:
    zone = ZoneInfo(get_organization(held.session).timezone)
    issued = held.session.scalars(
        select(Endorsement.issued_at).where(
            Endorsement.org_id == current_org(),
            Endorsement.policy_id == claim.policy_id,
            Endorsement.type == EndorsementType.CHANGE_BENEFICIARIES,
            Endorsement.status == EndorsementStatus.ISSUED,
        )
    )
    days = [moment.astimezone(zone).date() for moment in issued if moment is not None]
    return tuple(sorted(day for day in days if day > claim.event_date))


def benefits_of(held: Held, ids: Sequence[UUID]) -> dict[UUID, PolicyBenefit]:
    """Return benefits of the held policy by id; those of others are left out."""
    rows = held.session.scalars(
        select(PolicyBenefit).where(
            PolicyBenefit.org_id == current_org(),
            PolicyBenefit.policy_id == held.policy.id,
            PolicyBenefit.id.in_(ids),
        )
    )
    return {row.id: row for row in rows}
