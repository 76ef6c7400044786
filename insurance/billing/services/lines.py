"""The rows of premium lines: laid, priced anew, charged, marked overdue, cancelled."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Table, text, update
from sqlalchemy.orm import Session

from insurance.billing.models import LineKind, LineStatus, PremiumLine
from insurance.core.bulk import id_array, write_rows
from insurance.core.errors import ConflictError
from insurance.core.ids import new_id
from insurance.core.money import ZERO
from insurance.core.period import Period
from insurance.core.planned import PlannedInsert
from insurance.core.tenancy import current_org

_LINES: Table = PremiumLine.__table__  # type: ignore[assignment]
_SET_CHARGED = text(
    """
    UPDATE ins.premium_lines SET posted_at = CAST(:at AS timestamptz)
    WHERE org_id = :org AND id = ANY(CAST(:ids AS uuid[]))
    """
)
_SET_OVERDUE = text(
    """
    UPDATE ins.premium_lines l SET status = 'OVERDUE'
    FROM unnest(CAST(:ids AS uuid[]), CAST(:outstanding AS numeric[])) AS v(id, outstanding)
    WHERE l.org_id = :org AND l.id = v.id AND l.status = 'PENDING'
      AND l.amount - l.paid_amount = v.outstanding
    """
)
_PRICE = """
    UPDATE ins.premium_lines AS l
    SET amount = v.amount,
        status = CASE WHEN l.paid_amount > 0 AND l.paid_amount = v.amount THEN 'PAID'
                      WHEN l.status = 'PAID' THEN 'PENDING' ELSE l.status END
    """
_EMPTY = ("paid_date", "payment_reference")
PLANNED_LINES = {
    "lines": PlannedInsert(
        _LINES,
        {"kind": "'PREMIUM'", "paid_amount": "0", "status": "'PENDING'"},
        empty=(*_EMPTY, "posted_at"),
    ),
    "adjustments": PlannedInsert(
        _LINES,
        {
            "kind": "'ADJUSTMENT'",
            "period_end": "r.due_date",
            "paid_amount": "0",
            "status": "'PENDING'",
            "posted_at": "CAST(:now AS timestamptz)",
        },
        empty=(*_EMPTY, "whole_days"),
    ),
}
"""What a plan keeps of premium lines, by target."""
_SET_PRICES = text(
    f"""{_PRICE}
    FROM (SELECT unnest(CAST(:ids AS uuid[])) AS id,
                 unnest(CAST(:amounts AS numeric[])) AS amount) AS v
    WHERE l.org_id = :org AND l.id = v.id
    """
)


def premium_row(
    policy_id: UUID,
    sequence: int,
    period: Period,
    amount: Decimal,
    *,
    whole_days: int | None = None,
    line_id: UUID | None = None,
) -> dict[str, Any]:
    """Return the row of a premium due on the first day of its period; `amount` is in rand.

    `whole_days` is how many days a whole period has, where this is a part of one.
    """
    return {
        "id": line_id or new_id(),
        "policy_id": policy_id,
        "kind": LineKind.PREMIUM,
        "sequence": sequence,
        "due_date": period.start,
        "period_end": period.end,
        "amount": amount,
        "paid_amount": ZERO,
        "status": LineStatus.PENDING,
        "whole_days": whole_days,
    }


def adjustment_row(
    policy_id: UUID, sequence: int, due_date: date, amount: Decimal, *, now: datetime
) -> dict[str, Any]:
    """Return the row of what a change of cover costs, charged now; `amount` is in rand."""
    return {
        "id": new_id(),
        "policy_id": policy_id,
        "kind": LineKind.ADJUSTMENT,
        "sequence": sequence,
        "due_date": due_date,
        "period_end": due_date,
        "amount": amount,
        "paid_amount": ZERO,
        "status": LineStatus.PENDING,
        "posted_at": now,
    }


def lay_lines(session: Session, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert lines and return their number."""
    session.flush()
    return write_rows(session, _LINES, rows)


def price_lines(session: Session, amounts: Mapping[UUID, Decimal]) -> None:
    """Set what lines cost, in rand; one that is paid and costs as much stays paid."""
    values = {"ids": list(amounts), "amounts": list(amounts.values())}
    session.execute(_SET_PRICES, {"org": current_org(), **values})


def mark_charged(session: Session, line_ids: Collection[UUID], *, at: datetime | None) -> None:
    """Say when lines were charged; None where their charge was taken back."""
    if line_ids:
        values = {"org": current_org(), "at": at, "ids": id_array(line_ids)}
        session.execute(_SET_CHARGED, values)


def mark_overdue(session: Session, outstanding: Mapping[UUID, Decimal]) -> None:
    """Mark lines that were not paid in time; `outstanding` says by line what is owed, in rand.

    Raises ConflictError where a line owes another amount, or is not pending.
    """
    values = {"ids": list(outstanding), "outstanding": list(outstanding.values())}
    marked: Any = session.execute(_SET_OVERDUE, {"org": current_org(), **values})
    if marked.rowcount != len(outstanding):
        raise ConflictError("Premiums are not as they were when arrears were worked out.")


def cancel_lines(session: Session, line_ids: Sequence[UUID]) -> None:
    """Cancel lines that nobody will be asked to pay any more."""
    if line_ids:
        session.execute(
            update(PremiumLine)
            .where(PremiumLine.org_id == current_org(), PremiumLine.id.in_(line_ids))
            .values(status=LineStatus.CANCELLED)
            .execution_options(synchronize_session="fetch")
        )


class PlannedLines:
    """Writes lines as a plan lists them, without reading them into the program first.

    `rows_from` returns by a target's name what its rows `r` are read from: `lines`, `adjustments`,
    `relaid`, `charges` and `overdue`. What is to be changed is an array: the planner knows nothing
    of how many rows there are, and would join them in ways that read the whole table.
    """

    def __init__(self, rows_from: Callable[[str], str]) -> None:
        self._lay, self._adjust = (
            text(planned.statement(rows_from(target))) for target, planned in PLANNED_LINES.items()
        )
        self._price = text(
            f"{_PRICE} FROM (SELECT r.* {rows_from('relaid')}) v"
            " WHERE l.org_id = :org AND l.id = v.line"
        )
        self._charge = text(
            f"""
            UPDATE ins.premium_lines l SET posted_at = :now
            WHERE l.org_id = :org AND l.posted_at IS NULL
              AND l.id = ANY(ARRAY(SELECT r.line {rows_from("charges")}))
            """  # noqa: S608 - sources are constants of the caller
        )
        self._mark = text(
            f"""
            UPDATE ins.premium_lines l SET status = 'OVERDUE'
            FROM (SELECT r.* {rows_from("overdue")}) v
            WHERE l.org_id = :org AND l.status = 'PENDING' AND l.id = v.line
              AND l.id = ANY(ARRAY(SELECT r.line {rows_from("overdue")}))
              AND l.amount - l.paid_amount = v.outstanding
            """  # noqa: S608 - sources are constants of the caller
        )

    def lay(self, session: Session, values: Mapping[str, Any]) -> None:
        """Insert premiums to come."""
        session.execute(self._lay, values)

    def adjust(self, session: Session, values: Mapping[str, Any]) -> None:
        """Insert what changes of past periods cost, and price lines to come anew."""
        session.execute(self._adjust, values)
        session.execute(self._price, values)

    def charge(self, session: Session, values: Mapping[str, Any]) -> int:
        """Say that premiums are charged; return how many there were."""
        done: Any = session.execute(self._charge, values)
        return int(done.rowcount)

    def mark_overdue(self, session: Session, values: Mapping[str, Any]) -> int:
        """Mark premiums overdue; return how many there were."""
        done: Any = session.execute(self._mark, values)
        return int(done.rowcount)
