"""Files of banks and bureaus, each known by its shape. One module reads one kind.

A reader has `recognises(document)`, which looks at the beginning of a file, and `read(document)`,
which returns the format and the rows; the first that recognises a file reads it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from insurance.core.errors import DomainError
from insurance.reconciliation.readers import (
    absa,
    bureau,
    camt053,
    capitec,
    columns,
    eft_output,
    fnb,
    mapped,
    mt940,
    nedbank,
    ofx,
    qif,
    standard_bank,
)
from insurance.reconciliation.readers.archives import unpack
from insurance.reconciliation.readers.document import (
    LARGEST_FILE,
    Document,
    StatementFacts,
    Table,
    refusal,
)
from insurance.reconciliation.readers.mappings import FIELDS, Mapping, check, plain_names, propose
from insurance.reconciliation.rules import FileFormat, RawRow

__all__ = [
    "FIELDS",
    "StatementFacts",
    "Mapping",
    "Reading",
    "UnknownFileError",
    "check",
    "plain_names",
    "propose",
    "read_file",
]

SAMPLE = 6
"""Lines that are shown of a file nobody knows."""


class Reader(Protocol):
    """What each module of this folder is."""

    def recognises(self, document: Document) -> bool:
        """Tell whether this reader reads a file, by its beginning."""

    def read(self, document: Document) -> tuple[FileFormat, Iterator[RawRow]]:
        """Return the format and the rows, which may be refused while they are read."""


# A saved mapping is asked first: whoever saved it has looked at such a file.
READERS: tuple[Reader, ...] = (
    columns,
    mapped,
    bureau,
    eft_output,
    mt940,
    camt053,
    ofx,
    qif,
    standard_bank,
    fnb,
    absa,
    capitec,
    nedbank,
)


@dataclass(slots=True)
class Reading:
    """A file on its way in. `facts` are complete once the rows have been gone through."""

    format: FileFormat
    facts: StatementFacts
    rows: Iterator[RawRow]


class UnknownFileError(DomainError):
    """Nobody knows this table: its heading, its first lines, and what its columns may be."""

    def __init__(
        self, message: str, heading: Sequence[str], names: Sequence[str], sample: list[list[str]]
    ) -> None:
        super().__init__(message, field="file")
        self.heading, self.names, self.sample = list(heading), list(names), sample
        self.proposal = propose(names)

    @property
    def detail(self) -> dict[str, object]:
        """Return what a program needs to save a mapping."""
        return {
            "heading": self.names,
            "proposal": {self.names[at]: field for at, field in self.proposal.items()},
        }


def read_file(
    content: bytes,
    *,
    policy_number: str | None = None,
    currency: str = "ZAR",
    mappings: Sequence[Mapping] = (),
) -> Reading:
    """Return what kind of file this is, by its content, and its rows.

    `policy_number` fills in for a file of one policy that does not name it. Raises DomainError at
    `file` for what is no such file at all, UnknownFileError for a table that a mapping may explain;
    the first may also happen while rows are read.
    """
    if not content:
        raise refusal("The file is empty.")
    if len(content) > LARGEST_FILE:
        raise refusal("The file is larger than 100 MB.")
    document = Document(unpack(content), policy_number, currency, mappings)
    _refuse_strangers(document)
    for reader in READERS:
        if reader.recognises(document):
            kind, rows = reader.read(document)
            return Reading(kind, document.facts, _counted(rows, document.facts))
    raise _unknown(document)


def _refuse_strangers(document: Document) -> None:
    start = document.content[:4096]
    if not start.strip(b"\xef\xbb\xbf\xff\xfe\r\n\t \x00"):
        raise refusal("The file is empty.")
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise refusal("This is an old Excel file; save it as .xlsx or CSV.")
    if start.startswith((b"%PDF", b"{", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf")) or (
        "\x00" in document.head.split("\n", 1)[0]
    ):
        raise refusal(
            "This is no file of a bank that we can read: CSV, Excel, MT940, CAMT.053,"
            " OFX, QIF or a statement."
        )


def _counted(rows: Iterator[RawRow], facts: StatementFacts) -> Iterator[RawRow]:
    for row in rows:
        facts.count(row)
        yield row
    facts.conclude()


def _unknown(document: Document) -> DomainError:
    table = _widest(document)
    explained = columns.explain(document)
    if table is None:
        if document.is_workbook:
            sheets = ", ".join(one.name for one in document.tables)
            return explained or refusal(
                f"No sheet has a heading that we know. The sheets are: {sheets}."
            )
        return explained or refusal("This is no file of a bank that we can read.")
    heading, names, sample = _heading_of(table)
    message = "We do not know this file. Say which column is what, and save that as a mapping."
    if explained:
        message = explained.message
    elif document.is_workbook and len(document.tables) > 1:
        message += f" It was looked for in the sheets {', '.join(t.name for t in document.tables)}."
    return UnknownFileError(message, heading, names, sample)


def _widest(document: Document) -> Table | None:
    """Return the table that most looks like one: at least three columns, and a line below them."""
    best, most = None, 2
    for table in document.tables:
        width = _heading_width(table)
        if width > most:
            best, most = table, width
    return best


def _heading_width(table: Table) -> int:
    found = _heading_of(table)[1]
    return len(found)


def _heading_of(table: Table) -> tuple[list[str], list[str], list[list[str]]]:
    """Return the first line that names at least three columns, with the lines under it."""
    lines = [cells for _line, cells in table.beginning if isinstance(cells, list)]
    for at, cells in enumerate(lines):
        names = plain_names(cells)
        is_named = len(names) >= 3 and all(names) and len(set(names)) == len(names)
        if is_named and not any(_is_number(name) for name in names) and lines[at + 1 :]:
            under = [below[: len(names)] for below in lines[at + 1 :][:SAMPLE]]
            padded = [below + [""] * (len(names) - len(below)) for below in under]
            return cells[: len(names)], names, padded
    return [], [], []


def _is_number(text: str) -> bool:
    return any(letter.isdigit() for letter in text) and not any(map(str.isalpha, text))
