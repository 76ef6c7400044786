"""How a run is written for a bank or bureau. A new format is a class with a name and `render`.

None of these is a certified interbank format: the bureau's own software makes that from them.
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

from insurance.core.text import latin_text

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")
_ACCOUNT_TYPES = {"CURRENT": "1", "SAVINGS": "2", "TRANSMISSION": "3"}
_HASH_DIGITS = 12


@dataclass(frozen=True, slots=True)
class FileRun:
    """What a file says of its run."""

    number: str
    insurer: str
    action_date: date
    released_on: date
    item_count: int
    total: Decimal


@dataclass(frozen=True, slots=True)
class FileItem:
    """One debit, account number in clear. Lives only while a file is being rendered."""

    reference: str
    policy_number: str
    holder: str
    bank: str
    branch_code: str
    account_type: str
    account_number: str
    amount: Decimal
    action_date: date


class Exporter(Protocol):
    """Writes a run in one format. The same run gives the same bytes."""

    name: str
    extension: str
    mimetype: str

    def render(self, run: FileRun, items: Sequence[FileItem]) -> bytes:
        """Return the file."""


class CsvExporter:
    """A neutral CSV in UTF-8: a heading, then a row a debit. Text cannot become a formula."""

    name = "CSV"
    extension = "csv"
    mimetype = "text/csv; charset=utf-8"

    def render(self, run: FileRun, items: Sequence[FileItem]) -> bytes:
        """Return the file."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow(
            (
                "reference",
                "policy_number",
                "account_holder",
                "bank",
                "branch_code",
                "account_type",
                "account_number",
                "amount",
                "action_date",
            )
        )
        for item in items:
            words = (
                item.reference,
                item.policy_number,
                item.holder,
                item.bank,
                item.branch_code,
                item.account_type,
                item.account_number,
            )
            writer.writerow(
                (*map(_harmless, words), f"{item.amount:.2f}", item.action_date.isoformat())
            )
        return out.getvalue().encode()


class BureauExporter:
    """Tab-delimited for a collection bureau: header, one record a debit, footer.

    Amounts are in cents. The footer has the number of debits, their total in cents and the hash
    total: the sum of the account numbers, of which the last twelve digits stand.
    """

    name = "BUREAU"
    extension = "txt"
    mimetype = "text/plain; charset=us-ascii"

    def render(self, run: FileRun, items: Sequence[FileItem]) -> bytes:
        """Return the file."""
        records = [
            ("FH", run.number, _plain(run.insurer, 30), _day(run.released_on), "ZAR"),
            ("SH", "DEBIT", _day(run.action_date), str(run.item_count)),
            *(_debit(number, item) for number, item in enumerate(items, 1)),
            (
                "SF",
                str(len(items)),
                str(sum(_cents(item.amount) for item in items)),
                hash_total(items),
            ),
            ("FF", str(len(items) + 4)),
        ]
        return "".join("\t".join(record) + "\r\n" for record in records).encode("ascii")


EXPORTERS: dict[str, Exporter] = {one.name: one for one in (BureauExporter(), CsvExporter())}


def hash_total(items: Sequence[FileItem]) -> str:
    """Return the last twelve digits of the sum of the account numbers."""
    return f"{sum(int(item.account_number) for item in items) % 10**_HASH_DIGITS:0{_HASH_DIGITS}d}"


def _debit(number: int, item: FileItem) -> tuple[str, ...]:
    return (
        "DT",
        str(number),
        _day(item.action_date),
        item.reference,
        _plain(item.holder, 30),
        item.branch_code,
        _ACCOUNT_TYPES.get(item.account_type, "1"),
        item.account_number,
        str(_cents(item.amount)),
        _plain(item.policy_number, 20),
    )


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _plain(text: str, longest: int) -> str:
    """Return text in Latin letters on one line, without tabs: what the bureau's columns can hold.

    Names that this cannot write are refused before a run is released.
    """
    return (latin_text(re.sub(r"[\x00-\x1f\x7f]", " ", text)) or "")[:longest]


def _day(day: date) -> str:
    return f"{day:%Y%m%d}"


def _cents(amount: Decimal) -> int:
    return int(amount.scaleb(2))
