"""Excel workbooks of strangers: unpacked within limits, without entities, formulas as their text."""

import io
import math
import warnings
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from decimal import Decimal
from functools import partial
from typing import Any

from openpyxl import load_workbook

from insurance.core.errors import DomainError
from insurance.reconciliation.rules.rows import RoundedNumber

UNPACKED_AT_MOST = 200 * 1024 * 1024
ENTRIES_AT_MOST = 1_000
RATIO_AT_MOST = 100
SHEETS_AT_MOST = 20
_WIDEST = 40
_FIFTEEN_DIGITS = 10**15
"""Excel keeps no more of a number."""
_BLOCK = 1024 * 1024


Lines = Iterator[tuple[int, list[str] | str]]


def sheets_of(content: bytes) -> list[tuple[str, Callable[[], Lines]]]:
    """Return the sheets of a workbook: their names, and their cells as text with each row's number.

    A formula is its own text: nobody trusts what it was last worked out to be. Raises DomainError
    at `file` for anything that is no plain workbook.
    """
    try:
        _check_package(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
        sheets = book.worksheets[:SHEETS_AT_MOST]
        for sheet in sheets:
            # What a file says of its own size is not believed.
            sheet.reset_dimensions()
    except DomainError:
        raise
    except Exception as error:
        raise _refusal("This Excel file cannot be read.") from error
    return [(sheet.title, partial(_cells, sheet)) for sheet in sheets]


def _cells(sheet: Any) -> Lines:
    try:
        for number, row in enumerate(sheet.iter_rows(max_col=_WIDEST, values_only=True), 1):
            cells = [_text(value) for value in row]
            while cells and not cells[-1]:
                cells.pop()
            yield number, cells
    except DomainError:
        raise
    except Exception as error:
        raise _refusal("This Excel file is damaged.") from error


def _check_package(content: bytes) -> None:
    """Unpack everything once, in blocks, and refuse what is too much or declares entities."""
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        entries = package.infolist()
        if len(entries) > ENTRIES_AT_MOST:
            raise _refusal("This Excel file has too many parts.")
        if "xl/workbook.xml" not in {entry.filename for entry in entries}:
            raise _refusal("This is no Excel workbook.")
        left = UNPACKED_AT_MOST
        for entry in entries:
            left -= _check_entry(package, entry, left)


def _check_entry(package: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int) -> int:
    allowed = min(left, max(entry.compress_size, 1) * RATIO_AT_MOST)
    is_text = entry.filename.lower().endswith((".xml", ".rels", ".vml"))
    size, tail = 0, b""
    with package.open(entry) as part:
        while block := part.read(_BLOCK):
            size += len(block)
            if size > allowed:
                raise _refusal("This Excel file unpacks to more than it may.")
            # The other encodings of XML put a NUL beside each letter.
            seen = tail + block.replace(b"\0", b"")
            if is_text and (b"<!DOCTYPE" in seen or b"<!ENTITY" in seen):
                raise _refusal("This Excel file declares entities, which no spreadsheet needs.")
            tail = seen[-16:]
    return size


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, float):
        # Through the shortest text, so that 310.1 is not 310.10000000000002.
        text = f"{Decimal(repr(value)):f}".removesuffix(".0")
        return RoundedNumber(text) if abs(value) >= _FIFTEEN_DIGITS else text
    if isinstance(value, int) and abs(value) >= _FIFTEEN_DIGITS:
        return RoundedNumber(value)
    return str(getattr(value, "text", value))


def _refusal(message: str) -> DomainError:
    return DomainError(message, field="file")
