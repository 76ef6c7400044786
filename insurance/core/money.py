"""Money is Decimal, in rand, rounded half up to the cent."""

import re
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

from insurance.core.errors import DomainError

ZERO = Decimal("0.00")
CENT = Decimal("0.01")
_SPACE = "\u00a0"
_WRITTEN = re.compile(r"-?[0-9]{1,13}(?:[.,][0-9]{1,2})?", re.ASCII)
_GROUPED = re.compile(r"-?[0-9]{1,3}(?: [0-9]{3})+(?:[.,][0-9]{1,2})?", re.ASCII)


def to_cents(amount: Decimal) -> Decimal:
    """Round half up to the cent."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Add up; the sum of nothing is 0.00."""
    return sum(amounts, ZERO)


def split(amount: Decimal, parts: int) -> list[Decimal]:
    """Divide an amount into parts that add up to it; the first ones take the odd cents."""
    if parts < 1:
        raise ValueError("An amount is split into at least one part.")
    cents = int(to_cents(amount) / CENT)
    each, odd = divmod(abs(cents), parts)
    sign = 1 if cents >= 0 else -1
    return [sign * (each + (index < odd)) * CENT for index in range(parts)]


def parse_money(text: str) -> Decimal:
    """Read what people type: `1 234,56`, `1234.56`, `R1 234,56`, `-R 50,00`.

    Raises DomainError for anything else: letters, exponents, more than two decimals or more than
    13 digits before them.
    """
    plain = re.sub(r"[\s\u00a0\u202f]+", " ", text).strip()
    plain = re.sub(r"^(-?) ?R ?", r"\1", plain)
    if _GROUPED.fullmatch(plain):
        plain = plain.replace(" ", "")
    if not _WRITTEN.fullmatch(plain):
        raise DomainError("Enter an amount in rand and cents, such as 1 234,56.")
    return Decimal(plain.replace(",", ".")).quantize(CENT) + ZERO  # minus nothing is nothing


def format_money(amount: Decimal, decimals: int = 2) -> str:
    """Return `R 1 234,56` with non-breaking spaces; a negative amount starts `-R`."""
    shown = amount.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    written = f"{abs(shown):,f}".replace(",", _SPACE).replace(".", ",")
    return f"{'-' if shown < 0 else ''}R{_SPACE}{written}"
