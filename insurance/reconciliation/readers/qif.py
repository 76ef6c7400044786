"""QIF: a letter at the start of each line, ^ after each movement. It has no numbers of the bank."""

import re
from collections.abc import Iterator

from insurance.reconciliation.readers.document import LARGEST_WHOLE, Document, refusal
from insurance.reconciliation.readers.movements import movement, signed_amount
from insurance.reconciliation.rules import FileFormat, RawRow
from insurance.reconciliation.rules.rows import read_day

_ACCOUNTS = re.compile(r"!Type:(Bank|Cash|CCard|Oth A|Oth L)\b", re.IGNORECASE)
_DAY = re.compile(r"([0-9]{1,2})[-/. ]+([0-9]{1,2})[-/.' ]+([0-9]{2}|[0-9]{4})", re.ASCII)


def recognises(document: Document) -> bool:
    """Tell a QIF file by its first line."""
    first = document.head.lstrip()[:200]
    return _ACCOUNTS.match(first) is not None or first.lower().startswith("!account")


def read(document: Document) -> tuple[FileFormat, Iterator[RawRow]]:
    """Return the movements. Days are read with the day first unless one of them cannot be."""
    return FileFormat.QIF, iter(_movements(document))


def _movements(document: Document) -> list[RawRow]:
    records = list(_records(document))
    if not records:
        raise refusal("The file has no movements.")
    days = [found for _line, one in records if (found := _DAY.fullmatch(one.get("D", "")))]
    is_month_first = any(int(day[2]) > 12 for day in days)
    if is_month_first:
        document.facts.notes.append("Days are written with the month first in this file.")
    return [_movement(line, one, is_month_first, document) for line, one in records]


def _records(document: Document) -> Iterator[tuple[int, dict[str, str]]]:
    if len(document.content) > LARGEST_WHOLE:
        raise refusal("A file of this kind has at most 30 MB.")
    record: dict[str, str] = {}
    started, is_bank = 0, False
    for line, text in document.lines():
        plain = text.strip()
        if plain.startswith("!"):
            is_bank = _ACCOUNTS.match(plain) is not None
            record = {}
        elif plain == "^":
            if record and is_bank:
                yield started, record
            record = {}
        elif plain:
            started = line if not record else started
            record.setdefault(plain[0], plain[1:].strip())
    if record and is_bank:
        yield started, record


def _movement(
    line: int, record: dict[str, str], is_month_first: bool, document: Document
) -> RawRow:
    return movement(
        line,
        day=day_of(record.get("D", ""), is_month_first),
        amount=signed_amount(record.get("T", record.get("U", ""))),
        description=" ".join(word for key in "PM" if (word := record.get(key))),
        reference=record.get("N", ""),
        policy_number=document.policy_number,
    )


def day_of(text: str, is_month_first: bool) -> str:
    """Return a day as ISO text, a year of two digits as one of this century; else the text itself."""
    found = _DAY.fullmatch(text)
    if found is None:
        return text
    first, second, year = found.groups()
    day, month = (second, first) if is_month_first else (first, second)
    year = f"20{year}" if len(year) == 2 else year
    read = read_day(f"{year}-{int(month):02}-{int(day):02}")
    return read.isoformat() if read else text
