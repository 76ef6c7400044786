"""What the rules read: the contract as at the event, what was used of it, and the signs."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import delete

from insurance.billing.queries import list_open_lines
from insurance.billing.rules import OpenLine
from insurance.claims.models import Claim, ClaimCheck, ClaimFlag, ClaimItem
from insurance.claims.rules import (
    ContractFacts,
    FlagFacts,
    ItemFacts,
    ItemResult,
    assess_item,
    check_cause,
    check_contract,
    check_stillbirth,
    find_flags,
)
from insurance.claims.services.history import Held
from insurance.core.db import trial
from insurance.core.errors import NotFoundError
from insurance.core.ids import new_id
from insurance.core.money import ZERO, total
from insurance.core.reading import read_rows
from insurance.core.tenancy import current_org
from insurance.lapses.rules import Block
from insurance.organizations.queries import find_parameter
from insurance.policies.rules import (
    Contract,
    ContractBenefit,
    ContractMember,
    ContractObject,
    Layer,
    contract_of,
)
from insurance.policies.services.as_at import PolicyHistory, read_history, state_as_at
from insurance.policies.services.held_money import forecast_of, settle_with_money_held
from insurance.products.rules import ProductTerms
from insurance.quotes.rules import excess_of

_SIGNS = """
    SELECT 'PAID_LATE', r.received_on, NULL FROM ins.allocations a
    JOIN ins.receipts r ON r.org_id = a.org_id AND r.id = a.receipt_id
    JOIN ins.premium_lines l ON l.org_id = a.org_id AND l.id = a.premium_line_id
    WHERE a.org_id = %(org)s AND l.policy_id = %(policy)s AND l.due_date <= %(event)s
      AND r.received_on > %(event)s AND r.status = 'POSTED' AND r.kind = 'PAYMENT' AND a.amount > 0
    UNION
    SELECT 'DUPLICATE', NULL, c.claim_number FROM ins.claims c
    JOIN ins.claim_items i ON i.org_id = c.org_id AND i.claim_id = c.id
    WHERE c.org_id = %(org)s AND c.id <> %(claim)s AND c.policy_id = %(policy)s
      AND c.event_date = %(event)s AND i.policy_benefit_id = ANY(%(benefits)s)
    UNION
    (SELECT DISTINCT 'SHARED_PAYEE', CAST(NULL AS date), c.claim_number FROM ins.claim_payees y
     JOIN ins.claims c ON c.org_id = y.org_id AND c.id = y.claim_id
     WHERE y.org_id = %(org)s AND y.account_index = ANY(%(accounts)s)
       AND c.policy_id <> %(policy)s ORDER BY c.claim_number LIMIT 10)
    UNION
    SELECT 'BENEFICIARIES', (e.issued_at AT TIME ZONE %(zone)s)::date, NULL FROM ins.endorsements e
    WHERE e.org_id = %(org)s AND e.policy_id = %(policy)s AND e.type = 'CHANGE_BENEFICIARIES'
      AND e.status = 'ISSUED' AND (e.issued_at AT TIME ZONE %(zone)s)::date > %(event)s
    ORDER BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class ContractAt:
    """A policy as at an event: what the checks read, its contents (None: not begun), its product."""

    facts: ContractFacts
    contract: Contract | None
    terms: ProductTerms
    stillborn_from: int | None = None
    """After how many weeks a child is stillborn, where the claim is on one."""

    def benefit(self, benefit_id: UUID) -> ContractBenefit | None:
        """Return a benefit that gave cover on the day."""
        found = self.contract.benefit(benefit_id) if self.contract else None
        return found if found is not None and found.status == "ACTIVE" else None


def insured_at(held: Held, event_date: date) -> Contract | None:
    """Return the contents of the policy as at an event date, None where it had not begun."""
    snapshot = _snapshot(held, read_history(held.session, held.policy.id), event_date)
    return contract_of(snapshot) if snapshot else None


def contract_at(held: Held, event_date: date) -> ContractAt:
    """Return the policy as at an event date, by everything that is known now."""
    session, policy = held.session, held.policy
    history = read_history(session, policy.id)
    owed = [line for _policy, line in list_open_lines(session, [policy.id])]
    snapshot = _snapshot(held, history, event_date)
    state = snapshot["policy"] if snapshot else {}
    expiry = state.get("expiry_date")
    facts = ContractFacts(
        event_date=event_date,
        effective_date=policy.effective_date,
        expiry_date=date.fromisoformat(expiry) if expiry else policy.expiry_date,
        status=state.get("status"),
        gaps=_gaps(history),
        lapses_on=_late_lapse(held, _due(owed, held.on)),
        arrears=_due(owed, event_date),
    )
    weeks = None
    if held.claim.gestation_weeks is not None:
        weeks = int(find_parameter(session, "stillbirth_from_weeks", event_date))
    return ContractAt(facts, contract_of(snapshot) if snapshot else None, held.terms, weeks)


def _snapshot(held: Held, history: PolicyHistory, event_date: date) -> dict[str, Any] | None:
    try:
        return state_as_at(held.session, held.policy, history, effective=event_date, known=held.now)
    except NotFoundError:
        return None


def _due(owed: Sequence[OpenLine], on: date) -> Decimal:
    return total(line.outstanding for line in owed if line.due_date <= on)


def _gaps(history: PolicyHistory) -> list[tuple[date, date]]:
    return [
        (date.fromisoformat(gap[0]), date.fromisoformat(gap[1]))
        for event in history.events
        if event.event_type == "POLICY_REINSTATED" and (gap := event.payload.get("gap"))
    ]


def _late_lapse(held: Held, arrears: Decimal) -> date | None:
    """Return the day a policy lapses as from though nobody has lapsed it yet."""
    if held.policy.status not in ("active", "suspended") or arrears <= ZERO:
        return None
    session, policy_id = held.session, held.policy.id
    forecast = forecast_of(session, policy_id, held.on)
    if Block.MONEY_HELD in forecast.blocked_by:
        # A lapse lets what is held pay the oldest premium first: only what that pays stops it.
        with trial(session):
            settle_with_money_held(session, [policy_id], on=held.on, now=held.now)
            forecast = forecast_of(session, policy_id, held.on)
    return forecast.lapse_date if forecast.is_candidate else None


def item_facts(
    at: ContractAt, item: ClaimItem, used: Decimal, life: UUID | None = None
) -> ItemFacts:
    """Return an item as the rules read it. `used` is what other claims took of its cover.

    `life` is whom the claim is on, where the benefit covers several lives.
    """
    was = at.benefit(item.policy_benefit_id)
    insured: ContractMember | ContractObject | None = None
    if at.contract and was:
        insured = at.contract.object(was.object_id)
        if at.terms.insures_persons:
            insured = at.contract.member(was.member_id or life)
    excess = at.terms.excess(was.benefit_code) if was else (ZERO, ZERO)
    return ItemFacts(
        item=item.id,
        benefit_name=item.benefit_name,
        benefit_type=item.benefit_type_code,
        layers=[Layer(layer.amount, layer.starts_on, layer.waiting_until) for layer in was.layers]
        if was
        else None,
        member_from=insured.effective_date if insured else None,
        member_until=insured.end_date if insured else None,
        life_name=insured.name if insured else "",
        excess=excess_of(item.requested_amount, *excess),
        is_on_life=at.terms.insures_persons,
        used=used,
        requested=item.requested_amount,
    )


def make_checks(
    claim: Claim, items: Sequence[ClaimItem], at: ContractAt, used: Mapping[UUID, Decimal]
) -> list[ClaimCheck]:
    """Make the checks of a claim; the items get what is payable.

    `at` is the contract as at the event, `used` what other claims took of each benefit's cover.
    """
    checks = check_contract(at.facts) + check_cause(
        claim.cause, is_on_lives=at.terms.insures_persons
    )
    stillborn = check_stillbirth(claim.gestation_weeks, at.stillborn_from)
    is_in_force = checks[0].passed and all(one.passed for one in stillborn)
    checks += stillborn
    for item in items:
        facts = item_facts(at, item, used[item.policy_benefit_id], claim.member_id)
        result = assess_item(
            facts,
            event_date=claim.event_date,
            cause=claim.cause,
            claim_type=claim.claim_type,
            is_in_force=is_in_force,
        )
        item.excess = facts.excess
        _write(item, result)
        checks.extend(result.checks)
    return [
        ClaimCheck(
            id=new_id(),
            claim_id=claim.id,
            position=position,
            code=one.code,
            item_id=one.item,
            passed=one.passed,
            detail=one.detail,
        )
        for position, one in enumerate(checks, 1)
    ]


def _write(item: ClaimItem, result: ItemResult) -> None:
    item.cover = result.cover
    item.remaining_cover = result.remaining
    item.claimed_amount = max(result.claimed, item.approved_amount or result.claimed)
    item.payable_amount = max(result.payable, item.paid_amount or result.payable)
    item.within_waiting_period = result.is_waiting


def refresh(held: Held, used: Mapping[UUID, Decimal]) -> None:
    """Make the checks of a claim anew and keep them in the place of those that differ."""
    session, claim = held.session, held.claim
    checks = make_checks(claim, held.items, contract_at(held, claim.event_date), used)
    claim.total_claimed = total(item.claimed_amount for item in held.items)
    kept = held.checks
    if [_said(one) for one in kept] == [_said(check) for check in checks]:
        return
    session.execute(
        delete(ClaimCheck).where(
            ClaimCheck.org_id == current_org(), ClaimCheck.claim_id == claim.id
        )
    )
    session.add_all(checks)


def _said(check: ClaimCheck) -> tuple[object, ...]:
    return check.code, check.item_id, check.passed, check.detail


def raise_flags(held: Held, benefit_ids: Sequence[UUID]) -> None:
    """Raise the signs that a claim shows and did not show before."""
    known = [flag.code for flag in held.flags]
    accounts = [payee.account_index for payee in held.payees if payee.account_index]
    flags = new_flags(held, benefit_ids, known=known, accounts=accounts)
    held.session.add_all(flags)
    held.flags.extend(flags)


def new_flags(
    held: Held,
    benefit_ids: Sequence[UUID],
    *,
    known: Collection[str],
    accounts: Sequence[bytes],
) -> list[ClaimFlag]:
    """Return the signs that a claim shows, but for those that are known.

    `accounts` are the keyed hashes of the payees' accounts.
    """
    found = find_flags(_flag_facts(held, benefit_ids, accounts))
    return [new_flag(held, one.code, one.detail) for one in found if one.code not in known]


def add_flag(held: Held, code: str, detail: str) -> None:
    """Raise one sign."""
    flag = new_flag(held, code, detail)
    held.session.add(flag)
    held.flags.append(flag)


def new_flag(held: Held, code: str, detail: str) -> ClaimFlag:
    """Return a sign that the caller adds."""
    return ClaimFlag(
        id=new_id(), claim_id=held.claim.id, code=code, detail=detail, raised_at=held.now
    )


def _flag_facts(held: Held, benefit_ids: Sequence[UUID], accounts: Sequence[bytes]) -> FlagFacts:
    claim = held.claim
    values = {
        "org": current_org(),
        "policy": claim.policy_id,
        "claim": claim.id,
        "event": claim.event_date,
        "benefits": list(benefit_ids),
        "accounts": list(accounts),
        "zone": held.organization.timezone,
    }
    signs: dict[str, list[Any]] = defaultdict(list)
    for sign, day, number in read_rows(held.session, _SIGNS, values):
        signs[sign].append(day or number)
    return FlagFacts(
        event_date=claim.event_date,
        starts_on=held.policy.effective_date,
        early_days=held.settings.early_claim_days,
        duplicates=tuple(signs["DUPLICATE"]),
        paid_late=tuple(signs["PAID_LATE"]),
        beneficiaries_changed=tuple(signs["BENEFICIARIES"]),
        payee_claims=tuple(signs["SHARED_PAYEE"]),
    )
