"""Our own columns, in a CSV or a workbook: policy_number, paid_date, amount, reference and more."""

import re
from collections.abc import Iterator, Sequence

from insurance.core.errors import DomainError
from insurance.reconciliation.readers.document import (
    Cells,
    Document,
    Table,
    is_blank,
    refusal,
)
from insurance.reconciliation.readers.mappings import plain_names
from insurance.reconciliation.rules import COLUMNS, FileFormat, LineType, RawRow
from insurance.reconciliation.rules.rows import RoundedNumber, read_amount

NEEDED = ("policy_number", "paid_date", "amount", "reference")
_MORE = ("bank_reference", "description", "line_type")
_REPORT = {
    "policy": "policy_number",
    "due": "due_date",
    "paid": "paid_date",
    "reason": "reason_code",
    "type": "line_type",
    "bank's_number": "bank_reference",
}
"""The columns of the report that we give of a file, where they are not named as in a file."""
_REPORT_ONLY = ("line", "verdict", "what_became_of_it", "state")
_OPEN_STATES = ("", "ERROR", "PENDING")
_SAME = {"payment_date": "paid_date", "payment_reference": "reference"}
_TOTAL = re.compile(r"(grand |sub)?[- ]?total(s|e)?\b.*|totaal\b.*|sum", re.IGNORECASE)
_E_NOTATION = re.compile(r"[0-9]([.,][0-9]+)?E\+?[0-9]{1,3}", re.IGNORECASE | re.ASCII)
ROUNDED = "The reference is a number that Excel rounded: it names nobody for certain."


def recognises(document: Document) -> bool:
    """Tell whether a table has a heading of our columns."""
    return _find(document) is not None


def read(document: Document) -> tuple[FileFormat, Iterator[RawRow]]:
    """Return the rows under the heading."""
    found = _find(document)
    assert found is not None
    table, line, names = found
    places = {name: at for at, name in enumerate(names)}
    kind = FileFormat.XLSX if document.is_workbook else FileFormat.CSV
    return kind, _rows(document, table, line, places)


def explain(document: Document) -> DomainError | None:
    """Return why a file that seems to be meant for our columns is not read; None for others."""
    for table in document.tables:
        for _line, cells in table.beginning:
            if isinstance(cells, str):
                continue
            names = own_names(cells)
            known = [name for name in names if name in COLUMNS]
            if len(set(known)) < 2:
                continue
            if len(set(names)) < len(names):
                return refusal("A column is named twice.")
            unknown = [name or "(no name)" for name in names if not _is_known(name, names)]
            if unknown:
                shown = ", ".join(
                    word.encode("utf-8", "replace").decode()[:40] for word in unknown[:5]
                )
                return refusal(f"Columns not known here: {shown}. Known are {', '.join(COLUMNS)}.")
            missing = _missing(names, document)
            return refusal(f"Columns missing: {', '.join(missing)}.")
    return None


def own_names(cells: Sequence[str]) -> list[str]:
    """Return the names of a heading in our words."""
    names = plain_names(cells)
    same = _REPORT if set(_REPORT_ONLY) <= set(names) else _SAME
    return [same.get(name, name) for name in names]


def _is_known(name: str, names: Sequence[str]) -> bool:
    is_report = set(_REPORT_ONLY) <= set(names)
    return name in COLUMNS or name in _MORE or (is_report and name in _REPORT_ONLY)


def _missing(names: Sequence[str], document: Document) -> list[str]:
    return [
        name
        for name in NEEDED
        if name not in names
        and not (name == "policy_number" and document.policy_number is not None)
    ]


def _find(document: Document) -> tuple[Table, int, list[str]] | None:
    for table in document.tables:
        for line, cells in table.beginning:
            if isinstance(cells, str):
                continue
            names = own_names(cells)
            is_own = len(set(names)) == len(names) and all(_is_known(name, names) for name in names)
            if is_own and not _missing(names, document):
                return table, line, names
    return None


def _rows(
    document: Document, table: Table, heading: int, places: dict[str, int]
) -> Iterator[RawRow]:
    document.facts.sheet = table.name
    state = places.get("state")
    is_any, passed = False, 0
    for line, cells in table.lines():
        if line <= heading or is_blank(cells):
            continue
        if isinstance(cells, list) and is_total(cells, places):
            document.facts.stated_total = read_amount(cells[places["amount"]])
            continue
        is_any = True
        if state is not None and isinstance(cells, list) and not _is_open(cells, state):
            passed += 1
            continue
        yield _row(line, cells, places, table.delimiter, document.policy_number)
    if not is_any:
        raise refusal("The file has no rows.")
    if passed:
        document.facts.notes.append(
            f"Passed over: {passed} rows of this report that were posted or ignored before."
        )


def _is_open(cells: Sequence[str], state: int) -> bool:
    """Tell whether a row of a report was not posted, so that its correction may be."""
    return state >= len(cells) or cells[state].strip().upper() in _OPEN_STATES


def is_total(cells: Sequence[str], places: dict[str, int]) -> bool:
    """Tell whether a line adds up those before it: it begins with Total and pays nobody."""
    at = places.get("amount")
    day = places.get("paid_date")
    first = next((cell.strip() for cell in cells if cell.strip()), "")
    return (
        _TOTAL.fullmatch(first) is not None
        and at is not None
        and at < len(cells)
        and read_amount(cells[at]) is not None
        and not (day is not None and day < len(cells) and _is_day_like(cells[day]))
    )


def _is_day_like(text: str) -> bool:
    return any(letter.isdigit() for letter in text)


def _row(
    line: int,
    cells: Cells,
    places: dict[str, int],
    delimiter: str,
    policy_number: str | None,
) -> RawRow:
    width = max(places.values()) + 1
    if isinstance(cells, str):
        return RawRow(line, fault=cells)
    if len(cells) < width:
        if len(cells) <= max(places[name] for name in NEEDED if name in places):
            return RawRow(line, fault="This line is cut off: it has too few values.")
        cells = cells + [""] * (width - len(cells))
    if delimiter == "," and splits_amount(cells, places, width):
        return RawRow(
            line, fault="The amount is split at its decimal comma: save the file with ; or points."
        )
    if any(cell.strip() for cell in cells[width:]):
        return RawRow(line, fault="This line has more values than there are columns.")
    is_report = "state" in places
    found = {
        # A report has an apostrophe before what a spreadsheet would take for a formula.
        name: cells[place].removeprefix("'") if is_report else cells[place]
        for name, place in places.items()
    }
    if policy_number is not None and not found.get("policy_number", "").strip():
        found["policy_number"] = policy_number
    return _raw(line, found)


def _raw(line: int, found: dict[str, str]) -> RawRow:
    type_ = found.pop("line_type", "").strip().upper()
    own_number = found.pop("bank_reference", "").strip()
    return RawRow(
        line,
        **{name: found.get(name, "") for name in COLUMNS},
        description=found.get("description", ""),
        bank_reference=own_number or None,
        line_type=LineType(type_) if type_ in LineType.__members__ else LineType.PREMIUM,
        caution=caution_about(found["reference"]),
    )


def splits_amount(cells: Sequence[str], places: dict[str, int], width: int) -> bool:
    """Tell whether an unquoted decimal comma made the cents a value of their own.

    Such a line has one value too many, or two bare digits where a reference or a date belongs.
    """
    at = places["amount"]
    if at + 1 >= len(cells):
        return False
    if not re.fullmatch(r" *-?[0-9]+", cells[at], re.ASCII) or not re.fullmatch(
        r"[0-9]{2} *", cells[at + 1], re.ASCII
    ):
        return False
    after = next((name for name, place in places.items() if place == at + 1), "")
    return len(cells) > width or after not in ("reason_code", "")


def caution_about(reference: str) -> str:
    """Return a warning where a spreadsheet has rounded a reference; else nothing."""
    is_rounded = isinstance(reference, RoundedNumber) or _E_NOTATION.fullmatch(reference.strip())
    return ROUNDED if is_rounded else ""
