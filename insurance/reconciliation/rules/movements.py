"""Which movement of money a row is: one that the books know, other money, or a doubt."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from uuid import UUID

from insurance.billing.rules import OpenLine
from insurance.core.money import format_money
from insurance.reconciliation.rules.rows import Movement, Row


@dataclass(frozen=True, slots=True, eq=False)
class KnownReceipt:
    """A payment that came before. `settled` says what it settled of each line; money is in rand.

    `status` is POSTED, SUSPENSE or REVERSED. One that an earlier row of the same file makes has
    that row's `line` and no `id` yet; `source` names how the file was written that it came in,
    None for one by hand. `is_of_this_file`: a row of the file at hand has made or repeated it.
    """

    policy_id: UUID | None
    amount: Decimal
    status: str = "POSTED"
    is_refunded: bool = False
    settled: tuple[OpenLine, ...] = field(default=())
    id: UUID | None = None
    line: int | None = None
    payer_key: str = ""
    reference_key: str = ""
    received_on: date = date.min
    bank_reference: str | None = None
    source: str | None = None
    is_of_this_file: bool = False

    @property
    def movement(self) -> Movement:
        """Return what it agrees in with a row of the same money."""
        return (self.payer_key, self.reference_key, self.received_on, self.amount)


@dataclass(frozen=True, slots=True)
class Recognition:
    """A payment that a row repeats, for certain, or perhaps: then a person decides."""

    is_certain: bool
    words: str
    receipt: KnownReceipt | None = None


def recognise(
    row: Row,
    agreeing: Sequence[KnownReceipt],
    numbered: Sequence[KnownReceipt],
    source: str | None = None,
) -> Recognition | None:
    """Tell whether a row of money received is known; None for other money, which is posted.

    The bank's own number decides where the row has one. Else payer, day, amount and reference do,
    and how many such rows the file holds: as many as the books know are known, one more waits for
    a person. Numbers of files that are written in two ways (`source`) say nothing of one another.
    `agreeing` and `numbered` come in the order they were received.
    """
    if row.bank_reference is None:
        return _by_what_it_says(row, agreeing)
    same = [
        one
        for one in numbered
        if (one.payer_key, one.received_on, one.amount)
        == (row.payer_key, row.paid_date, row.amount)
    ]
    if row.occurrence <= len(same):
        return Recognition(True, _before(same[row.occurrence - 1]), same[row.occurrence - 1])
    if row.occurrence > 1:
        return Recognition(False, _twice("with the bank's own number"))
    elsewhere = [one for one in numbered if not one.is_of_this_file]
    if elsewhere:
        return Recognition(
            False,
            f"The bank's number {row.bank_reference} was posted before, for"
            f" {_of(elsewhere[0])}: is this other money?",
        )
    otherwise = [
        one
        for one in agreeing
        if not one.is_of_this_file and (one.bank_reference is None or one.source != source)
    ]
    if otherwise:
        return Recognition(
            False,
            "A payment from elsewhere, without this number, agrees in payer, day, amount and"
            f" reference, {_of(otherwise[0])}: is this other money?",
        )
    return None


def _by_what_it_says(row: Row, agreeing: Sequence[KnownReceipt]) -> Recognition | None:
    # What another row of the file has by its number is not this row.
    free = [one for one in agreeing if one.bank_reference is None or not one.is_of_this_file]
    if row.occurrence <= len(free):
        receipt = free[row.occurrence - 1]
        return Recognition(True, _before(receipt), receipt)
    if row.occurrence > 1 or len(free) < len(agreeing):
        return Recognition(False, _twice("with the same payer, day, amount and reference"))
    return None


def _before(receipt: KnownReceipt) -> str:
    if receipt.status == "REVERSED":
        return "This payment was posted before and has been taken back; nothing is posted again."
    return "This payment was posted before; nothing is posted again."


def _twice(how: str) -> str:
    return f"This row stands more than once in the file, {how}: is it other money?"


def _of(receipt: KnownReceipt) -> str:
    return f"{format_money(receipt.amount)} on {receipt.received_on:%Y/%m/%d}"
