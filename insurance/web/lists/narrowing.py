"""What a person narrows a list by: fields above it and tabs, all of them in the address."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.money import parse_money
from insurance.products.queries import list_product_names
from insurance.web.filters import words
from insurance.web.forms import clean_text, parse_day

Choices = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Field:
    """A field above a list. `choices` are offered from the list's facts where it is a choice.

    The kinds are search, text, number (of a record), day, amount, choice and tick. `stands` is the day that holds where
    none is typed.
    """

    name: str
    label: str
    kind: str = "text"
    choices: Callable[[Any], Choices] | None = None
    empty: str = "All"
    hint: str = ""
    stands: date | None = None

    def read(self, typed: str, facts: Any) -> Any:
        """Return what was typed as a value, None where there is none. Raises ValueError in words.

        What is not on a list of choices narrows nothing.
        """
        plain = " ".join(clean_text(typed).replace("\0", "").split())[:200]
        if not plain:
            return None
        if self.choices is not None:
            return plain if plain in {value for value, _name in self.choices(facts)} else None
        return _READERS[self.kind](plain)


def _amount(typed: str) -> Any:
    try:
        return parse_money(typed)
    except DomainError as error:
        raise ValueError(error.message) from error


_READERS: dict[str, Callable[[str], Any]] = {
    "search": str,
    "text": str,
    "number": str.upper,
    "day": parse_day,
    "amount": _amount,
    "tick": lambda typed: True if typed == "1" else None,
}


def product_field() -> Field:
    """Return the choice of a product."""
    return Field("product", "Product", choices=_products, empty="All products")


def _products(_facts: Any) -> Choices:
    return [(str(product.id), product.name) for product in list_product_names(db.session())]


def policy_field() -> Field:
    """Return the field for the number of a policy."""
    return Field("policy", "Policy", "number", hint="PL-2026-000123")


def period(since: date, until: date, first: str = "From") -> tuple[Field, Field]:
    """Return the fields of a period, in which the days stand that were asked for (web/days.py)."""
    return (
        Field("from", first, "day", stands=since),
        Field("to", "To", "day", stands=until),
    )


def search(label: str) -> Field:
    """Return the search field of a list."""
    return Field("q", label, "search")


@dataclass(frozen=True)
class Tab:
    """A tab: its value in the address, its name, and how many rows it has if that is known."""

    value: str
    name: str
    count: int | str | None = None


def tabs_of(
    kinds: Iterable[StrEnum], counts: Mapping[Any, int] | None = None, *, every: int | None = None
) -> list[Tab]:
    """Return a tab for each kind after one for all of them, with their counts where they are known."""
    known = counts or {}
    return [Tab("", "All", every), *(Tab(kind, words(kind), known.get(kind)) for kind in kinds)]
