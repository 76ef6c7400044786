"""What the downloads of banks share: a heading of the bank's own, and a line for each movement."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from insurance.reconciliation.readers.columns import splits_amount
from insurance.reconciliation.readers.document import Document, Table, is_blank, refusal
from insurance.reconciliation.readers.mappings import plain_names
from insurance.reconciliation.readers.movements import movement, signed_amount
from insurance.reconciliation.rules import LineType, RawRow
from insurance.reconciliation.rules.rows import read_day


@dataclass(frozen=True, slots=True)
class Heading:
    """The columns of a download, each by its name: all of `names` stand in the heading.

    Several columns may describe a movement. Money in and out stands in one `amount`, or in
    `credit` and `debit`.
    """

    names: frozenset[str]
    date: str
    description: tuple[str, ...]
    amount: str | None = None
    credit: str | None = None
    debit: str | None = None
    reference: str | None = None
    fee: str | None = None
    account: str | None = None


Found = tuple[Table, int, Heading, dict[str, int]]


def find_heading(document: Document, headings: Sequence[Heading]) -> Found | None:
    """Return the table, line and places of a heading that is exactly one of these; else None."""
    for table in document.tables:
        for line, cells in table.beginning:
            if isinstance(cells, str):
                continue
            names = plain_names(cells)
            for heading in headings:
                if set(names) == heading.names and len(names) == len(heading.names):
                    return table, line, heading, {name: at for at, name in enumerate(names)}
    return None


def read_movements(document: Document, found: Found) -> Iterator[RawRow]:
    """Yield the movements under a heading."""
    table, start, heading, places = found
    document.facts.sheet = table.name
    is_any = False
    for line, cells in table.lines():
        if line <= start or is_blank(cells):
            continue
        if isinstance(cells, str):
            is_any = True
            yield RawRow(line, fault=cells)
            continue
        at = dict(places)
        cells = cells + [""] * (len(places) - len(cells))
        day = cells[at[heading.date]].strip().strip("'")
        if read_day(day) is None and not _amount_text(cells, heading, at):
            continue  # such as "Closing balance" or a page's foot
        is_any = True
        yield _movement(line, cells, heading, at, document, table.delimiter, day)
    if not is_any:
        raise refusal("The file has no movements.")


def _movement(
    line: int,
    cells: list[str],
    heading: Heading,
    places: dict[str, int],
    document: Document,
    delimiter: str,
    day: str,
) -> RawRow:
    if heading.amount is not None and delimiter == ",":
        numbered = {**places, "amount": places[heading.amount]}
        if len(cells) > len(places) and splits_amount(cells, numbered, len(places)):
            return RawRow(line, fault="The amount is split at its decimal comma.")
    if len(cells) > len(places) and any(cell.strip() for cell in cells[len(places) :]):
        return RawRow(line, fault="This line has more values than there are columns.")
    text, type_ = _amount_text(cells, heading, places), None
    if not text and heading.fee is not None and cells[places[heading.fee]].strip():
        text, type_ = cells[places[heading.fee]], LineType.FEE
    account = cells[places[heading.account]] if heading.account else document.facts.account
    document.facts.account = document.facts.account or account.strip()
    return movement(
        line,
        day=day,
        amount=signed_amount(text),
        description=" ".join(
            cells[places[name]].strip().strip("'") for name in heading.description
        ),
        reference=cells[places[heading.reference]] if heading.reference else "",
        line_type=type_,
        policy_number=document.policy_number,
    )


def _amount_text(cells: Sequence[str], heading: Heading, places: dict[str, int]) -> str:
    if heading.amount is not None:
        return cells[places[heading.amount]].strip()
    credit = cells[places[heading.credit]].strip() if heading.credit else ""
    debit = cells[places[heading.debit]].strip() if heading.debit else ""
    if credit and signed_amount(credit) != 0:
        return credit
    return f"-{debit.lstrip('-')}" if debit else credit


def account_in_preamble(document: Document) -> str:
    """Return the account that the lines before a heading name; nothing where none does."""
    for table in document.tables[:1]:
        for _line, cells in table.beginning[:12]:
            if isinstance(cells, list) and cells[0].strip().lower().startswith("account"):
                for cell in cells[1:]:
                    if sum(letter.isdigit() for letter in cell) >= 6:
                        return cell.strip().strip("'")
    return ""
