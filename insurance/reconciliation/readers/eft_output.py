"""The output of an EFT service: lines of fixed width, whose record 013 is a debit that came back.

Record 013: status (L live, T test), type, day (CCYYMMDD), sequence, branch, account, amount in
cents, our reference of 30 characters, a reason of three digits, a qualifier and a sequence. Record
017 says that an account moved. Accounts of 16 and of 13 digits are met.
"""

import re
from collections.abc import Iterator

from insurance.reconciliation.readers.document import Document, refusal
from insurance.reconciliation.rules import FileFormat, LineType, RawRow

_FIRST = re.compile(r"000[LT][0-9]{8}")
_RECORD = re.compile(r"0(13|17)[LT]")
_TAIL = re.compile(r"\s*(?P<reason>[0-9]{3})[0-9]{5}[0-9]{6}")
_START = 26
"""Kind 3, status 1, type 2, day 8, sequence 6, branch 6."""
_ACCOUNTS = (16, 13)
_AMOUNT, _REFERENCE = 11, 30


def recognises(document: Document) -> bool:
    """Tell a transmission by its first record."""
    return not document.is_workbook and _FIRST.match(document.head.lstrip()) is not None


def read(document: Document) -> tuple[FileFormat, Iterator[RawRow]]:
    """Return the debits that came back. Raises DomainError for a test transmission."""
    if document.head.lstrip()[3] == "T":
        raise refusal("This is a test transmission: nothing in it is real.")
    return FileFormat.EFT_OUTPUT, _records(document)


def _records(document: Document) -> Iterator[RawRow]:
    count, stated, is_any = 0, None, False
    for line, text in document.lines():
        if not text.strip():
            continue
        count += 1
        if text.startswith("999"):
            stated = int(text[4:13]) if text[4:13].isdigit() else None
        if _RECORD.match(text):
            is_any = True
            yield _record(line, text)
    if stated is not None and stated != count:
        document.facts.notes.append(
            f"The last line counts {stated} records and the file has {count}: it may be cut off."
        )
    if not is_any:
        raise refusal("The transmission holds no debit that came back.")


def _record(line: int, text: str) -> RawRow:
    day = text[6:14]
    if text.startswith("017"):
        return RawRow(
            line,
            paid_date=day,
            description=" ".join(text[_START:].split())[:100],
            line_type=LineType.REDIRECT,
        )
    for width in _ACCOUNTS:
        at = _START + width
        head, reference = text[6 : at + _AMOUNT], text[at + _AMOUNT :][:_REFERENCE]
        tail = _TAIL.match(text[at + _AMOUNT + _REFERENCE :])
        if head.isascii() and head.isdigit() and tail is not None:
            cents = int(text[at : at + _AMOUNT])
            return RawRow(
                line,
                paid_date=day,
                amount=f"{cents // 100}.{cents % 100:02}",
                reference=reference.strip(),
                status="UNPAID",
                reason_code=f"{int(tail['reason']):02}",
            )
    return RawRow(line, fault="This record has not the fields of a debit that came back.")
