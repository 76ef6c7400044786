"""A bureau's statements, delimited by tabs: in bulk (FH and SH lines, cents), and per merchant.

A movement is day, type, unique number, description, amount, sign, VAT and three fields of the user:
the policy number, the reference of the payment, the reason code. The bulk statement has days such
as 20261127 and amounts in cents; the merchant's has ISO days and rand with four decimals. Money
that goes out is a payment that came back, unless its type or its words say otherwise.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from insurance.reconciliation.readers.document import LONGEST_LINE, Document, refusal
from insurance.reconciliation.rules import FileFormat, LineType, RawRow, policy_number_in
from insurance.reconciliation.rules.rows import read_amount, read_day

_HEADERS = ("FH", "SH")
_FRAME = frozenset({"FH", "SH", "ST", "SF", "FT", "FF"})
_BALANCES = frozenset({"OBL", "CBL", "OPB", "CLB"})
"""Opening and closing balances: no money moves."""
_TYPES = {
    "NSF": LineType.FEE,
    "BTR": LineType.TRANSFER,
    "INP": LineType.INTEREST,
    "INT": LineType.INTEREST,
}
_WORDS = (
    (re.compile(r"\b(fees?|charges?)\b", re.IGNORECASE), LineType.FEE),
    (
        re.compile(r"\btransfer to (client|bank)|\bbank transfer\b", re.IGNORECASE),
        LineType.TRANSFER,
    ),
    (re.compile(r"\binterest\b", re.IGNORECASE), LineType.INTEREST),
)
_CAME_BACK = re.compile(r"\b(unpaid|returned|rejected|disputed?)\b|\bcode\b", re.IGNORECASE)
_DISPUTED = re.compile(r"\bdisput", re.IGNORECASE)
_CODE = re.compile(r"\b(?:reason|code)\b\W*0*([0-9]{1,3})\b", re.IGNORECASE)
_MERCHANT = re.compile(r"-?[0-9]{1,13}\.[0-9]{4}", re.ASCII)

Amount = Callable[[str], str]


def recognises(document: Document) -> bool:
    """Tell a statement by its header lines, or by a first movement in rand with four decimals."""
    return not document.is_workbook and (_is_bulk(document) or _is_merchant(document))


def _is_bulk(document: Document) -> bool:
    return document.head.split("\n", 1)[0].split("\t", 1)[0].strip() in _HEADERS


def _is_merchant(document: Document) -> bool:
    for line in document.head.splitlines()[:20]:
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) >= 6 and read_day(cells[0]) and re.fullmatch("[A-Z0-9]{2,4}", cells[1]):
            return _MERCHANT.fullmatch(cells[4]) is not None
    return False


def read(document: Document) -> tuple[FileFormat, Iterator[RawRow]]:
    """Return the movements; lines that are no premiums by their type."""
    if _is_bulk(document):
        return FileFormat.STATEMENT, _movements(document, _from_cents)
    return FileFormat.MERCHANT_STATEMENT, _movements(document, _from_rand)


def _movements(document: Document, amount: Amount) -> Iterator[RawRow]:
    is_any = False
    for line, text in document.lines():
        cells = [cell.strip() for cell in text.lstrip("\ufeff").split("\t")]
        if not text.strip() or cells[0] in _FRAME:
            continue
        if len(cells) > 1 and cells[1].upper() in _BALANCES:
            continue
        if not is_any and amount is _from_rand and not any(map(str.isdigit, cells[0])):
            continue  # the names of the columns
        is_any = True
        yield _movement(line, cells, amount, document.policy_number)
    if not is_any:
        raise refusal("The statement has no movements.")


def _movement(line: int, cells: Sequence[str], amount: Amount, policy_number: str | None) -> RawRow:
    if len(cells) < 6 or sum(map(len, cells)) > LONGEST_LINE:
        return RawRow(line, fault="This is no movement: it has too few or too long values.")
    day, kind, unique, description, written, sign = cells[:6]
    policy, reference, reason = [*cells[7:10], "", "", ""][:3]
    if sign not in ("+", "-"):
        return RawRow(line, fault="The sign of a movement is + or -.")
    named = policy or policy_number_in(reference, description) or policy_number or ""
    type_ = _type_of(kind.upper(), description, sign, bool(policy or reference or named))
    is_back = type_ is LineType.PREMIUM and sign == "-"
    code = _CODE.search(description)
    money = amount(written)
    if type_ is not LineType.PREMIUM and sign == "-" and not money.startswith("-"):
        money = f"-{money}"
    return RawRow(
        line,
        policy_number=named,
        paid_date=day,
        amount=money,
        reference=reference or unique,
        status=_status(description, is_back),
        reason_code=reason or (f"{int(code[1]):02}" if code and is_back else ""),
        description=description,
        bank_reference=f"bureau {unique}" if unique.strip("0") else None,
        line_type=type_,
    )


def _type_of(kind: str, description: str, sign: str, names_something: bool) -> LineType:
    if kind in _TYPES:
        return _TYPES[kind]
    if not names_something:
        for words, type_ in _WORDS:
            if words.search(description):
                return type_
        if sign == "-" and not _CAME_BACK.search(description):
            return LineType.DEBIT
    return LineType.PREMIUM


def _status(description: str, is_back: bool) -> str:
    if not is_back:
        return "PAID"
    return "DISPUTED" if _DISPUTED.search(description) else "UNPAID"


def _from_cents(text: str) -> str:
    if not re.fullmatch("[0-9]{1,13}", text, re.ASCII):
        return f"{text} cents"
    return f"{int(text) // 100}.{int(text) % 100:02}"


def _from_rand(text: str) -> str:
    amount = read_amount(text.removeprefix("-"))
    return text if amount is None else f"{Decimal(amount):.2f}"
