"""Reading the ledger."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.core.paging import Page, page_of
from insurance.core.tenancy import current_org
from insurance.ledger.models import LedgerTransfer


def list_policy_transfers(
    session: Session, policy_id: UUID, *, limit: int, after: UUID | None = None
) -> Page[LedgerTransfer]:
    """Return a policy's transfers, newest first."""
    query = (
        select(LedgerTransfer)
        .where(LedgerTransfer.org_id == current_org(), LedgerTransfer.policy_id == policy_id)
        .order_by(LedgerTransfer.id.desc())
        .limit(limit + 1)
    )
    if after is not None:
        query = query.where(LedgerTransfer.id < after)
    return page_of(session.scalars(query).all(), limit, lambda row: (row.id,))
