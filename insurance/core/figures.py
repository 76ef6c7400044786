"""Sums that are kept by day and month, and notes of what they do not have yet.

Whoever writes what is summed leaves a note in the same transaction and touches no sum, so nobody
waits for a busy row. A job takes notes and adds what they name, in one transaction. Whoever reads
adds, in one statement, what is kept and what is noted: the whole at every moment.
"""

from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Table, delete, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from insurance.core.bulk import write_rows_late
from insurance.core.db import gather, transaction
from insurance.core.ids import new_id
from insurance.core.period import add_months
from insurance.core.tenancy import current_org

FIRST_DAY = date(1, 1, 1)
_DAY = timedelta(days=1)
_NOTES = 10
"""How many notes one transaction counts, each of a thousand rows at most."""
_BY_IDS = (
    text("SET LOCAL enable_seqscan = off"),
    text("SET LOCAL enable_bitmapscan = off"),
    text("SET LOCAL enable_hashjoin = off"),
    text("SET LOCAL enable_mergejoin = off"),
    text("SET LOCAL statement_timeout = '5min'"),
)
"""What is noted is found by its ids: the book is not read for some thousand rows."""

Piece = tuple[int, str, date, date]
"""Kept sums of one grain between two days, both included, and the place that they belong to."""


class Grain(StrEnum):
    """What a kept sum is of: one day, or the calendar month that begins on it."""

    DAY = "DAY"
    MONTH = "MONTH"


def pieces(place: int, first: date, last: date) -> Iterator[Piece]:
    """Yield which kept sums make up a span: whole months their own, other days theirs."""
    if first > last:
        return
    ends_month = last.day == monthrange(last.year, last.month)[1]
    tail = last.replace(day=1)
    if first >= tail:
        grain = Grain.MONTH if first == tail and ends_month else Grain.DAY
        yield place, grain.value, first, last
        return
    month = first if first.day == 1 else add_months(first.replace(day=1), 1)
    if first < month:
        yield place, Grain.DAY.value, first, month - _DAY
    if ends_month:
        yield place, Grain.MONTH.value, month, last
        return
    if month < tail:
        yield place, Grain.MONTH.value, month, tail - _DAY
    yield place, Grain.DAY.value, tail, last


PIECES = """
    SELECT * FROM unnest(CAST(:piece_places AS integer[]), CAST(:piece_grains AS text[]),
                         CAST(:piece_firsts AS date[]), CAST(:piece_lasts AS date[]))
        AS x(place, grain, first, last)"""
"""The pieces of `spans_asked` as rows; what is kept joins them by grain and day."""
SPANS = """
    SELECT * FROM unnest(CAST(:places AS integer[]), CAST(:firsts AS date[]),
                         CAST(:lasts AS date[])) AS x(place, first, last)"""
"""The spans of `spans_asked` as rows; what is noted joins them by its day."""


def spans_asked(spans: Mapping[int, tuple[date, date]]) -> dict[str, Any]:
    """Return the values of `PIECES` and `SPANS` for spans by their place, both days included."""
    parts = [
        piece for place, (first, last) in spans.items() for piece in pieces(place, first, last)
    ]
    values: dict[str, Any] = {
        "places": list(spans),
        "firsts": [first for first, _last in spans.values()],
        "lasts": [last for _first, last in spans.values()],
    }
    for at, name in enumerate(("places", "grains", "firsts", "lasts")):
        values[f"piece_{name}"] = [piece[at] for piece in parts]
    return values


def leave_note(
    session: Session, noted: InstrumentedAttribute[list[UUID]], ids: Sequence[UUID]
) -> None:
    """Note rows just written that no sum has yet: one note of all that the running command wrote.

    `noted` is the column of the notes' ids.
    """
    if not ids:
        return

    table: Table = noted.class_.__table__

    def write(gathered: list[UUID]) -> None:
        write_rows_late(session, table, [{"id": new_id(), noted.key: gathered}])

    gather(session, noted.key, ids, write)


def count_notes(
    noted: InstrumentedAttribute[list[UUID]],
    add: Callable[[Session, list[UUID]], None],
    *,
    most: int | None = None,
) -> int:
    """Add what notes name to the sums and forget the notes; return how many ids these held.

    `noted` is the column of the notes' ids. Stops after `most` transactions where that is given;
    whoever reads meanwhile finds each row once, in the sums or beside them.
    """
    counted = done = 0
    while most is None or done < most:
        with transaction() as session:
            taken = _take(session, noted)
            if taken:
                for setting in _BY_IDS:
                    session.execute(setting)
                add(session, taken)
        if not taken:
            break
        counted, done = counted + len(taken), done + 1
    return counted


def _take(session: Session, noted: InstrumentedAttribute[list[UUID]]) -> list[UUID]:
    """Take some notes; those that another one is counting are passed over."""
    note: Any = noted.class_
    found = session.scalars(
        select(note.id)
        .where(note.org_id == current_org())
        .order_by(note.id)
        .limit(_NOTES)
        .with_for_update(skip_locked=True)
    ).all()
    taken = session.scalars(
        delete(note).where(note.org_id == current_org(), note.id.in_(found)).returning(noted)
    )
    return [one for ids in taken for one in ids]
