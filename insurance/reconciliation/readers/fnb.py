"""FNB: the online account history, and the statement whose lines begin with their kind."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

from insurance.reconciliation.readers.banks import (
    Heading,
    account_in_preamble,
    find_heading,
    read_movements,
)
from insurance.reconciliation.readers.document import Document, Table, refusal
from insurance.reconciliation.readers.mappings import plain_names
from insurance.reconciliation.readers.movements import movement, signed_amount
from insurance.reconciliation.rules import FileFormat, RawRow
from insurance.reconciliation.rules.rows import read_day

HEADINGS = (
    Heading(
        frozenset({"date", "amount", "balance", "description"}), "date", ("description",), "amount"
    ),
    Heading(
        frozenset({"date", "description", "amount", "balance", "accrued_bank_charges"}),
        "date",
        ("description",),
        "amount",
    ),
    Heading(
        frozenset({"date", "service_fee", "amount", "description", "reference", "balance"}),
        "date",
        ("description",),
        "amount",
        reference="reference",
    ),
)
_MOVEMENT = "5"


def recognises(document: Document) -> bool:
    """Tell an FNB download by its title and its heading, or by its numbered lines."""
    if _statement(document) is not None:
        return True
    found = find_heading(document, HEADINGS)
    return found is not None and (
        "ACCOUNT TRANSACTION HISTORY" in document.head.upper()
        or next(iter(found[3])) == "date"
        and list(found[3])[1] != "description"
        or len(found[3]) > 4
    )


def read(document: Document) -> tuple[FileFormat, Iterator[RawRow]]:
    """Return the movements of the account."""
    document.facts.account = account_in_preamble(document)
    table = _statement(document)
    if table is not None:
        return FileFormat.FNB, _numbered(document, table)
    found = find_heading(document, HEADINGS)
    assert found is not None
    return FileFormat.FNB, read_movements(document, found)


def _statement(document: Document) -> Table | None:
    for table in document.tables:
        for _line, cells in table.beginning:
            if isinstance(cells, list) and cells[0].strip() == _MOVEMENT:
                names = plain_names(cells[1:])
                if {"date", "amount"} <= set(names):
                    return table
    return None


def _numbered(document: Document, table: Table) -> Iterator[RawRow]:
    places: dict[str, int] = {}
    until: date | None = None
    is_any = False
    for line, cells in table.lines():
        if isinstance(cells, str):
            yield RawRow(line, fault=cells)
            continue
        plain = [cell.strip().strip("'").strip() for cell in cells]
        if plain[0] == "2" and not document.facts.account:
            document.facts.account = next((one for one in plain[1:] if one.isdigit()), "")
        days = [day for cell in plain if plain[0] == "3" and (day := read_day(cell))]
        until = max([until, *days]) if until else max(days, default=None)
        if plain[0] != _MOVEMENT or len(plain) < 3:
            continue
        if not places:
            places = {name: at for at, name in enumerate(plain_names(cells))}
            continue
        is_any = True
        yield _line(line, plain, places, until, document)
    if not is_any:
        raise refusal("The statement has no movements.")


def _line(
    line: int,
    cells: list[str],
    places: dict[str, int],
    until: date | None,
    document: Document,
) -> RawRow:
    if len(cells) <= max(places["date"], places["amount"]):
        return RawRow(line, fault="This line is cut off: it has too few values.")
    words = [
        cells[at]
        for name, at in places.items()
        if name.startswith("description") and at < len(cells)
    ]
    return movement(
        line,
        day=day_with_year(cells[places["date"]], until),
        amount=signed_amount(cells[places["amount"]]),
        description=" ".join(words),
        policy_number=document.policy_number,
    )


def day_with_year(text: str, until: date | None) -> str:
    """Return a day such as `27 Nov` with the year in which it is not after `until`, if that is known."""
    if until is None or not re.fullmatch(r"[0-9]{1,2}[ -]?[A-Za-z]{3,9}", text):
        return text
    for year in (until.year, until.year - 1):
        day = read_day(f"{text} {year}")
        if day is not None and day <= until + timedelta(days=7):
            return day.isoformat()
    return text
