"""Taking files apart, line by line, so that a bad line spoils no other."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum

from insurance.core.errors import DomainError
from insurance.reconciliation.rules.rows import COLUMNS, RawRow
from insurance.reconciliation.rules.workbooks import read_xlsx

LARGEST_FILE = 100 * 1024 * 1024
_LONGEST_LINE = 10_000
_NEEDED = ("policy_number", "paid_date", "amount", "reference")
_STATEMENT_HEADERS = ("FH", "SH")
_STATEMENT_FRAME = frozenset({"FH", "SH", "ST", "SF", "FT", "FF"})
_BALANCES = frozenset({"OBL", "CBL", "OPB", "CLB"})
"""Opening and closing balances: no money moves."""
_POLICY_NUMBER = re.compile(r"\b[A-Z]{2}-[0-9]{4}-[0-9]{6,}\b", re.ASCII)


class FileFormat(StrEnum):
    """How a file is written. CSV and XLSX have our own columns; STATEMENT is a bureau's."""

    CSV = "CSV"
    XLSX = "XLSX"
    STATEMENT = "STATEMENT"
    MERCHANT_STATEMENT = "MERCHANT_STATEMENT"
    EFT_OUTPUT = "EFT_OUTPUT"
    MT940 = "MT940"
    CAMT053 = "CAMT053"
    OFX = "OFX"
    QIF = "QIF"
    FNB = "FNB"
    ABSA = "ABSA"
    STANDARD_BANK = "STANDARD_BANK"
    NEDBANK = "NEDBANK"
    CAPITEC = "CAPITEC"
    MAPPED = "MAPPED"


def read_file(
    content: bytes, *, policy_number: str | None = None
) -> tuple[FileFormat, Iterator[RawRow]]:
    """Return what kind of file this is, by its content, and its rows.

    `policy_number` fills in for a file of one policy that does not name it. Raises DomainError at
    `file` for what is no such file at all; that may happen while rows are read.
    """
    if not content:
        raise refusal("The file is empty.")
    if len(content) > LARGEST_FILE:
        raise refusal("The file is larger than 100 MB.")
    if content.startswith(b"PK"):
        cells = read_xlsx(content)
        return FileFormat.XLSX, _rows_of(cells, policy_number)
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise refusal("This is an old Excel file; save it as .xlsx or CSV.")
    first = content[:4096].split(b"\n", 1)[0]
    if b"\x00" in first or content.startswith((b"%PDF", b"{", b"<")):
        raise refusal("This is no CSV, Excel or statement file.")
    if first.split(b"\t", 1)[0].lstrip(b"\xef\xbb\xbf").decode("latin-1") in _STATEMENT_HEADERS:
        return FileFormat.STATEMENT, read_statement(content, policy_number=policy_number)
    return FileFormat.CSV, read_csv(content, policy_number=policy_number)


def read_csv(content: bytes, *, policy_number: str | None = None) -> Iterator[RawRow]:
    """Yield the rows of a CSV in UTF-8, with `,` or `;`. A row is one line, whatever its quotes."""
    lines = _lines(content)
    heading = next(((number, line) for number, line in lines if line.strip()), None)
    if heading is None:
        raise refusal("The file is empty.")
    delimiter = ";" if heading[1].count(";") > heading[1].count(",") else ","

    def cells() -> Iterator[tuple[int, list[str] | str]]:
        yield heading[0], _split(heading[1], delimiter)
        for number, line in lines:
            yield number, _split(line, delimiter)

    return _rows_of(cells(), policy_number)


def _lines(content: bytes) -> Iterator[tuple[int, str]]:
    # What is not UTF-8 becomes lone surrogates, which the row it stands in is refused for.
    text = io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", errors="surrogateescape")
    for number, line in enumerate(text, 1):
        yield number, line.rstrip("\n")


def _split(line: str, delimiter: str) -> list[str] | str:
    """Return the cells of a line, or what is wrong with it."""
    if len(line) > _LONGEST_LINE:
        return "This line is too long."
    if '"' not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return "The quotes of this line do not match."


def _rows_of(
    lines: Iterator[tuple[int, list[str] | str]], policy_number: str | None
) -> Iterator[RawRow]:
    """Yield rows by the names of the first line that is not empty."""
    places: dict[str, int] | None = None
    is_any = False
    for number, cells in lines:
        if isinstance(cells, list) and not any(cell.strip() for cell in cells):
            continue
        if places is None:
            places = _places(cells, policy_number)
            width = max(places.values()) + 1
            continue
        is_any = True
        yield _row(number, cells, places, width, policy_number)
    if not is_any:
        raise refusal("The file has no rows.")


def _places(cells: list[str] | str, policy_number: str | None) -> dict[str, int]:
    if isinstance(cells, str):
        raise refusal("The first line must name the columns.")
    names = [re.sub(r"[\s_]+", "_", cell.strip().lower()) for cell in cells]
    while names and not names[-1]:
        names.pop()
    unknown = [name or "(no name)" for name in names if name not in COLUMNS]
    if unknown:
        shown = ", ".join(name.encode("utf-8", "replace").decode()[:40] for name in unknown[:5])
        raise refusal(f"Columns not known here: {shown}. Known are {', '.join(COLUMNS)}.")
    if len(set(names)) < len(names):
        raise refusal("A column is named twice.")
    missing = [name for name in _NEEDED if name not in names]
    if policy_number is not None and "policy_number" in missing:
        missing.remove("policy_number")
    if missing:
        raise refusal(f"Columns missing: {', '.join(missing)}.")
    return {name: place for place, name in enumerate(names)}


def _row(
    number: int,
    cells: list[str] | str,
    places: dict[str, int],
    width: int,
    policy_number: str | None,
) -> RawRow:
    if isinstance(cells, str):
        return RawRow(number, fault=cells)
    if len(cells) < width:
        if len(cells) <= max(places[name] for name in _NEEDED if name in places):
            return RawRow(number, fault="This line is cut off: it has too few values.")
        cells = cells + [""] * (width - len(cells))
    if any(cell.strip() for cell in cells[width:]):
        return RawRow(number, fault="This line has more values than there are columns.")
    found = {name: cells[place] for name, place in places.items()}
    if policy_number is not None and not found.get("policy_number", "").strip():
        found["policy_number"] = policy_number
    return RawRow(number, **found)  # type: ignore[arg-type]


def read_statement(content: bytes, *, policy_number: str | None = None) -> Iterator[RawRow]:
    """Yield the movements of a bureau's statement, delimited by tabs with amounts in cents.

    A movement is day (CCYYMMDD), type, unique number, description, cents, sign, VAT and three
    fields of the user: the policy number, the reference of the payment, the reason code. Money
    that goes out is a payment that came back.
    """
    is_any = False
    for number, line in _lines(content):
        cells = line.split("\t")
        if not line.strip() or cells[0].strip() in _STATEMENT_FRAME:
            continue
        if len(cells) > 1 and cells[1].strip().upper() in _BALANCES:
            continue
        is_any = True
        yield _movement(number, cells, policy_number)
    if not is_any:
        raise refusal("The statement has no movements.")


def _movement(number: int, cells: Sequence[str], policy_number: str | None) -> RawRow:
    if len(cells) < 6 or sum(map(len, cells)) > _LONGEST_LINE:
        return RawRow(number, fault="This is no movement: it has too few or too long values.")
    day, _kind, unique, description, cents, sign = (cell.strip() for cell in cells[:6])
    policy, reference, reason = [*(cell.strip() for cell in cells[7:10]), "", "", ""][:3]
    if not policy:
        named = _POLICY_NUMBER.search(description)
        policy = named[0] if named else policy_number or description[:40]
    is_day = re.fullmatch("[0-9]{8}", day, re.ASCII)
    is_cents = re.fullmatch("[0-9]{1,13}", cents, re.ASCII)
    if sign not in ("+", "-"):
        return RawRow(number, fault="The sign of a movement is + or -.")
    return RawRow(
        number,
        policy_number=policy,
        paid_date=f"{day[:4]}-{day[4:6]}-{day[6:]}" if is_day else day,
        amount=f"{int(cents) // 100}.{int(cents) % 100:02}" if is_cents else f"{cents} cents",
        reference=reference or unique,
        status="UNPAID" if sign == "-" else "PAID",
        reason_code=reason,
    )


def refusal(message: str) -> DomainError:
    """Return the refusal of a whole file."""
    return DomainError(message, field="file")
