"""The ledger from sums by day and month: kept ones, and what was posted since they were counted."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from string import Template
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from insurance.core.bulk import id_array
from insurance.core.figures import FIRST_DAY, PIECES, SPANS, spans_asked
from insurance.core.tenancy import current_org


class PairSum(NamedTuple):
    """What went from one account to another in the span of a place."""

    place: int
    debit_account: str
    credit_account: str
    amount: Decimal


_ADD = text(
    """
    INSERT INTO ins.ledger_figures (org_id, grain, day, debit_account, credit_account, amount)
    SELECT b.org_id, g.grain,
           CASE WHEN g.grain = 'DAY' THEN b.day ELSE CAST(date_trunc('month', b.day) AS date) END,
           b.debit_account, b.credit_account, sum(b.amount)
    FROM (SELECT t.org_id, t.effective_date AS day, t.debit_account, t.credit_account,
                 sum(t.amount) AS amount
          FROM ins.ledger_transfers t
          WHERE t.org_id = :org AND t.id = ANY(CAST(:ids AS uuid[])) GROUP BY 1, 2, 3, 4) b
    CROSS JOIN (VALUES ('DAY'), ('MONTH')) g(grain)
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (org_id, grain, day, debit_account, credit_account)
    DO UPDATE SET amount = ledger_figures.amount + excluded.amount"""
)
"""Adds transfers to the sums, in an order in which no two who add wait for each other."""
_ADDING: list[TextClause] = [_ADD]
_PAIRS = text(
    Template(
        """
    WITH pieces AS ($pieces), spans AS ($spans)
    SELECT place, debit_account, credit_account, sum(amount) FROM (
        SELECT x.place, f.debit_account, f.credit_account, f.amount
        FROM pieces x
        JOIN ins.ledger_figures f ON f.grain = x.grain AND f.day BETWEEN x.first AND x.last
        WHERE f.org_id = :org
        UNION ALL
        SELECT s.place, t.debit_account, t.credit_account, t.amount
        FROM (SELECT unnest(transfer_ids) AS id FROM ins.ledger_uncounted WHERE org_id = :org) u
        JOIN ins.ledger_transfers t ON t.id = u.id
        JOIN spans s ON t.effective_date BETWEEN s.first AND s.last
        WHERE t.org_id = :org) b
    WHERE CAST(:account AS text) IS NULL OR :account IN (debit_account, credit_account)
    GROUP BY 1, 2, 3"""
    ).substitute(pieces=PIECES, spans=SPANS)
)
"""Both parts in one statement: in two, what is counted between them would be there twice."""


def list_pair_sums(
    session: Session, spans: Mapping[int, tuple[date, date]], *, account: str | None = None
) -> list[PairSum]:
    """Return what each pair of accounts moved in each span, both days included, by its place."""
    values = spans_asked(spans) | {"org": current_org(), "account": account}
    return [PairSum(*row) for row in session.execute(_PAIRS, values)]


def through(on: date) -> tuple[date, date]:
    """Return the span of everything up to and including a day."""
    return FIRST_DAY, on


def on_counting(add: TextClause) -> None:
    """Let an area above keep sums of transfers: `add` adds those of `:ids` to its table."""
    _ADDING.append(add)


def add_to_sums(session: Session, transfer_ids: Sequence[UUID]) -> None:
    """Add transfers to all sums that are kept of them."""
    values = {"org": current_org(), "ids": id_array(transfer_ids)}
    for statement in _ADDING:
        session.execute(statement, values)
