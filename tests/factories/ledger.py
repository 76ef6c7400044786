"""Postings for tests, without the premiums and policies they usually come from."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from insurance.core.db import db
from insurance.core.ids import new_id
from insurance.ledger.models import LedgerTransfer, TransferType, UncountedTransfers

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
Posting = tuple[date, str, str, str]
"""The day, the debited account, the credited account, the amount."""


def post(*postings: Posting, session: Session | None = None, **facts: object) -> None:
    """Post transfers in the organization in scope, in their order."""
    session = session or db.session()
    transfers = _transfers(postings, facts)
    session.add_all(transfers)
    session.flush()
    session.add(UncountedTransfers(transfer_ids=[one.id for one in transfers]))
    session.commit()


def _transfers(postings: Iterable[Posting], facts: dict[str, object]) -> list[LedgerTransfer]:
    return [
        LedgerTransfer(
            journal_id=new_id(),
            posted_at=NOW,
            effective_date=day,
            type=TransferType.ADJUSTMENT,
            debit_account=debit,
            credit_account=credit,
            amount=Decimal(amount),
            **{"description": f"{debit} from {credit}"} | facts,
        )
        for day, debit, credit, amount in postings
    ]
