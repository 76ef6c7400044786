"""The ledger in the API: chart, trial balance, account statements, closed months."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from insurance.api.edge import Answer, Body, ListQuery, Query, Reply, endpoint, listing
from insurance.core import clock
from insurance.core.db import db
from insurance.ledger import periods, queries
from insurance.ledger.models import AccountKind, LedgerClose
from insurance.ledger.permissions import LedgerMay
from insurance.web.business import business_day
from insurance.web.parsing import Day, Money, Words

Reason = Annotated[Words, Field(min_length=1, max_length=periods.LONGEST_REASON)]


class TrialBalanceQuery(Query):
    """Up to and including which day; today where none is given."""

    on: Day | None = None


class BalanceAnswer(Answer):
    """An account with everything posted to it; the balance is debit less credit."""

    account: str
    name: str
    kind: AccountKind
    debit: Money
    credit: Money
    balance: Money


class AccountAnswer(Answer):
    """An account of the chart."""

    code: str
    name: str
    kind: AccountKind


class StatementQuery(ListQuery):
    """Between which days, both inclusive; this month up to today where none are given."""

    since: Day | None = Field(None, alias="from")
    until: Day | None = Field(None, alias="to")


class EntryAnswer(Answer):
    """One side of a transfer, with the balance after it."""

    id: UUID
    effective_date: Day
    type: str
    description: str
    other_account: str
    debit: Money | None
    credit: Money | None
    balance: Money
    reference: str | None
    policy_id: UUID | None
    reverses_id: UUID | None


class StatementAnswer(Answer):
    """An account between two days. The totals are of the whole period, the entries of a page."""

    account: str
    name: str
    first_day: Day
    last_day: Day
    opening: Money
    debit: Money
    credit: Money
    closing: Money
    entries: list[EntryAnswer]


class CloseAnswer(Answer):
    """A close or a reopening. The newest one holds; null means that nothing is closed."""

    id: UUID
    sequence: int
    closed_through: Day | None
    reopens: bool
    closed_at: datetime
    closed_by: str
    reason: str


class CloseBody(Body):
    """Through which month's last day, and why."""

    through: Day
    reason: Reason


class ReopenBody(Body):
    """To which earlier month's last day the books stay closed, null for none; and why."""

    through: Day | None
    reason: Reason


@endpoint(
    "GET",
    "/ledger/trial-balance",
    may=LedgerMay.VIEW,
    query=TrialBalanceQuery,
    answer=list[BalanceAnswer],
    tag="Ledger",
)
def get_trial_balance(query: TrialBalanceQuery):
    """Return every account's debits, credits and balance on a day; the balances add up to nothing."""
    lines = queries.trial_balance(db.session(), query.on or business_day())
    return [{"account": line.code, **line._asdict()} for line in lines]


@endpoint("GET", "/ledger/accounts", may=LedgerMay.VIEW, answer=list[AccountAnswer], tag="Ledger")
def list_ledger_accounts():
    """Return the chart of accounts."""
    return queries.list_accounts(db.session())


@endpoint(
    "GET",
    "/ledger/accounts/<account_code>/statement",
    may=LedgerMay.VIEW,
    query=StatementQuery,
    answer=StatementAnswer,
    tag="Ledger",
)
def get_account_statement(account_code: str, query: StatementQuery) -> Reply:
    """Return an account's entries between two days, paged, with opening and closing balance."""
    until = query.until or business_day()
    since = query.since or until.replace(day=1)
    found = queries.account_statement(
        db.session(),
        account_code,
        since,
        until,
        limit=query.limit,
        after=queries.position_of(query.cursor),
    )
    entries = listing(found.entries)
    content = {
        "account": found.account.code,
        "name": found.account.name,
        "first_day": since,
        "last_day": until,
        "opening": found.opening,
        "debit": found.debit,
        "credit": found.credit,
        "closing": found.closing,
        "entries": entries.content,
    }
    return Reply(content, entries.headers)


@endpoint(
    "GET",
    "/ledger/periods",
    may=LedgerMay.VIEW,
    query=ListQuery,
    answer=list[CloseAnswer],
    tag="Ledger",
)
def list_periods(query: ListQuery) -> Reply:
    """List closes and reopenings of the books, the one that holds first."""
    return listing(queries.list_closes(db.session(), limit=query.limit, cursor=query.cursor))


@endpoint(
    "POST",
    "/ledger/periods/close",
    may=LedgerMay.CLOSE,
    body=CloseBody,
    answer=CloseAnswer,
    status=201,
    tag="Ledger",
)
def close_periods(body: CloseBody) -> LedgerClose:
    """Close the books through a month: nothing is posted into it any more."""
    return periods.close_books(body.through, reason=body.reason, on=business_day(), now=clock.now())


@endpoint(
    "POST",
    "/ledger/periods/reopen",
    may=LedgerMay.CLOSE,
    body=ReopenBody,
    answer=CloseAnswer,
    status=201,
    tag="Ledger",
)
def reopen_periods(body: ReopenBody) -> LedgerClose:
    """Reopen the books after an earlier month, or altogether."""
    return periods.reopen_books(body.through, reason=body.reason, now=clock.now())
