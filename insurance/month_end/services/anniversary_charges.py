"""What a rise of periods that were charged before its day adds or gives back."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.billing import services as billing
from insurance.billing.models import ReceiptKind
from insurance.billing.services import Payment, apply_credits, lay_lines, record_receipts
from insurance.core.money import ZERO
from insurance.ledger.models import TransferType
from insurance.ledger.rules import AccountCode, split_vat
from insurance.ledger.services import Entry, post
from insurance.month_end.services.anniversary_basis import Raised
from insurance.policies.services.schedules import vat_rate_on


def charge_adjustments(session: Session, raised: Sequence[Raised], on: date, now: datetime) -> None:
    vat = cache(lambda category: vat_rate_on(session, category, on))
    rows, journals, credits = [], [], []
    numbers: dict[UUID, int] = {}
    for one in raised:
        rate = vat(one.basis.pricer.terms.category)
        if one.adjustment > ZERO:
            line = adjustment_row(one, numbers, now)
            rows.append(line)
            journals.append(adjustment_journal(one, line["id"], rate, on))
        elif one.adjustment < ZERO:
            credits.append(_credit(one, rate, on))
    lay_lines(session, rows)
    post(session, journals, now=now, field="process_date")
    if credits:
        record_receipts(session, credits, on=on, now=now)
    charged = {one.policy.id: one.policy.policy_number for one in raised if one.adjustment > ZERO}
    if charged:
        apply_credits(session, charged, on=on, now=now)


def adjustment_row(one: Raised, numbers: dict[UUID, int], now: datetime) -> dict[str, Any]:
    """Return the line of what a rise of past periods costs; `numbers` are those taken, by policy."""
    number = numbers.get(one.policy.id, one.basis.last_adjustment) + 1
    numbers[one.policy.id] = number
    return billing.adjustment_row(
        one.policy.id, number, one.adjustment_due, one.adjustment, now=now
    )


def adjustment_journal(one: Raised, line_id: UUID, rate: Decimal | None, on: date) -> list[Entry]:
    """Return the transfers that charge an adjustment; the rate of VAT is in per cent."""
    net, vat = split_vat(one.adjustment, rate) if rate else (one.adjustment, ZERO)
    return [
        Entry(
            type=TransferType.ADJUSTMENT,
            description=f"Anniversary {one.policy.policy_number} {one.change.on}",
            debit=AccountCode.PREMIUM_DEBTORS,
            credit=account,
            amount=part,
            on=on,
            policy_id=one.policy.id,
            premium_line_id=line_id,
        )
        for account, part in ((AccountCode.PREMIUM_INCOME, net), (AccountCode.VAT_OUTPUT, vat))
    ]


def _credit(one: Raised, rate: Decimal | None, on: date) -> Payment:
    return Payment(
        policy_id=one.policy.id,
        policy_number=one.policy.policy_number,
        reference=f"ADJ-{one.policy.policy_number}-{one.change.on:%Y%m%d}-{one.change.id.hex[-6:]}",
        amount=-one.adjustment,
        on=on,
        kind=ReceiptKind.CREDIT_NOTE,
        detail="Anniversary",
        vat_rate=rate,
    )
