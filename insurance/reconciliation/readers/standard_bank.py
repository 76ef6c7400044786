"""Standard Bank: no heading; each line begins with its kind, movements with HIST."""

from collections.abc import Iterator

from insurance.reconciliation.readers.document import Document, Table, refusal
from insurance.reconciliation.readers.movements import movement, signed_amount
from insurance.reconciliation.rules import FileFormat, LineType, RawRow
from insurance.reconciliation.rules.rows import read_day

_MOVEMENT = "HIST"
_CHARGE = "##"


def recognises(document: Document) -> bool:
    """Tell a Standard Bank download by a line HIST with a day."""
    return _find(document) is not None


def read(document: Document) -> tuple[FileFormat, Iterator[RawRow]]:
    """Return the movements of the account, with its balances."""
    table = _find(document)
    assert table is not None
    return FileFormat.STANDARD_BANK, _movements(document, table)


def _find(document: Document) -> Table | None:
    for table in document.tables:
        for _line, cells in table.beginning:
            if isinstance(cells, list) and len(cells) >= 5 and _is_movement(cells):
                return table
    return None


def _is_movement(cells: list[str]) -> bool:
    return cells[0].strip().upper() == _MOVEMENT and read_day(cells[1]) is not None


def _movements(document: Document, table: Table) -> Iterator[RawRow]:
    is_any = False
    for line, cells in table.lines():
        if isinstance(cells, str):
            yield RawRow(line, fault=cells)
            continue
        kind = cells[0].strip().upper()
        if kind == _MOVEMENT:
            is_any = True
            yield _movement(line, cells, document)
        elif kind:
            _note_frame(document, [cell.strip() for cell in cells])
    if not is_any:
        raise refusal("The file has no movements.")


def _note_frame(document: Document, cells: list[str]) -> None:
    """Take the account and the balances from lines such as `0,,OPEN,101000.00,,OPEN BALANCE`."""
    names = {"ACC-NO", "OPEN", "CLOSE"}
    at = next((place for place, cell in enumerate(cells) if cell.upper() in names), None)
    if at is None or at + 1 >= len(cells):
        return
    kind, value = cells[at].upper(), cells[at + 1]
    if kind == "ACC-NO":
        document.facts.account = value
    elif kind == "OPEN":
        document.facts.opening = signed_amount(value)
    else:
        document.facts.closing = signed_amount(value)


def _movement(line: int, cells: list[str], document: Document) -> RawRow:
    if len(cells) < 5:
        return RawRow(line, fault="This line is cut off: it has too few values.")
    amount = signed_amount(cells[3])
    is_charge = cells[2].strip() == _CHARGE and amount is not None and amount < 0
    return movement(
        line,
        day=cells[1].strip(),
        amount=amount,
        description=cells[4],
        reference=cells[5] if len(cells) > 5 else "",
        line_type=LineType.FEE if is_charge else None,
        policy_number=document.policy_number,
    )
