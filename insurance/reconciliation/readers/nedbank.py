"""Nedbank: a statement enquiry without a heading (27Nov2026, text, amount, balance), or with one."""

import re
from collections.abc import Iterator

from insurance.reconciliation.readers.banks import (
    Heading,
    account_in_preamble,
    find_heading,
    read_movements,
)
from insurance.reconciliation.readers.document import Document, Table, is_blank
from insurance.reconciliation.readers.movements import movement, signed_amount
from insurance.reconciliation.rules import FileFormat, RawRow

HEADINGS = (
    Heading(
        frozenset({"date", "description", "debit", "credit", "balance"}),
        "date",
        ("description",),
        credit="credit",
        debit="debit",
    ),
    Heading(
        frozenset({"transaction_date", "description", "debit", "credit", "balance"}),
        "transaction_date",
        ("description",),
        credit="credit",
        debit="debit",
    ),
)
_DAY = re.compile(r"[0-9]{2}[A-Za-z]{3}[0-9]{4}")


def recognises(document: Document) -> bool:
    """Tell a Nedbank download by the shape of its days, or by its heading."""
    return _enquiry(document) is not None or find_heading(document, HEADINGS) is not None


def read(document: Document) -> tuple[FileFormat, Iterator[RawRow]]:
    """Return the movements of the account."""
    document.facts.account = account_in_preamble(document)
    table = _enquiry(document)
    if table is not None:
        return FileFormat.NEDBANK, _movements(document, table)
    found = find_heading(document, HEADINGS)
    assert found is not None
    return FileFormat.NEDBANK, read_movements(document, found)


def _enquiry(document: Document) -> Table | None:
    for table in document.tables:
        for _line, cells in table.beginning:
            if (
                isinstance(cells, list)
                and len(cells) >= 3
                and _DAY.fullmatch(cells[0].strip())
                and signed_amount(cells[2]) is not None
            ):
                return table
    return None


def _movements(document: Document, table: Table) -> Iterator[RawRow]:
    for line, cells in table.lines():
        if is_blank(cells):
            continue
        if isinstance(cells, str):
            yield RawRow(line, fault=cells)
            continue
        words = " ".join(cells).upper()
        if not _DAY.fullmatch(cells[0].strip()) or len(cells) < 3:
            _take_balance(document, words, cells)
            continue
        if not cells[2].strip() and "BALANCE" in words:
            _take_balance(document, words, cells)
            continue
        yield movement(
            line,
            day=cells[0].strip(),
            amount=signed_amount(cells[2]),
            description=cells[1],
            policy_number=document.policy_number,
        )


def _take_balance(document: Document, words: str, cells: list[str]) -> None:
    amounts = [amount for cell in cells[1:] if (amount := signed_amount(cell)) is not None]
    if amounts and "OPENING BALANCE" in words:
        document.facts.opening = amounts[-1]
    elif amounts and "CLOSING BALANCE" in words:
        document.facts.closing = amounts[-1]
