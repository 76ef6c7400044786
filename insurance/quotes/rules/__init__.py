"""What cover costs, what a quote must answer, and when it may become a policy."""

from insurance.quotes.rules.answers import answer_errors
from insurance.quotes.rules.offers import (
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
    "MAIN",
    "MAX_TERM_YEARS",
    "Life",
    "PricedBenefit",
    "PricedQuote",
    "QuoteRequest",
    "answer_errors",
    "benefit_premium",
    "check_can_be_accepted",
    "check_posted_premium",
    "check_start_can_be_met",
    "instalment",
    "modal_factor",
    "price_cover",
    "price_quote",
    "start_of_policy",
]
