"""What is asked for and what is answered, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from insurance.products.rules import MAIN_MEMBER
from insurance.quotes.rules.objects import QuotedObject

MAIN = MAIN_MEMBER


@dataclass(frozen=True, slots=True)
class Life:
    """A life to be insured. Either the age or the date of birth is known.

    Its numbers are what was typed; what is kept of them are the references.
    """

    relationship: str = MAIN
    age: int | None = None
    gender: str | None = None
    date_of_birth: date | None = None
    first_name: str = ""
    last_name: str = ""
    id_number: str | None = field(default=None, repr=False)
    passport_number: str | None = field(default=None, repr=False)
    passport_country: str | None = None
    id_number_ref: UUID | None = None
    passport_ref: UUID | None = None

    @property
    def name(self) -> str:
        """Return the full name, empty where it was not given."""
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True, slots=True)
class QuoteRequest:
    """What a customer asks for. Overrides are sums assured per benefit code.

    `age` and `gender` are the main member's where the lives do not say them. An object's value is
    its sum assured; `rating_inputs` hold for every object that does not state its own. A start that
    is stated is the policy's start; otherwise the price is made for the day it was asked for.
    """

    effective_date: date
    states_start: bool = False
    age: int | None = None
    gender: str | None = None
    sum_assured: Decimal | None = None
    term_years: int | None = None
    frequency: str = "MONTHLY"
    rating_inputs: Mapping[str, str] = field(default_factory=dict)
    benefit_overrides: Mapping[str, Decimal] = field(default_factory=dict)
    excluded_benefits: frozenset[str] = frozenset()
    lives: tuple[Life, ...] = ()
    objects: tuple[QuotedObject, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PricedBenefit:
    """The price of one benefit on one life or object, and how it came about.

    `life` is its place among the request's lives; None for the policy as a whole, and for a main
    member who is not among them. `object` is its place among the request's objects. The main
    benefit's sum assured is the headline cover.
    """

    benefit_code: str
    benefit_name: str
    benefit_type: str
    member_role: str
    life: int | None
    life_name: str
    sum_assured: Decimal
    rate: Decimal | None
    rate_basis: str
    monthly_premium: Decimal
    pricing_method: str
    waiting_period_days: int
    worksheet: Mapping[str, Any]
    is_main: bool = False
    object: int | None = None
    object_name: str = ""
    excess_amount: Decimal = Decimal(0)
    excess_per_cent: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class PricedQuote:
    """A price. `instalment` is what falls due each time at the chosen frequency."""

    monthly_premium: Decimal
    annual_premium: Decimal
    instalment: Decimal
    frequency: str
    sum_assured: Decimal
    age: int | None
    gender: str | None
    term_years: int
    pricing_method: str
    lives: tuple[Life, ...]
    benefits: tuple[PricedBenefit, ...]
    objects: tuple[QuotedObject, ...] = ()
