"""Debits: those of a run or of a period, and what came of them by bank and day."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    Date,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    column,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy.orm import Session

from insurance.billing.models import PremiumLine
from insurance.core.listing import Listing, Wanted
from insurance.core.paging import Page
from insurance.core.reading import read_as
from insurance.core.tenancy import current_org
from insurance.customers.models import BankAccount
from insurance.debit_orders.models import DebitOrderItem, Mandate
from insurance.debit_orders.rules import Exclusion, ItemStatus

SENT = (ItemStatus.SUBMITTED, ItemStatus.PAID, ItemStatus.UNPAID)
"""Where a debit stands that was sent to the bank."""
_POLICIES = table(
    "policies",
    *(column(name, Uuid) for name in ("org_id", "id")),
    column("policy_number", Text),
    schema="ins",
)
_COLLECTED = text(
    """
    SELECT a.bank, i.action_date AS day, count(*) AS sent,
           count(*) FILTER (WHERE i.status = 'PAID') AS paid,
           count(*) FILTER (WHERE i.status = 'UNPAID') AS returned
    FROM ins.debit_order_items i
    JOIN ins.debit_order_mandates m ON m.org_id = i.org_id AND m.id = i.mandate_id
    JOIN ins.customer_bank_accounts a ON a.org_id = m.org_id AND a.id = m.bank_account_id
    WHERE i.org_id = :org AND i.action_date BETWEEN :since AND :until
      AND i.status IN ('SUBMITTED', 'PAID', 'UNPAID')
    GROUP BY a.bank, i.action_date ORDER BY a.bank, i.action_date
    """
)


@dataclass(frozen=True, slots=True)
class ItemLine:
    """An item with the numbers a clerk knows it by."""

    id: UUID
    policy_id: UUID
    policy_number: str
    premium_line_id: UUID
    due_date: date
    amount: Decimal
    reference: str | None
    action_date: date
    status: ItemStatus
    exclusion: Exclusion | None
    reason_code: str | None
    bank: str | None


class Collected(NamedTuple):
    """How many debits of a bank's accounts were sent for a day, and how many came back."""

    bank: str
    day: date
    sent: int
    paid: int
    returned: int


def list_items(session: Session, wanted: Wanted) -> Page[ItemLine]:
    """Return items of the run that narrows them, by status where no other order is wanted."""
    return _ITEMS.read(session, wanted)


def list_debits(session: Session, wanted: Wanted) -> Page[ItemLine]:
    """Return debits that were sent to the bank, the newest day first."""
    if not wanted.order:
        wanted = replace(wanted, order="action_date", descending=True)
    return _ITEMS.read(session, wanted.within(sent=True))


def list_collected(session: Session, *, since: date, until: date) -> Sequence[Collected]:
    """Return what came of the debits of some days, both included, by bank and day."""
    values = {"org": current_org(), "since": since, "until": until}
    return read_as(session, Collected, _COLLECTED, values)


def _item_line(*cells: Any) -> ItemLine:
    line = ItemLine(*cells)
    exclusion = Exclusion(line.exclusion) if line.exclusion else None
    return replace(line, status=ItemStatus(line.status), exclusion=exclusion)


def _item_cells(page: Any) -> Select[Any]:
    policy, line, account = _POLICIES.c, PremiumLine, BankAccount
    return (
        select(
            page.id, page.policy_id, policy.policy_number, page.premium_line_id, line.due_date,
            page.amount, page.reference, page.action_date, page.status, page.exclusion,
            page.reason_code, account.bank,
        )
        .join(_POLICIES, and_(policy.org_id == page.org_id, policy.id == page.policy_id))
        .join(line, and_(line.org_id == page.org_id, line.id == page.premium_line_id))
        .outerjoin(Mandate, and_(Mandate.org_id == page.org_id, Mandate.id == page.mandate_id))
        .outerjoin(
            account, and_(account.org_id == page.org_id, account.id == Mandate.bank_account_id)
        )
    )  # fmt: skip


_ITEMS = Listing(
    DebitOrderItem,
    _item_line,
    _item_cells,
    orders={
        "status": DebitOrderItem.status,
        "amount": DebitOrderItem.amount,
        "reference": DebitOrderItem.reference,
        "action_date": DebitOrderItem.action_date,
    },
    narrows={
        "run": DebitOrderItem.run_id == bindparam("run", type_=Uuid),
        "status": DebitOrderItem.status == bindparam("status", type_=Text),
        "exclusion": DebitOrderItem.exclusion == bindparam("exclusion", type_=Text),
        "since": DebitOrderItem.action_date >= bindparam("since", type_=Date),
        "until": DebitOrderItem.action_date <= bindparam("until", type_=Date),
        "sent": DebitOrderItem.status.in_([literal_column(f"'{one.value}'") for one in SENT]),
        "bank": DebitOrderItem.mandate_id.in_(
            select(Mandate.id)
            .join(
                BankAccount,
                and_(
                    BankAccount.org_id == Mandate.org_id,
                    BankAccount.id == Mandate.bank_account_id,
                ),
            )
            .where(
                Mandate.org_id == bindparam("org"),
                BankAccount.bank == bindparam("bank", type_=Text),
            )
        ),
        "policy": DebitOrderItem.policy_id.in_(
            select(_POLICIES.c.id).where(
                _POLICIES.c.org_id == bindparam("org"),
                _POLICIES.c.policy_number == bindparam("policy", type_=Text),
            )
        ),
    },
)
