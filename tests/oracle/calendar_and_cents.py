"""Days counted from an anchor, and cents rounded once."""

from calendar import monthrange
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
MONTHS = {"MONTHLY": 1, "QUARTERLY": 3, "HALF_YEARLY": 6, "ANNUAL": 12}


def cents(exact: Fraction | Decimal | int) -> Decimal:
    """Return an exact amount rounded half up to the cent, away from zero where it is a tie."""
    ratio = Fraction(exact)
    scaled = abs(ratio) * 100
    whole = int(scaled)
    if scaled - whole >= Fraction(1, 2):
        whole += 1
    amount = (Decimal(whole) / 100).quantize(CENT, ROUND_HALF_UP)
    return -amount if ratio < 0 else amount


def months_after(anchor: date, months: int, day: int | None = None) -> date:
    """Return the day so many months after an anchor: its own day, or a shorter month's last."""
    count = anchor.year * 12 + anchor.month - 1 + months
    year, month = count // 12, count % 12 + 1
    return date(year, month, min(day or anchor.day, monthrange(year, month)[1]))


def share(amount: Decimal, days: int, of: int) -> Decimal:
    """Return the part of an amount that falls on some of its days, rounded once."""
    return cents(Fraction(amount) * days / of)
