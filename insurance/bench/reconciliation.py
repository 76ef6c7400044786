"""A bank's file of 100 000 rows: read, previewed and posted, beside bare INSERTs of the same rows."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from sqlalchemy import Table, select, text
from sqlalchemy.orm import Session

from insurance.billing.models import Allocation, Receipt
from insurance.core import clock
from insurance.core.bulk import write_rows
from insurance.core.db import db
from insurance.core.ids import new_id
from insurance.core.tenancy import current_org
from insurance.ledger.models import LedgerTransfer
from insurance.organizations.queries import get_organization
from insurance.policies.models import PolicyEvent
from insurance.reconciliation import services
from insurance.reconciliation.models import ReconciliationRow

ROWS = 100_000
TARGET = 60
"""Seconds for all of them."""
_OLDEST = text(
    """
    SELECT DISTINCT ON (l.policy_id) p.policy_number, l.due_date, l.amount - l.paid_amount
    FROM ins.premium_lines l
    JOIN ins.policies p ON p.org_id = l.org_id AND p.id = l.policy_id
    WHERE l.org_id = :org AND l.status IN ('PENDING', 'OVERDUE') AND l.amount > l.paid_amount
      AND p.status = 'active'
    ORDER BY l.policy_id, l.due_date LIMIT :rows
    """
)
_WRITTEN = (Receipt, Allocation, LedgerTransfer, PolicyEvent, ReconciliationRow)


def run(rows: int = ROWS) -> float:
    """Reconcile so many rows of the book in scope; print and return rows a second.

    Where the book has fewer policies, each is paid several times.
    """
    session = db.session()
    on = clock.today(get_organization(session).timezone)
    content = _file(session, rows, on)
    before = _newest(session)
    with _timed() as preview:
        file = services.preview_upload(content, "bench.csv", on=on, now=clock.now())
    with _timed() as commit:
        services.commit_file(file.id, on=on, now=clock.now())
        done = services.post_file(file.id, on=on, now=clock.now())
    written, bare = _write_bare(session, before)
    seconds = preview[0] + commit[0]
    print(
        f"reconciliation: {rows:,} rows in {seconds:.1f} s ({rows / seconds:,.0f} rows/s, target"
        f" {TARGET} s per {ROWS:,}): preview {preview[0]:.1f} s, posting {commit[0]:.1f} s;"
        f" {done.totals}\n"
        f"  bare INSERTs of the same {written:,} table rows: {bare:.1f} s, so x{seconds / bare:.1f}"
    )
    return rows / seconds


def _file(session: Session, rows: int, on: date) -> bytes:
    found = session.execute(_OLDEST, {"org": current_org(), "rows": rows}).all()
    batch = new_id().hex[-12:]
    lines = ["policy_number,due_date,paid_date,amount,reference,status,reason_code"]
    for number in range(rows):
        policy, due, amount = found[number % len(found)]
        lines.append(f"{policy},{due},{on},{amount},BENCH {batch} {number},PAID,")
    session.rollback()
    return "\n".join(lines).encode()


def _newest(session: Session) -> dict[Table, object]:
    """Return the newest id of each table: ids sort by time."""
    found = {}
    for model in _WRITTEN:
        table = model.__table__
        found[table] = session.scalar(
            select(table.c.id)
            .where(table.c.org_id == current_org())
            .order_by(table.c.id.desc())
            .limit(1)
        )
    session.rollback()
    return found


def _write_bare(session: Session, before: dict[Table, object]) -> tuple[int, float]:
    """Write what was written once more, under other ids, and roll it back."""
    copies = {}
    for table, newest in before.items():
        wanted = select(table).where(table.c.org_id == current_org())
        if newest is not None:
            wanted = wanted.where(table.c.id > newest)
        copies[table] = [dict(row._mapping) | {"id": new_id()} for row in session.execute(wanted)]
    for table, rows in copies.items():
        for number, row in enumerate(rows):
            # What must be unique is made so.
            if table is Receipt.__table__:
                row["reference"] += " again"
                row["reference_key"] += " AGAIN"
            elif table is PolicyEvent.__table__:
                row["sequence"] += 1_000_000
            elif table is ReconciliationRow.__table__:
                row["line"] = 10_000_000 + number
    with _timed() as bare:
        for table, rows in copies.items():
            write_rows(session, table, rows)
    session.rollback()
    return sum(len(rows) for rows in copies.values()), bare[0]


@contextmanager
def _timed() -> Iterator[list[float]]:
    took: list[float] = []
    began = time.monotonic()
    yield took
    took.append(time.monotonic() - began)
