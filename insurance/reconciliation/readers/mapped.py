"""Files that a person has explained: read by the mapping whose heading they have."""

from collections.abc import Iterator

from insurance.reconciliation.readers.columns import caution_about, is_total, splits_amount
from insurance.reconciliation.readers.document import Document, Table, is_blank, refusal
from insurance.reconciliation.readers.mappings import Mapping, plain_names
from insurance.reconciliation.readers.movements import movement, own_number, signed_amount
from insurance.reconciliation.readers.qif import day_of
from insurance.reconciliation.rules import FileFormat, RawRow
from insurance.reconciliation.rules.rows import read_amount


def recognises(document: Document) -> bool:
    """Tell whether a table has the heading of a saved mapping."""
    return _find(document) is not None


def read(document: Document) -> tuple[FileFormat, Iterator[RawRow]]:
    """Return the rows by the mapping, whose name is noted."""
    found = _find(document)
    assert found is not None
    document.facts.notes.append(f"Read by the mapping “{found[2].name}”.")
    return FileFormat.MAPPED, _rows(document, *found)


def _find(document: Document) -> tuple[Table, int, Mapping] | None:
    known = {mapping.heading: mapping for mapping in document.mappings}
    if not known:
        return None
    for table in document.tables:
        for line, cells in table.beginning:
            if isinstance(cells, list) and (mapping := known.get(tuple(plain_names(cells)))):
                return table, line, mapping
    return None


def _rows(document: Document, table: Table, start: int, mapping: Mapping) -> Iterator[RawRow]:
    document.facts.sheet = table.name
    width = len(mapping.heading)
    places = {field: at for at, field in mapping.columns.items()}
    money = {**places, "amount": places.get("amount", places.get("credit", 0))}
    is_any = False
    for line, cells in table.lines():
        if line <= start or is_blank(cells):
            continue
        if isinstance(cells, str):
            is_any = True
            yield RawRow(line, fault=cells)
            continue
        if is_total(cells, money):
            document.facts.stated_total = read_amount(cells[money["amount"]])
            continue
        is_any = True
        if any(cell.strip() for cell in cells[width:]):
            yield RawRow(line, fault="This line has more values than there are columns.")
        elif table.delimiter == "," and len(cells) > width and splits_amount(cells, money, width):
            yield RawRow(line, fault="The amount is split at its decimal comma.")
        else:
            yield _row(line, cells + [""] * (width - len(cells)), mapping, document)
    if not is_any:
        raise refusal("The file has no rows.")


def _row(line: int, cells: list[str], mapping: Mapping, document: Document) -> RawRow:
    found = {field: cells[at] for at, field in mapping.columns.items()}
    number = found.get("policy_number", "").strip()
    text = found.get("amount", "").strip()
    if "credit" in found:
        credit, debit = found["credit"].strip(), found.get("debit", "").strip()
        is_in = credit and signed_amount(credit) != 0
        text = credit if is_in or not debit else f"-{debit.lstrip('-')}"
    row = movement(
        line,
        day=day_of(found["paid_date"].strip(), mapping.is_month_first),
        amount=signed_amount(text),
        description=found.get("description", "") or number,
        reference=found.get("reference", ""),
        bank_reference=own_number(found.get("bank_reference"), ""),
    )
    if row.fault is not None:
        return row
    return RawRow(
        line,
        policy_number=number or row.policy_number or document.policy_number or "",
        due_date=found.get("due_date", ""),
        paid_date=row.paid_date,
        amount=row.amount,
        reference=row.reference,
        status=found.get("status", ""),
        reason_code=found.get("reason_code", ""),
        description=row.description,
        bank_reference=row.bank_reference,
        line_type=row.line_type,
        caution=caution_about(found.get("reference", "")) or row.caution,
    )
