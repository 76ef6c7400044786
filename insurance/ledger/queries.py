"""Reading the ledger: a policy's transfers, the trial balance, an account's statement, closes."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, func, literal, select, tuple_, union_all
from sqlalchemy.orm import Session

from insurance.core.errors import DomainError, NotFoundError
from insurance.core.money import ZERO
from insurance.core.paging import Page, decode_cursor, page_of
from insurance.core.reading import constant, read_rows
from insurance.core.tenancy import current_org
from insurance.ledger.figures import list_pair_sums, through
from insurance.ledger.models import (
    AccountKind,
    LedgerAccount,
    LedgerClose,
    LedgerTransfer,
    TransferType,
)

_DAY = timedelta(days=1)
_BEFORE, _DURING, _PASSED = range(3)
_CODE = re.compile(r"[A-Z0-9][A-Z0-9_.-]{0,59}", re.ASCII)


class BalanceLine(NamedTuple):
    """An account with everything debited and credited to it; `balance` is debit less credit."""

    code: str
    name: str
    kind: AccountKind
    debit: Decimal
    credit: Decimal
    balance: Decimal


@dataclass(frozen=True, slots=True)
class StatementEntry:
    """One side of a transfer as its account sees it, with the balance after it."""

    id: UUID
    effective_date: date
    type: TransferType
    description: str
    other_account: str
    debit: Decimal | None
    credit: Decimal | None
    balance: Decimal
    reference: str | None
    policy_id: UUID | None
    reverses_id: UUID | None


@dataclass(frozen=True, slots=True)
class AccountStatement:
    """An account between two days, both inclusive. Balances are debit less credit."""

    account: LedgerAccount
    opening: Decimal
    debit: Decimal
    credit: Decimal
    closing: Decimal
    entries: Page[StatementEntry]


def credit_was_applied(
    session: Session, policy_id: UUID, *, since: datetime, besides: UUID | None
) -> bool:
    """Tell whether credit of a policy was used after a moment, other than that of one receipt."""
    used = select(LedgerTransfer.id).where(
        LedgerTransfer.org_id == current_org(),
        LedgerTransfer.policy_id == policy_id,
        LedgerTransfer.type == TransferType.CREDIT_APPLIED,
        LedgerTransfer.posted_at > since,
        LedgerTransfer.receipt_id.is_distinct_from(besides),
    )
    return session.scalar(select(used.exists())) or False


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


def list_accounts(session: Session) -> Sequence[LedgerAccount]:
    """Return the chart of accounts, by code."""
    return session.scalars(
        select(LedgerAccount)
        .where(LedgerAccount.org_id == current_org())
        .order_by(LedgerAccount.code)
    ).all()


def get_account(session: Session, code: str) -> LedgerAccount:
    """Return an account of the chart. Raises NotFoundError."""
    if not _CODE.fullmatch(code):
        raise NotFoundError
    found = session.scalars(
        select(LedgerAccount).where(
            LedgerAccount.org_id == current_org(), LedgerAccount.code == code
        )
    ).one_or_none()
    if found is None:
        raise NotFoundError
    return found


def trial_balance(session: Session, on: date) -> list[BalanceLine]:
    """Return every account with what was posted to it up to and including a day.

    Debits equal credits, so the balances add up to nothing.
    """
    debits: dict[str, Decimal] = defaultdict(Decimal)
    credits_: dict[str, Decimal] = defaultdict(Decimal)
    for pair in list_pair_sums(session, {0: through(on)}):
        debits[pair.debit_account] += pair.amount
        credits_[pair.credit_account] += pair.amount
    return [
        BalanceLine(
            account.code,
            account.name,
            account.kind,
            debits[account.code],
            credits_[account.code],
            debits[account.code] - credits_[account.code],
        )
        for account in list_accounts(session)
    ]


def account_statement(
    session: Session,
    code: str,
    since: date,
    until: date,
    *,
    limit: int,
    after: tuple[date, UUID] | None = None,
) -> AccountStatement:
    """Return an account between two days, its entries by date from a position on.

    Raises NotFoundError for an account that is not on the chart, DomainError for days in the wrong
    order.
    """
    account = get_account(session, code)
    if after is not None and after[0] < since:
        after = None
    sums = _sums(session, code, since, until, after)
    rows = session.execute(_entries(code, since, until, limit + 1, after))
    entries = page_of(
        list(_with_balance(rows, sums.reached)),
        limit,
        lambda entry: (entry.effective_date, entry.id),
    )
    return AccountStatement(account, sums.opening, sums.debit, sums.credit, sums.closing, entries)


def position_of(cursor: str | None) -> tuple[date, UUID] | None:
    """Return where a page of a statement starts. Raises DomainError for a made-up cursor."""
    if not cursor:
        return None
    day, entry_id = decode_cursor(cursor, 2)
    try:
        return date.fromisoformat(day), UUID(entry_id)
    except ValueError as error:
        raise DomainError("This page link is not valid.", field="cursor") from error


_LAST_CLOSE = constant(
    """
    SELECT closed_through FROM ins.ledger_closes WHERE org_id = :org
    ORDER BY sequence DESC LIMIT 1
    """
)


def closed_through(session: Session) -> date | None:
    """Return the last day of the closed books, or None where nothing is closed."""
    session.flush()
    last = read_rows(session, _LAST_CLOSE, {"org": current_org()})
    return last[0][0] if last else None


def find_last_close(session: Session) -> LedgerClose | None:
    """Return the newest close or reopening, the one that holds."""
    return next(iter(list_closes(session, limit=1).items), None)


def list_closes(session: Session, *, limit: int, cursor: str | None = None) -> Page[LedgerClose]:
    """Return closes and reopenings, newest first."""
    query = (
        select(LedgerClose)
        .where(LedgerClose.org_id == current_org())
        .order_by(LedgerClose.sequence.desc())
        .limit(limit + 1)
    )
    if cursor:
        (after,) = decode_cursor(cursor, 1, _read_sequence)
        query = query.where(LedgerClose.sequence < after)
    return page_of(session.scalars(query).all(), limit, lambda row: (row.sequence,))


def _read_sequence(text: str) -> int:
    sequence = int(text)
    if not 0 < sequence < 2**31:
        raise ValueError
    return sequence


class _Sums(NamedTuple):
    """What an account holds at the start, up to a position, and at the end; and its turnover."""

    opening: Decimal
    reached: Decimal
    closing: Decimal
    debit: Decimal
    credit: Decimal


def _sums(
    session: Session, code: str, since: date, until: date, after: tuple[date, UUID] | None
) -> _Sums:
    if since > until:
        raise DomainError("The last day must not be before the first.", field="to")
    spans = {_BEFORE: through(since - _DAY), _DURING: (since, until)}
    if after is not None:
        spans[_PASSED] = (since, after[0] - _DAY)
    sums = {place: {True: ZERO, False: ZERO} for place in (_BEFORE, _DURING, _PASSED)}
    for pair in list_pair_sums(session, spans, account=code):
        sums[pair.place][pair.debit_account == code] += pair.amount
    opening, during, passed = (side[True] - side[False] for side in sums.values())
    return _Sums(
        opening=opening,
        reached=opening + passed + (_passed_on_its_day(session, code, after) if after else ZERO),
        closing=opening + during,
        debit=sums[_DURING][True],
        credit=sums[_DURING][False],
    )


def _passed_on_its_day(session: Session, code: str, after: tuple[date, UUID]) -> Decimal:
    """Return what a position's day moved up to it, by the indexes of both sides."""
    transfer = LedgerTransfer
    sides = union_all(
        *(
            select((transfer.amount * sign).label("amount")).where(
                transfer.org_id == current_org(),
                own == code,
                transfer.effective_date == after[0],
                transfer.id <= after[1],
            )
            for own, sign in ((transfer.debit_account, 1), (transfer.credit_account, -1))
        )
    ).subquery()
    return session.scalars(select(func.coalesce(func.sum(sides.c.amount), ZERO))).one()


def _entries(
    code: str, since: date, until: date, limit: int, after: tuple[date, UUID] | None
) -> Select[*tuple[Any, ...]]:
    """Return both sides of an account in one order, from a position on."""
    sides = union_all(
        *(_side(code, is_debit, since, until, limit, after) for is_debit in (True, False))
    ).subquery()
    return select(sides).order_by(sides.c.effective_date, sides.c.id).limit(limit)


def _side(
    code: str,
    is_debit: bool,
    since: date,
    until: date,
    limit: int,
    after: tuple[date, UUID] | None,
) -> Select[*tuple[Any, ...]]:
    """Return the next transfers on one side of an account, in the order of that side's index."""
    transfer = LedgerTransfer
    debit, credit = transfer.debit_account, transfer.credit_account
    own, other = (debit, credit) if is_debit else (credit, debit)
    query = select(
        transfer.id,
        transfer.effective_date,
        transfer.type,
        transfer.description,
        other.label("other_account"),
        transfer.amount,
        transfer.reference,
        transfer.policy_id,
        transfer.reverses_id,
        literal(is_debit).label("is_debit"),
    ).where(
        transfer.org_id == current_org(),
        own == code,
        # The day alone is what the index can seek; the position is finer.
        transfer.effective_date.between(after[0] if after else since, until),
    )
    if after is not None:
        query = query.where(tuple_(transfer.effective_date, transfer.id) > after)
    return query.order_by(transfer.effective_date, transfer.id).limit(limit)


def _with_balance(rows: Iterable[Any], balance: Decimal) -> Iterator[StatementEntry]:
    for row in rows:
        balance += row.amount if row.is_debit else -row.amount
        yield _entry(row, balance)


def _entry(row: Any, balance: Decimal) -> StatementEntry:
    return StatementEntry(
        id=row.id,
        effective_date=row.effective_date,
        type=row.type,
        description=row.description,
        other_account=row.other_account,
        debit=row.amount if row.is_debit else None,
        credit=None if row.is_debit else row.amount,
        balance=balance,
        reference=row.reference,
        policy_id=row.policy_id,
        reverses_id=row.reverses_id,
    )
