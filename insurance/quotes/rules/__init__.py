"""What cover costs, what a quote must answer, and when it may become a policy."""

from insurance.quotes.rules.answers import answer_errors
from insurance.quotes.rules.objects import (
    MAX_DRIVERS,
    MAX_OBJECTS,
    QuotedObject,
    check_value,
    excess_of,
    excess_words,
    object_name,
    rating_facts,
    read_drivers,
    read_object,
    registration_key,
)
from insurance.quotes.rules.offers import (
    SUPERSEDED,
    check_can_be_accepted,
    check_posted_premium,
    check_start_can_be_met,
    start_of_policy,
)
from insurance.quotes.rules.pricing import (
    MAX_TERM_YEARS,
    benefit_premium,
    instalment,
    modal_factor,
    price_cover,
    price_quote,
)
from insurance.quotes.rules.requests import MAIN, Life, PricedBenefit, PricedQuote, QuoteRequest

__all__ = [
    "SUPERSEDED",
    "MAIN",
    "MAX_DRIVERS",
    "MAX_OBJECTS",
    "MAX_TERM_YEARS",
    "QuotedObject",
    "Life",
    "PricedBenefit",
    "PricedQuote",
    "QuoteRequest",
    "answer_errors",
    "benefit_premium",
    "check_can_be_accepted",
    "check_posted_premium",
    "check_start_can_be_met",
    "check_value",
    "excess_of",
    "excess_words",
    "instalment",
    "modal_factor",
    "object_name",
    "price_cover",
    "price_quote",
    "rating_facts",
    "read_drivers",
    "read_object",
    "registration_key",
    "start_of_policy",
]
