"""Letters about quotes: the quote itself, and words of one's own."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.core.money import format_money
from insurance.core.tenancy import current_org
from insurance.core.text import code_in_words
from insurance.correspondence.kinds import LetterTemplate, Paper, RecordFacts
from insurance.correspondence.letters import own_words
from insurance.customers.queries import get_customer
from insurance.organizations.queries import get_organization
from insurance.products.queries import load_terms
from insurance.quotes import queries
from insurance.quotes.models import Quote
from insurance.quotes.rules import excess_words


def facts_of(session: Session, quote_id: UUID) -> RecordFacts:
    """Return a quote as its letters name it: its customer is written to. Raises NotFoundError."""
    quote = queries.get_quote(session, quote_id)
    customer = get_customer(session, quote.customer_id)
    return RecordFacts(quote.quote_number, customer.id, customer.display_name, customer.email)


def find_mail_values(session: Session, number: str) -> Mapping[str, str] | None:
    """Return what mails say of the quote with a number, or None where there is none."""
    quote_id = session.scalar(
        select(Quote.id).where(Quote.org_id == current_org(), Quote.quote_number == number)
    )
    if quote_id is None:
        return None
    line = queries.get_quote_line(session, quote_id)
    return {
        "number": number,
        "name": line.customer_name,
        "product": line.product_name,
        "premium": format_money(line.quote.monthly_premium),
        "expires_on": f"{line.quote.expires_on:%Y/%m/%d}",
    }


def write_quote(session: Session, quote_id: UUID, _on: date, _wording: str) -> Paper:
    """Return a quote on paper, as it was priced."""
    line = queries.get_quote_line(session, quote_id)
    quote = line.quote
    of_lives = load_terms(session, quote.product_version_id).insures_persons
    values: dict[str, Any] = {
        "of_lives": of_lives,
        "insurer": get_organization(session).name,
        "number": quote.quote_number,
        "customer": line.customer_name,
        "product": line.product_name,
        "priced_on": f"{quote.priced_on:%Y/%m/%d}",
        "expires_on": f"{quote.expires_on:%Y/%m/%d}",
        "term": f"{quote.term_years} years",
        "cover": format_money(quote.sum_assured),
        "premium": format_money(quote.monthly_premium),
        "annual": format_money(quote.annual_premium),
        "benefits": [
            [
                part["benefit_name"],
                part["life_name"] or code_in_words(part["member_role"])
                if of_lives
                else part.get("object_name") or "–",
                format_money(Decimal(part["sum_assured"])),
                f"{part['waiting_period_days']} days" if of_lives else excess_of(part) or "none",
                format_money(Decimal(part["monthly_premium"])),
            ]
            for part in quote.benefit_premiums
        ],
    }
    return Paper("quote.typ", values)


def excess_of(part: Mapping[str, Any]) -> str:
    """Return the excess of a priced benefit in words; a quote from before has none."""
    amount, per_cent = part.get("excess_amount", "0"), part.get("excess_per_cent", "0")
    return excess_words(Decimal(amount), Decimal(per_cent))


LETTERS = (LetterTemplate("quote", "Quote", write_quote), own_words("quotes"))
