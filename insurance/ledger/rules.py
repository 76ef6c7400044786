"""How a happening becomes transfers: one debit, one credit and one positive amount each."""

from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from insurance.core.money import ZERO, to_cents

HUNDRED = Decimal(100)


class AccountCode(StrEnum):
    """The accounts of every organization's chart, by their codes."""

    BANK = "BANK"
    PREMIUM_DEBTORS = "PREMIUM_DEBTORS"
    UNAPPLIED_CREDIT = "UNAPPLIED_CREDIT"
    SUSPENSE = "SUSPENSE"
    REFUNDS_PAYABLE = "REFUNDS_PAYABLE"
    VAT_OUTPUT = "VAT_OUTPUT"
    OUTSTANDING_CLAIMS = "OUTSTANDING_CLAIMS"
    PREMIUM_INCOME = "PREMIUM_INCOME"
    CLAIMS_RECOVERED = "CLAIMS_RECOVERED"
    CLAIMS_INCURRED = "CLAIMS_INCURRED"
    PREMIUM_WAIVED = "PREMIUM_WAIVED"


class Leg(NamedTuple):
    """One transfer of a journal, before it is posted."""

    type: str
    description: str
    debit_account: AccountCode
    credit_account: AccountCode
    amount: Decimal


def booked_on(day: date, closed_through: date | None) -> date | None:
    """Return the first open day for what happened on a day that lies in closed books, else None."""
    if closed_through is None or day > closed_through:
        return None
    return closed_through + timedelta(days=1)


def split_vat(inclusive: Decimal, rate: Decimal) -> tuple[Decimal, Decimal]:
    """Return (net, VAT) of a VAT-inclusive amount; `rate` in per cent. The two add up to it."""
    vat = to_cents(inclusive * rate / (HUNDRED + rate))
    return inclusive - vat, vat


def due_premium_legs(amount: Decimal, vat_rate: Decimal | None) -> list[Leg]:
    """Return the transfers that charge a premium.

    Life premium is exempt from VAT (`vat_rate` None); non-life premium includes it at the rate of
    its due date (Value-Added Tax Act 89 of 1991, sections 2 and 7).
    """
    net, vat = (amount, ZERO) if vat_rate is None else split_vat(amount, vat_rate)
    debtors = AccountCode.PREMIUM_DEBTORS
    legs = [
        Leg("PREMIUM_DUE", "Premium due", debtors, AccountCode.PREMIUM_INCOME, net),
        Leg("PREMIUM_VAT", "VAT on premium", debtors, AccountCode.VAT_OUTPUT, vat),
    ]
    return [leg for leg in legs if leg.amount > 0]
