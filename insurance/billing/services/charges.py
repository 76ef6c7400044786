"""Charges: what a change adds, what is taken back, what nobody is asked for any more."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.billing.models import (
    PremiumLine,
)
from insurance.billing.services.lines import adjustment_row
from insurance.core.money import ZERO
from insurance.core.tenancy import current_org
from insurance.ledger.models import LedgerTransfer, TransferType
from insurance.ledger.rules import AccountCode, split_vat
from insurance.ledger.services import Entry, post, reverse_transfers


def charge_adjustment(
    session: Session,
    policy_id: UUID,
    policy_number: str,
    amount: Decimal,
    *,
    due_date: date,
    on: date,
    vat_rate: Decimal | None,
    now: datetime,
) -> PremiumLine:
    """Charge what a change of cover adds, to be paid with the next debit."""
    sequence = session.execute(_NEXT_ADJUSTMENT, _of_policy(policy_id)).scalar_one()
    line = PremiumLine(**adjustment_row(policy_id, sequence, due_date, amount, now=now))
    session.add(line)
    session.flush()
    net, vat = split_vat(amount, vat_rate) if vat_rate else (amount, ZERO)
    journal = [
        Entry(
            type=TransferType.ADJUSTMENT,
            description=f"Change of cover {policy_number}",
            debit=AccountCode.PREMIUM_DEBTORS,
            credit=account,
            amount=part,
            on=on,
            policy_id=policy_id,
            premium_line_id=line.id,
        )
        for account, part in ((AccountCode.PREMIUM_INCOME, net), (AccountCode.VAT_OUTPUT, vat))
    ]
    post(session, [journal], now=now)
    return line


_NEXT_ADJUSTMENT = text(
    """
    SELECT coalesce(max(sequence), 0) + 1 FROM ins.premium_lines
    WHERE org_id = :org AND policy_id = :policy AND kind = 'ADJUSTMENT'
    """
)


def _of_policy(policy_id: UUID) -> dict[str, UUID]:
    return {"org": current_org(), "policy": policy_id}


def uncharge(session: Session, line: PremiumLine, *, on: date, now: datetime, why: str) -> None:
    """Take the charge of a wholly unpaid line back: its transfers are reversed."""
    reverse_transfers(
        session,
        (LedgerTransfer.premium_line_id == line.id) & LedgerTransfer.receipt_id.is_(None),
        on=on,
        now=now,
        why=why,
    )
    line.posted_at = None
    session.flush()
