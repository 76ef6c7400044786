"""Files for a spreadsheet: rows as CSV or Excel, none of whose cells runs as a formula.

`export` is what a screen calls: it sends the file and writes to the audit log that it was sent.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from itertools import islice
from tempfile import TemporaryFile
from typing import IO, Any
from zoneinfo import ZoneInfo

import xlsxwriter
from flask import Response, send_file

from insurance.audit_logs.services import record
from insurance.core.db import transaction
from insurance.core.errors import DomainError, NotFoundError
from insurance.web.access import current_tenant

EXPORTED_AT_MOST = 500_000
"""Rows of one file: what a spreadsheet still opens, and a person still waits for."""
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FORMULA_STARTS = tuple("=+-@\t\r\n|%" + "＝＋－＠｜％")
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?", re.ASCII)
_LONGEST_CELL = 32_767

Rows = Iterable[Sequence[Any]]


def export(
    kind: str,
    name: str,
    header: Sequence[str],
    rows: Rows,
    *,
    action: str,
    resource: str,
    resource_id: str | None = None,
    chosen: dict[str, Any] | None = None,
) -> Response:
    """Send rows as a file, `kind` csv or xlsx, and record who took how many of them.

    `chosen` says in the audit log which rows they were.
    """
    if kind not in _KINDS:
        raise NotFoundError
    counted = _Counted(rows)
    response = _KINDS[kind](name, header, counted)
    with transaction() as session:
        record(
            session,
            action=action,
            resource=resource,
            resource_id=resource_id,
            after={**(chosen or {}), "rows": counted.count},
        )
    return response


def csv_response(name: str, header: Sequence[str], rows: Rows) -> Response:
    """Send rows as `<name>.csv`, in UTF-8 with the mark by which Excel knows it.

    Amounts have a point, days are written 2026-11-20.
    """
    file = TemporaryFile()  # noqa: SIM115 - the response closes it
    written = io.TextIOWrapper(file, "utf-8-sig", newline="", write_through=True)
    writer = csv.writer(written)
    writer.writerow([safe_text(cell) for cell in header])
    for row in _limited(rows):
        writer.writerow([_in_csv(cell) for cell in row])
    written.detach()
    return _download(file, f"{name}.csv", "text/csv")


def excel_response(name: str, header: Sequence[str], rows: Rows) -> Response:
    """Send rows as `<name>.xlsx`: text as text, amounts as numbers, days as days."""
    file = TemporaryFile()  # noqa: SIM115 - the response closes it
    # Without strings_to_*: write_string never guesses that a text is a formula or an address.
    with xlsxwriter.Workbook(file, {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        formats = {
            "head": book.add_format({"bold": True}),
            Decimal: book.add_format({"num_format": "#,##0.00"}),
            date: book.add_format({"num_format": "yyyy/mm/dd"}),
            datetime: book.add_format({"num_format": "yyyy/mm/dd hh:mm:ss"}),
        }
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, max(len(header) - 1, 0), 18)
        for column, title in enumerate(header):
            sheet.write_string(0, column, safe_text(title), formats["head"])
        for number, row in enumerate(_limited(rows), 1):
            for column, cell in enumerate(row):
                _write_cell(sheet, number, column, cell, formats)
    return _download(file, f"{name}.xlsx", EXCEL)


def safe_text(value: object) -> str:
    """Return a cell's text that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    text = str(value.value) if isinstance(value, Enum) else str(value)
    if text.startswith(_FORMULA_STARTS) and not _PLAIN_NUMBER.fullmatch(text):
        return f"'{text}"
    return text


_KINDS: dict[str, Callable[[str, Sequence[str], Rows], Response]] = {
    "csv": csv_response,
    "xlsx": excel_response,
}


class _Counted:
    """Rows that count how many were taken."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[Sequence[Any]]:
        for row in self._rows:
            self.count += 1
            yield row


def _limited(rows: Rows) -> Iterator[Sequence[Any]]:
    """Yield the rows; refuse more than a file may hold rather than leave some out."""
    left = iter(rows)
    yield from islice(left, EXPORTED_AT_MOST)
    if next(left, None) is not None:
        raise DomainError(f"More than {EXPORTED_AT_MOST} rows. Choose fewer, such as a month.")


def _in_csv(cell: object) -> str:
    return f"{cell:.2f}" if isinstance(cell, Decimal) else safe_text(cell)


def _write_cell(sheet: Any, row: int, column: int, cell: object, formats: dict[Any, Any]) -> None:
    if cell is None:
        return
    if isinstance(cell, bool):
        sheet.write_boolean(row, column, cell)
    elif isinstance(cell, Decimal):
        sheet.write_number(row, column, cell, formats[Decimal])
    elif isinstance(cell, int):
        sheet.write_number(row, column, cell)
    elif isinstance(cell, datetime):
        sheet.write_datetime(row, column, _local(cell), formats[datetime])
    elif isinstance(cell, date):
        sheet.write_datetime(row, column, cell, formats[date])
    else:
        sheet.write_string(row, column, safe_text(cell)[:_LONGEST_CELL])


def _local(moment: datetime) -> datetime:
    """Return a moment as the clock of the organization shows it: a cell knows no time zone."""
    return moment.astimezone(ZoneInfo(current_tenant().timezone)).replace(tzinfo=None)


def _download(file: IO[bytes], name: str, mimetype: str) -> Response:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    response = send_file(file, mimetype=mimetype, as_attachment=True, download_name=name)
    response.content_length = size
    response.headers["Cache-Control"] = "no-store"
    return response
