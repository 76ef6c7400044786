"""Capitec: the business download, and the personal one with money in and money out."""

from collections.abc import Iterator

from insurance.reconciliation.readers.banks import Heading, find_heading, read_movements
from insurance.reconciliation.readers.document import Document
from insurance.reconciliation.rules import FileFormat, RawRow

_BUSINESS = ("account", "date", "description", "reference", "amount", "fees", "balance")
_PERSONAL = ("posting_date", "transaction_date", "description", "money_in", "money_out", "balance")
HEADINGS = (
    Heading(
        frozenset(_BUSINESS),
        "date",
        ("description",),
        "amount",
        reference="reference",
        fee="fees",
        account="account",
    ),
    *(
        Heading(
            frozenset({*_PERSONAL, *more}),
            "transaction_date",
            ("description", *(one for one in more if one == "original_description")),
            credit="money_in",
            debit="money_out",
            fee="fee" if "fee" in more else None,
            account="account" if "account" in more else None,
        )
        for more in (
            (),
            ("fee",),
            ("account", "fee"),
            ("nr", "account", "original_description", "parent_category", "category", "fee"),
            ("account", "original_description", "parent_category", "category", "fee"),
            ("account", "original_description", "category", "fee"),
        )
    ),
    Heading(
        frozenset(
            {"posting_date", "transaction_date", "description", "debits", "credits", "balance"}
        ),
        "transaction_date",
        ("description",),
        credit="credits",
        debit="debits",
    ),
)


def recognises(document: Document) -> bool:
    """Tell a Capitec download by its heading."""
    return find_heading(document, HEADINGS) is not None


def read(document: Document) -> tuple[FileFormat, Iterator[RawRow]]:
    """Return the movements of the account."""
    found = find_heading(document, HEADINGS)
    assert found is not None
    return FileFormat.CAPITEC, read_movements(document, found)
