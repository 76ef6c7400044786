"""How a happening becomes transfers: one debit, one credit and one positive amount each."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from insurance.core.money import ZERO, to_cents

HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Leg:
    """One transfer of a journal, before it is posted."""

    type: str
    description: str
    debit_account: str
    credit_account: str
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
    legs = [
        Leg("PREMIUM_DUE", "Premium due", "PREMIUM_DEBTORS", "PREMIUM_INCOME", net),
        Leg("PREMIUM_VAT", "VAT on premium", "PREMIUM_DEBTORS", "VAT_OUTPUT", vat),
    ]
    return [leg for leg in legs if leg.amount > 0]
