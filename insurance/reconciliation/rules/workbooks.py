"""Excel workbooks of strangers: unpacked within limits, without entities, formulas as their text."""

import io
import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from openpyxl import load_workbook

from insurance.core.errors import DomainError

UNPACKED_AT_MOST = 200 * 1024 * 1024
ENTRIES_AT_MOST = 1_000
RATIO_AT_MOST = 100
_WIDEST = 40
_BLOCK = 1024 * 1024


def read_xlsx(content: bytes) -> Iterator[tuple[int, list[str] | str]]:
    """Return the cells of a workbook's first sheet as text, with the number of each row.

    A formula is its own text: nobody trusts what it was last worked out to be. Raises DomainError
    at `file` for anything that is no plain workbook.
    """
    try:
        _check_package(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
        sheet = book.worksheets[0]
        # What a file says of its own size is not believed.
        sheet.reset_dimensions()
    except DomainError:
        raise
    except Exception as error:
        raise _refusal("This Excel file cannot be read.") from error
    return _cells(sheet)


def _cells(sheet: Any) -> Iterator[tuple[int, list[str] | str]]:
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
    if isinstance(value, float):
        # Through the shortest text, so that 310.1 is not 310.10000000000002.
        return f"{Decimal(repr(value)):f}".removesuffix(".0")
    return str(getattr(value, "text", value))


def _refusal(message: str) -> DomainError:
    return DomainError(message, field="file")
