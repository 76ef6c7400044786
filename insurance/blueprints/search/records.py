"""Records that the search box finds, and those that a person worked on last."""

from collections.abc import Callable, Iterator
from uuid import UUID

from flask import url_for
from sqlalchemy.orm import Session

from insurance.audit_logs.queries import list_last_worked_on
from insurance.blueprints.search.result import SearchResult
from insurance.claims.permissions import ClaimsMay
from insurance.claims.queries import ClaimLine, get_claim_line, list_claims
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.errors import NotFoundError
from insurance.core.listing import Wanted
from insurance.core.permissions import Permission
from insurance.customers.models import Customer
from insurance.customers.permissions import CustomersMay
from insurance.customers.queries import get_customer, list_customers
from insurance.policies.permissions import PoliciesMay
from insurance.policies.queries import PolicyLine, get_policy_line, list_policies
from insurance.quotes.permissions import QuotesMay
from insurance.quotes.queries import list_quote_rows
from insurance.web.filters import phone, words

_EACH = 6
_LAST = 5
_LONGEST = len("2026000040")

Group = tuple[str, list[SearchResult]]


def find_records(session: Session, q: str) -> Iterator[Group]:
    """Find by kind the records that answer to what was typed and that the person may see."""
    may = current_actor().may
    groups: list[Group] = []
    if may(CustomersMay.VIEW):
        customers = list_customers(session, q=q, limit=_EACH).items
        groups.append(("Customers", [_customer(customer) for customer in customers]))
    if may(PoliciesMay.VIEW):
        policies = list_policies(session, q=q, limit=_EACH).items
        groups.append(("Policies", [_policy(line) for line in policies]))
    # A name is a person's, and a number a policy's: Enter opens the first.
    yield from reversed(groups) if any(sign.isdigit() for sign in q) else groups
    # Digits alone are part of a number; whose quotes and claims a name finds is on the customer.
    if may(QuotesMay.VIEW) and (q.upper().startswith("QT-") or is_digits(q)):
        yield "Quotes", _quotes(session, q)
    if may(ClaimsMay.VIEW) and (q.upper().startswith("CLM-") or is_digits(q)):
        lines = list_claims(session, limit=_EACH, now=clock.now(), q=q).items
        yield "Claims", [_claim(line) for line in lines]


def is_digits(q: str) -> bool:
    """Tell digits of a record's number, year and all, from an ID number, which has more."""
    digits = q.replace("-", "")
    return q.isascii() and digits.isdigit() and len(digits) <= _LONGEST


def list_my_last(session: Session) -> list[SearchResult]:
    """Return the records that the person did something to last, newest first."""
    kinds = {name: show for name, (may, show) in _KINDS.items() if current_actor().may(may)}
    found = []
    for kind, record_id in list_last_worked_on(session, current_actor().email, kinds, limit=_LAST):
        try:
            found.append(kinds[kind](session, record_id))
        except NotFoundError:
            continue
    return found


def _policy(line: PolicyLine) -> SearchResult:
    return SearchResult(
        line.policy.policy_number,
        f"{line.customer_name}, {line.policy.status}",
        url_for("policies.show", policy_id=line.policy.id),
        "file-text",
    )


def _customer(customer: Customer) -> SearchResult:
    return SearchResult(
        customer.display_name,
        phone(customer.phone) if customer.phone else customer.registration_number or "",
        url_for("customers.show", customer_id=customer.id),
        "user",
    )


def _quotes(session: Session, q: str) -> list[SearchResult]:
    return [
        SearchResult(
            row.quote_number,
            row.customer_name,
            url_for("quotes.show", quote_id=row.id),
            "calculator",
        )
        for row in list_quote_rows(session, Wanted({"q": q}, limit=_EACH)).items
    ]


def _claim(line: ClaimLine) -> SearchResult:
    return SearchResult(
        line.claim.claim_number,
        f"{line.customer_name}, {words(line.claim.status.value).lower()}",
        url_for("claims.show", claim_id=line.id),
        "clipboard-list",
    )


_KINDS: dict[str, tuple[Permission, Callable[[Session, UUID], SearchResult]]] = {
    "policies": (PoliciesMay.VIEW, lambda session, key: _policy(get_policy_line(session, key))),
    "claims": (ClaimsMay.VIEW, lambda session, key: _claim(get_claim_line(session, key))),
    "customers": (CustomersMay.VIEW, lambda session, key: _customer(get_customer(session, key))),
}
