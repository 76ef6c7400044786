"""One box that finds customers, policies, quotes and pages."""

from dataclasses import dataclass

from flask import Response, request, url_for

from insurance.claims.permissions import ClaimsMay
from insurance.claims.queries import ClaimLine, list_claims
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.listing import Wanted
from insurance.customers.permissions import CustomersMay
from insurance.customers.queries import list_customers
from insurance.policies.permissions import PoliciesMay
from insurance.policies.queries import list_policies
from insurance.quotes.permissions import QuotesMay
from insurance.quotes.queries import list_quote_rows
from insurance.web.access import signed_in, tenant_blueprint
from insurance.web.filters import words
from insurance.web.html import page
from insurance.web.navigation import rail

bp = tenant_blueprint("search", __name__, "/search")
_EACH = 6
_LONGEST = len("2026000040")


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Something found, and where it is."""

    title: str
    detail: str
    url: str
    icon: str


@bp.route("")
@signed_in
def palette() -> Response:
    """Show what the search box found; nothing typed shows the pages."""
    q = " ".join(request.args.get("q", "").split())[:100]
    groups = [("Go to", _pages(q))]
    if len(q) >= 2 or not q.isascii():
        groups = [*_records(q), *groups]
    return page("search/palette.html", part="results", q=q, groups=groups)


def _records(q: str) -> list[tuple[str, list[SearchResult]]]:
    session, may = db.session(), current_actor().may
    groups = []
    if may(PoliciesMay.VIEW):
        groups.append(
            (
                "Policies",
                [
                    SearchResult(
                        line.policy.policy_number,
                        f"{line.customer_name}, {line.policy.status}",
                        url_for("policies.show", policy_id=line.id),
                        "file-text",
                    )
                    for line in list_policies(session, q=q, limit=_EACH).items
                ],
            )
        )
    if may(CustomersMay.VIEW):
        groups.append(
            (
                "Customers",
                [
                    SearchResult(
                        customer.display_name,
                        customer.phone or customer.registration_number or "",
                        url_for("customers.show", customer_id=customer.id),
                        "user",
                    )
                    for customer in list_customers(session, q=q, limit=_EACH).items
                ],
            )
        )
    # Digits alone are part of a number; whose quotes and claims a name finds is on the customer.
    if may(QuotesMay.VIEW) and (q.upper().startswith("QT-") or _is_digits(q)):
        groups.append(
            (
                "Quotes",
                [
                    SearchResult(
                        row.quote_number,
                        row.customer_name,
                        url_for("quotes.show", quote_id=row.id),
                        "calculator",
                    )
                    for row in list_quote_rows(session, Wanted({"q": q}, limit=_EACH)).items
                ],
            )
        )
    if may(ClaimsMay.VIEW) and (q.upper().startswith("CLM-") or _is_digits(q)):
        found = list_claims(session, limit=_EACH, now=clock.now(), q=q).items
        groups.append(("Claims", [_claim(line) for line in found]))
    return groups


def _is_digits(q: str) -> bool:
    """Tell digits of a record's number, year and all, from an ID number, which has more."""
    digits = q.replace("-", "")
    return q.isascii() and digits.isdigit() and len(digits) <= _LONGEST


def _claim(line: ClaimLine) -> SearchResult:
    return SearchResult(
        line.claim.claim_number,
        f"{line.customer_name}, {words(line.claim.status.value).lower()}",
        url_for("claims.show", claim_id=line.id),
        "clipboard-list",
    )


def _pages(q: str) -> list[SearchResult]:
    pages = [
        SearchResult(item.name, "", item.url, item.icon)
        for _group, items in rail()
        for item in items
    ]
    if current_actor().may(QuotesMay.CREATE):
        pages.append(SearchResult("New quote", "", url_for("quotes.create"), "calculator"))
    if current_actor().may(CustomersMay.EDIT):
        pages.append(SearchResult("New customer", "", url_for("customers.create"), "user"))
    return [found for found in pages if q.lower() in found.title.lower()]
