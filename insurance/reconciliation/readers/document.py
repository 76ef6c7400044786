"""A file as its readers see it: bytes, lines, tables; and what was found out on the way."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from insurance.core.errors import DomainError
from insurance.core.money import ZERO, format_money
from insurance.reconciliation.readers.mappings import Mapping
from insurance.reconciliation.readers.workbooks import sheets_of
from insurance.reconciliation.rules import LineType, RawRow
from insurance.reconciliation.rules.rows import read_amount

LARGEST_FILE = 100 * 1024 * 1024
LARGEST_WHOLE = 30 * 1024 * 1024
"""Of a kind that is read in one piece."""
LONGEST_LINE = 10_000
BEGINNING = 60
"""Lines in which a heading is looked for."""
_SEARCHED = 1_000
_HEAD = 64 * 1024
_DELIMITERS = ",;\t|"
_SEP = re.compile(r'"?sep=(.)"?', re.IGNORECASE)

Cells = list[str] | str
"""The cells of a line, or what is wrong with it."""


@dataclass(slots=True)
class StatementFacts:
    """What a file says of itself, beside its rows; `notes` is what a person should know.

    Balances are of the bank's account; `stated_total` is a total row's amount. All in rand.
    """

    encoding: str = ""
    sheet: str = ""
    account: str = ""
    opening: Decimal | None = None
    closing: Decimal | None = None
    stated_total: Decimal | None = None
    moved: Decimal = ZERO
    notes: list[str] = field(default_factory=list)

    def count(self, raw: RawRow) -> None:
        """Add what a row moves: less where money went out or came back."""
        amount = read_amount(raw.amount)
        if amount is None or raw.fault is not None:
            return
        is_back = raw.line_type is LineType.PREMIUM and raw.status.strip().upper() not in (
            "",
            "PAID",
        )
        self.moved += -amount if is_back else amount

    def conclude(self) -> None:
        """Compare the rows with what the file says they come to."""
        if self.stated_total is not None and self.stated_total != self.moved:
            self.notes.append(
                f"The total row says {format_money(self.stated_total)}; "
                f"the rows come to {format_money(self.moved)}."
            )
        if self.opening is None or self.closing is None:
            return
        expected = self.opening + self.moved
        if expected != self.closing:
            self.notes.append(
                f"The balances do not agree: {format_money(self.opening)} and "
                f"{format_money(self.moved)} of movements are {format_money(expected)}, "
                f"not {format_money(self.closing)}. Lines may be missing."
            )

    def shown(self) -> dict[str, Any]:
        """Return the facts as they are stored: text, and nothing that was not found."""
        amounts = {
            name: f"{amount:.2f}"
            for name in ("opening", "closing", "stated_total", "moved")
            if (amount := getattr(self, name)) is not None
        }
        words = {name: getattr(self, name) for name in ("encoding", "sheet", "account")}
        return {**{name: word for name, word in words.items() if word}, **amounts} | {
            "notes": self.notes
        }


@dataclass(frozen=True, slots=True)
class Table:
    """Lines of cells: a sheet of a workbook, or a text with one delimiter.

    `beginning` holds the first lines; `lines` starts again from the first one.
    """

    name: str
    delimiter: str
    beginning: Sequence[tuple[int, Cells]]
    lines: Callable[[], Iterator[tuple[int, Cells]]]


@dataclass
class Document:
    """A file. `policy_number` fills in for a file of one policy that does not name it."""

    content: bytes
    policy_number: str | None = None
    currency: str = "ZAR"
    mappings: Sequence[Mapping] = ()
    facts: StatementFacts = field(default_factory=StatementFacts)

    @cached_property
    def is_workbook(self) -> bool:
        """Tell whether this is an Excel workbook."""
        return self.content.startswith(b"PK")

    @cached_property
    def head(self) -> str:
        """Return the first text of the file; nothing of a workbook."""
        if self.is_workbook:
            return ""
        return self.content[:_HEAD].decode(self._codec, "replace").lstrip("\ufeff")

    @cached_property
    def _codec(self) -> str:
        start = self.content[:4096]
        if start.startswith((b"\xff\xfe", b"\xfe\xff")):
            return "utf-16"
        pairs = max(len(start) // 2, 1)
        if start[1::2].count(0) > 0.7 * pairs and start[::2].count(0) == 0:
            return "utf-16-le"
        if start[::2].count(0) > 0.7 * pairs and start[1::2].count(0) == 0:
            return "utf-16-be"
        return "utf-8-sig"

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield the lines of a text that are not empty, with their numbers.

        What is no UTF-8 is read as Windows-1252, and that is said.
        """
        if self._codec != "utf-8-sig":
            self.facts.encoding = "UTF-16"
        text = io.TextIOWrapper(
            io.BytesIO(self.content),
            self._codec,
            errors="surrogateescape" if self._codec == "utf-8-sig" else "replace",
        )
        for number, line in enumerate(text, 1):
            if line == "\n":
                continue
            plain = line.rstrip("\n")
            yield number, plain if plain.isascii() else self._as_ansi(plain)

    def _as_ansi(self, line: str) -> str:
        try:
            line.encode()
        except UnicodeEncodeError:
            line = line.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
            mixed = self.facts.encoding in ("UTF-8", "Windows-1252 and UTF-8")
            self.facts.encoding = "Windows-1252 and UTF-8" if mixed else "Windows-1252"
            return line
        if self.facts.encoding == "Windows-1252":
            self.facts.encoding = "Windows-1252 and UTF-8"
        self.facts.encoding = self.facts.encoding or "UTF-8"
        return line

    @cached_property
    def tables(self) -> list[Table]:
        """Return what the file may be read as: its sheets, or its text by each delimiter."""
        if self.is_workbook:
            return [
                Table(name, "", _beginning(lines()), lines)
                for name, lines in sheets_of(self.content)
            ]
        return [self._table(delimiter) for delimiter in self._delimiters()]

    def _delimiters(self) -> list[str]:
        first = self.head.split("\n", 1)[0].strip()
        if found := _SEP.fullmatch(first):
            return [found[1]]
        counted = [(self.head.count(one), one) for one in _DELIMITERS]
        return [one for count, one in sorted(counted, key=lambda pair: -pair[0]) if count]

    def _table(self, delimiter: str) -> Table:
        def lines() -> Iterator[tuple[int, Cells]]:
            for number, line in self.lines():
                if number == 1 and _SEP.fullmatch(line.strip()):
                    continue
                yield number, split(line, delimiter)

        return Table("", delimiter, _beginning(lines()), lines)


def split(line: str, delimiter: str) -> Cells:
    """Return the cells of a line, or what is wrong with it. A row is one line, whatever its quotes."""
    if len(line) > LONGEST_LINE:
        return "This line is too long."
    if '"' not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return "The quotes of this line do not match."


def _beginning(lines: Iterator[tuple[int, Cells]]) -> list[tuple[int, Cells]]:
    found: list[tuple[int, Cells]] = []
    for number, cells in lines:
        if number > _SEARCHED:
            break
        if is_blank(cells):
            continue
        found.append((number, cells))
        if len(found) == BEGINNING:
            break
    return found


def is_blank(cells: Cells) -> bool:
    """Tell whether a line says nothing."""
    return isinstance(cells, list) and not any(cell.strip() for cell in cells)


def refusal(message: str) -> DomainError:
    """Return the refusal of a whole file."""
    return DomainError(message, field="file")
