"""Absa: a heading, dates such as 20261127."""

from collections.abc import Iterator

from insurance.reconciliation.readers.banks import (
    Heading,
    account_in_preamble,
    find_heading,
    read_movements,
)
from insurance.reconciliation.readers.document import Document
from insurance.reconciliation.rules import FileFormat, RawRow

HEADINGS = (
    Heading(
        frozenset({"date", "description", "amount", "balance"}), "date", ("description",), "amount"
    ),
    Heading(
        frozenset({"date", "description", "debit_amount", "credit_amount", "balance"}),
        "date",
        ("description",),
        credit="credit_amount",
        debit="debit_amount",
    ),
)


def recognises(document: Document) -> bool:
    """Tell an Absa download by its heading."""
    return find_heading(document, HEADINGS) is not None


def read(document: Document) -> tuple[FileFormat, Iterator[RawRow]]:
    """Return the movements of the account."""
    document.facts.account = account_in_preamble(document)
    found = find_heading(document, HEADINGS)
    assert found is not None
    return FileFormat.ABSA, read_movements(document, found)
