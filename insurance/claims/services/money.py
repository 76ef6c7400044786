"""The money of claims: entries that are only appended, and what they mean in the ledger."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from insurance.claims import queries
from insurance.claims.models import (
    Claim,
    ClaimEntry,
    ClaimItem,
    ClaimPayment,
    CostType,
    EntryKind,
)
from insurance.claims.services.history import Held, hold, require_reason, tell
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError
from insurance.core.ids import new_id
from insurance.core.money import ZERO, format_money
from insurance.ledger.models import TransferType
from insurance.ledger.rules import AccountCode
from insurance.ledger.services import Entry, post


def add_entry(
    held: Held,
    item: ClaimItem,
    kind: EntryKind,
    amount: Decimal,
    reason: str,
    *,
    cost_type: CostType = CostType.INDEMNITY,
    payment: ClaimPayment | None = None,
) -> None:
    """Append an entry of an item; nothing for an amount of nought."""
    if amount == ZERO:
        return
    held.session.add(
        ClaimEntry(
            id=new_id(),
            claim_id=item.claim_id,
            item_id=item.id,
            policy_benefit_id=item.policy_benefit_id,
            kind=kind,
            cost_type=cost_type,
            amount=amount,
            effective_date=held.on,
            recorded_at=held.now,
            recorded_by=current_actor().email,
            reason=reason,
            payment_id=payment.id if payment else None,
        )
    )


def move_reserve(
    held: Held,
    item: ClaimItem,
    change: Decimal,
    reason: str,
    *,
    cost_type: CostType = CostType.INDEMNITY,
) -> None:
    """Raise or release the reserve of an item, with its transfer."""
    if change == ZERO:
        return
    add_entry(held, item, EntryKind.RESERVE, change, reason, cost_type=cost_type)
    is_raise = change > ZERO
    entry = Entry(
        type=TransferType.CLAIM_RESERVED if is_raise else TransferType.CLAIM_RELEASED,
        description=f"{'Reserve' if is_raise else 'Reserve released'} {held.claim.claim_number}",
        debit=AccountCode.CLAIMS_INCURRED if is_raise else AccountCode.OUTSTANDING_CLAIMS,
        credit=AccountCode.OUTSTANDING_CLAIMS if is_raise else AccountCode.CLAIMS_INCURRED,
        amount=abs(change),
        on=held.on,
        policy_id=held.policy.id,
        reference=held.claim.claim_number,
    )
    held.told.journals.append([entry])


def set_reserve(
    held: Held,
    item: ClaimItem,
    wanted: Decimal,
    reason: str,
    money: Mapping[UUID, queries.ItemMoney] | None = None,
) -> None:
    """Bring the reserve of an item to an amount. `money` is that of the items, if it is known."""
    known = money or queries.money_by_item(held.session, item.claim_id)
    move_reserve(held, item, wanted - known.get(item.id, queries.ItemMoney()).reserve, reason)


def item_of(held: Held, item_id: UUID, field: str = "claim_benefit_item_id") -> ClaimItem:
    """Return an item of a held claim. Raises DomainError at the field."""
    for item in held.items:
        if item.id == item_id:
            return item
    raise DomainError("This is not an item of the claim.", field=field)


def change_reserve(
    claim_id: UUID,
    *,
    item_id: UUID,
    cost_type: CostType,
    amount: Decimal,
    reason: str,
    on: date,
    now: datetime,
) -> Claim:
    """Set the reserve of an item for a type of cost, with why."""
    why = require_reason(reason)
    with transaction() as session:
        held = hold(session, claim_id, on=on, now=now)
        if held.claim.closed_at is not None:
            raise ConflictError("This claim is closed; reopen it first.")
        item = item_of(held, item_id)
        money = queries.money_by_item(session, claim_id).get(item.id, queries.ItemMoney())
        is_expense = cost_type is CostType.EXPENSE
        before = money.expense_reserve if is_expense else money.reserve
        if amount == before:
            raise ConflictError("The reserve is this already.", field="amount")
        move_reserve(held, item, amount - before, why, cost_type=cost_type)
        tell(
            held,
            "CLAIM_RESERVE_CHANGED",
            f"Reserve of {item.benefit_name} for {cost_type.lower()} is {format_money(amount)}",
            reason=why,
            payload={"item_id": item.id, "cost_type": cost_type, "before": before, "after": amount},
        )
        return held.claim


def record_recovery(
    claim_id: UUID,
    *,
    item_id: UUID,
    amount: Decimal,
    reference: str,
    reason: str,
    on: date,
    now: datetime,
) -> Claim:
    """Record money that came back: salvage, or what somebody liable paid.

    Raises ConflictError for more than was paid.
    """
    why = require_reason(reason)
    if amount <= ZERO:
        raise DomainError("Enter an amount above zero.", field="amount")
    with transaction() as session:
        held = hold(session, claim_id, on=on, now=now)
        item = item_of(held, item_id)
        money = queries.money_by_item(session, claim_id).get(item.id, queries.ItemMoney())
        left = money.paid - money.recovered
        if amount > left:
            raise ConflictError(
                f"At most {format_money(left)} can still be recovered.", field="amount"
            )
        add_entry(held, item, EntryKind.RECOVERED, amount, f"{why} ({reference})")
        entry = Entry(
            type=TransferType.CLAIM_RECOVERED,
            description=f"Recovered {held.claim.claim_number}: {why}",
            debit=AccountCode.BANK,
            credit=AccountCode.CLAIMS_RECOVERED,
            amount=amount,
            on=on,
            policy_id=held.policy.id,
            reference=reference,
        )
        post(session, [[entry]], now=now)
        tell(
            held,
            "CLAIM_RECOVERED",
            f"{format_money(amount)} recovered",
            reason=why,
            payload={"item_id": item.id, "amount": amount, "reference": reference},
        )
        return held.claim
