"""The list of customers, with search as one types."""

from flask import Response, url_for

from insurance.blueprints.customers import bp
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.customers.permissions import CustomersMay
from insurance.customers.privacy import birth_words
from insurance.customers.queries import CustomerRow, list_customer_rows
from insurance.policies.permissions import PoliciesMay
from insurance.policies.queries import list_policies
from insurance.quotes.permissions import QuotesMay
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.filters import money

_NEW = lists.new("New customer", "customers.create", CustomersMay.EDIT)


@bp.route("", methods=["GET", "POST"])
@requires(CustomersMay.VIEW)
def index() -> Response:
    """List customers, newest first, or the best matches of a search."""
    return lists.show(_CUSTOMERS)


def _policies(row: CustomerRow) -> list[tuple[str, lists.Cell]]:
    if not current_actor().may(PoliciesMay.VIEW):
        return []
    found = list_policies(db.session(), limit=5, customer_id=row.id).items
    return [
        (
            line.policy.policy_number,
            lists.Cell(
                f"{line.product_name}, {money(line.policy.premium)}",
                url_for("policies.show", policy_id=line.id),
                tags=(line.policy.status,),
            ),
        )
        for line in found
    ]


def _acts(row: CustomerRow) -> list[lists.Button]:
    return [
        lists.Button("Quote", "quotes.create", QuotesMay.CREATE, values={"customer_id": row.id})
    ]


_CUSTOMERS = lists.ListScreen(
    title="Customers",
    read=list_customer_rows,
    record=("customers.show", "customer_id"),
    fields=[lists.search("Name, telephone, e-mail or ID number")],
    columns=lists.columns(
        "display_name: Name, sorts | registration_number: ID or registration number",
        "born: Born | phone: Telephone, phone, key | email: E-mail, sorts, muted",
        "created_at: Since, day, sorts | kind: Kind, code, extra",
        registration_number=lambda row: (
            row.registration_number or ("On file" if row.has_number else None)
        ),
        born=lambda row: birth_words(row.date_of_birth),
    ),
    buttons=[_NEW],
    empty=lists.Empty(
        "No customers yet",
        "A customer is captured here, or with the first quote.",
        "Capture the first one",
    ),
    none_match="Nobody matches",
    looks=True,
    more=_policies,
    record_acts=_acts,
)
