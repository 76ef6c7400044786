"""A row of a file: as it stands there, and read; what is wrong with it is said field by field."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

from insurance.billing.rules import plain_reference
from insurance.core.errors import DomainError
from insurance.core.money import ZERO, parse_money, to_cents
from insurance.debit_orders.rules import plain_code, says_success
from insurance.reconciliation.rules.numbers import policy_number_in

COLUMNS = (
    "policy_number",
    "due_date",
    "paid_date",
    "amount",
    "reference",
    "status",
    "reason_code",
)
MOST_MONEY = Decimal("1000000000.00")
"""No premium is as much as this: a larger amount is a mistake of the file."""
LONGEST_REFERENCE = 200
_ISO = re.compile(r"([0-9]{4})[-/]([0-9]{2})[-/]([0-9]{2})", re.ASCII)
_LOCAL = re.compile(r"([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})", re.ASCII)
_COMPACT = re.compile(r"((?:19|20|21)[0-9]{2})([0-9]{2})([0-9]{2})", re.ASCII)
_NAMED = re.compile(r"([0-9]{1,2})[- /]?([A-Za-z]{3,9})[- /,]*([0-9]{4})", re.ASCII)
_TIME = re.compile(
    r"(?<=[0-9])[T ]+[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)? ?(Z|[+-][0-9:]{4,5})?$"
)
_SERIAL = re.compile(r"[345][0-9]{4}(\.[0-9]+)?", re.ASCII)
_FIRST_SERIAL = date(1899, 12, 30)
_MONTHS = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
} | {"mrt": 3, "mei": 5, "okt": 10, "des": 12}
_NOISE = re.compile(r"-?[0-9]{1,13}[.,][0-9]{4,30}", re.ASCII)
_THOUSANDS = re.compile(r"-?[0-9]{1,3}((,[0-9]{3})+\.|(\.[0-9]{3})+,)[0-9]{2}", re.ASCII)
_LITTLE = Decimal("0.000001")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


class RowOutcome(StrEnum):
    """What the bank says of a payment."""

    PAID = "PAID"
    UNPAID = "UNPAID"
    DISPUTED = "DISPUTED"


class LineType(StrEnum):
    """What a line of a bank's file is about. Only PREMIUM may be money of a policy."""

    PREMIUM = "PREMIUM"
    DEBIT = "DEBIT"
    FEE = "FEE"
    INTEREST = "INTEREST"
    TRANSFER = "TRANSFER"
    REDIRECT = "REDIRECT"
    PENDING = "PENDING"
    NOTE = "NOTE"


class RoundedNumber(str):
    """The text of a number with more digits than a spreadsheet keeps."""


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row as text. `fault` says why the line could not be taken apart.

    `description` is what the bank wrote beside the payer's reference; `bank_reference` the bank's
    own number of this one movement, with its account, None where the file has none. The amount of
    a line that is no premium has a minus where money went out. `caution` is what a person should
    know before trusting the row.
    """

    line: int
    policy_number: str = ""
    due_date: str = ""
    paid_date: str = ""
    amount: str = ""
    reference: str = ""
    status: str = ""
    reason_code: str = ""
    fault: str | None = None
    description: str = ""
    bank_reference: str | None = None
    line_type: LineType = LineType.PREMIUM
    caution: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row that makes sense. `amount` is in rand and more than nothing.

    The number of its policy, its reference and, for what came back, its day may be missing.
    `occurrence` counts the rows of a file that are `alike`.
    """

    line: int
    policy_number: str
    due_date: date | None
    paid_date: date
    amount: Decimal
    reference: str
    outcome: RowOutcome
    reason_code: str | None
    bank_reference: str | None = None
    occurrence: int = 1

    @property
    def payer_key(self) -> str:
        """Return whom it names, as payers are compared."""
        return plain_reference(self.policy_number)

    @property
    def reference_key(self) -> str:
        """Return its reference as references are compared."""
        return plain_reference(self.reference)

    @property
    def movement(self) -> "Movement":
        """Return what it agrees in with another row or receipt of the same money."""
        return (self.payer_key, self.reference_key, self.paid_date, self.amount)

    @property
    def alike(self) -> tuple[object, ...]:
        """Return what rows are counted by within a file."""
        if self.bank_reference is not None:
            return (self.outcome, self.bank_reference, self.payer_key, self.paid_date, self.amount)
        return (self.outcome, *self.movement)


Movement = tuple[str, str, date, Decimal]
"""Payer, reference, day paid and amount, as they are compared."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a field of a row."""

    field: str
    message: str


def read_row(raw: RawRow, *, on: date) -> Row | list[Fault]:
    """Return a row, or everything that is wrong with it.

    `on` is the business day: nothing was paid after it. A row that is not about money received
    needs no date of payment, but a reference.
    """
    if raw.fault is not None:
        return [Fault("line", raw.fault)]
    faults: list[Fault] = []
    outcome = _outcome(raw.status, faults)
    paid_date = _day(raw.paid_date, "paid_date", faults)
    due_date = _day(raw.due_date, "due_date", faults)
    amount = _amount(raw.amount, faults)
    number = _policy_number(raw, faults)
    is_money = outcome is RowOutcome.PAID
    reference = _text(
        raw.reference, "reference", faults, longest=LONGEST_REFERENCE, is_needed=not is_money
    )
    reason = _text(raw.reason_code, "reason_code", faults, longest=40, is_needed=False)
    if is_money:
        _check_paid_date(raw.paid_date, paid_date, on, faults)
    elif says_success(reason):
        faults.append(
            Fault("reason_code", f"{reason} says that it was paid: is this row unpaid or paid?")
        )
    if faults:
        return faults
    return Row(
        line=raw.line,
        policy_number=number,
        due_date=due_date,
        paid_date=paid_date or on,
        amount=amount,
        reference=reference,
        outcome=outcome,
        reason_code=plain_code(reason),
        bank_reference=raw.bank_reference or None,
    )


def _policy_number(raw: RawRow, faults: list[Fault]) -> str:
    given = _text(raw.policy_number, "policy_number", faults, longest=40, is_needed=False)
    return given.upper() or policy_number_in(raw.reference, raw.description)


def is_about_money(raw: RawRow) -> bool:
    """Tell whether a row says that money came in, however little else of it can be read."""
    is_back = raw.status.strip().upper() in (RowOutcome.UNPAID, RowOutcome.DISPUTED)
    return raw.line_type is LineType.PREMIUM and not is_back


def find_amount(raw: RawRow) -> Decimal | None:
    """Return the amount of a row that has faults, in rand; None where there is none to read."""
    amount = read_amount(raw.amount) if raw.amount.strip() else None
    return amount if amount is not None and ZERO < amount < MOST_MONEY else None


def _outcome(text: str, faults: list[Fault]) -> RowOutcome:
    word = text.strip().upper() or RowOutcome.PAID.value
    if word not in RowOutcome.__members__:
        faults.append(Fault("status", "This is PAID, UNPAID or DISPUTED."))
        return RowOutcome.PAID
    return RowOutcome(word)


def _check_paid_date(text: str, paid: date | None, on: date, faults: list[Fault]) -> None:
    if paid is None:
        if not text.strip():
            faults.append(Fault("paid_date", "This is missing."))
    elif paid > on:
        faults.append(Fault("paid_date", "A payment cannot be dated in the future."))


def _day(text: str, field: str, faults: list[Fault]) -> date | None:
    if not text.strip():
        return None
    found = read_day(text.strip())
    if found is None:
        faults.append(Fault(field, "This is not a date such as 2026-11-20 or 20/11/2026."))
    return found


@lru_cache(maxsize=4096)
def read_day(text: str) -> date | None:
    """Return the day that a text unambiguously says, with or without a time; else None.

    Of two numbers before a year the first is the day, as in this country. A bare number of five
    digits is what Excel counts its days by.
    """
    plain = _TIME.sub("", text.strip())
    if found := _ISO.fullmatch(plain):
        year, month, day = found.groups()
    elif found := _LOCAL.fullmatch(plain):
        day, month, year = found.groups()
    elif found := _COMPACT.fullmatch(plain):
        year, month, day = found.groups()
    elif found := _NAMED.fullmatch(plain):
        day, name, year = found.groups()
        month = str(_MONTHS.get(name[:3].lower(), 0))
    elif _SERIAL.fullmatch(plain):
        return _FIRST_SERIAL + timedelta(days=int(plain.split(".")[0]))
    else:
        return None
    try:
        read = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return read if 1900 <= read.year <= 2200 else None


def _amount(text: str, faults: list[Fault]) -> Decimal:
    if not text.strip():
        faults.append(Fault("amount", "This is missing."))
        return ZERO
    amount = read_amount(text)
    if amount is None:
        faults.append(Fault("amount", "This is not an amount such as 1234.56 or 1234,56."))
        return ZERO
    if amount <= ZERO:
        faults.append(Fault("amount", "A payment is more than nothing."))
    elif amount >= MOST_MONEY:
        faults.append(Fault("amount", "This is more than any premium."))
    return amount


@lru_cache(maxsize=4096)
def read_amount(text: str) -> Decimal | None:
    """Return an amount in rand, with a minus where it has one; None for what is none.

    Decimals beyond the cent are read where they are noise of a spreadsheet, such as
    310.09999999999997 or 310.1000; thousands where point and comma leave no doubt.
    """
    plain = text.strip()[:60]
    if _THOUSANDS.fullmatch(plain):
        whole, cents = plain[:-3], plain[-2:]
        plain = f"{whole.replace(',', '').replace('.', '')}.{cents}"
    elif _NOISE.fullmatch(plain):
        exact = Decimal(plain.replace(",", "."))
        amount = to_cents(exact)
        return amount + ZERO if abs(exact - amount) < _LITTLE else None
    try:
        return parse_money(plain)
    except DomainError:
        return None


def _text(
    text: str, field: str, faults: list[Fault], *, longest: int, is_needed: bool = True
) -> str:
    plain = text.strip() if text.isascii() else unicodedata.normalize("NFC", text).strip()
    if _UNPRINTABLE.search(plain):
        faults.append(Fault(field, "This holds characters that cannot be read."))
    elif len(plain) > longest:
        faults.append(Fault(field, f"This has more than {longest} characters."))
    elif is_needed and not plain:
        faults.append(Fault(field, "This is missing."))
    return plain
