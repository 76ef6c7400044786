"""The list of customers, with search as one types."""

from uuid import UUID

from flask import Response, url_for

from insurance.blueprints.customers import bp
from insurance.core.db import db
from insurance.core.listing import Wanted
from insurance.core.paging import Page
from insurance.customers import queries
from insurance.customers.permissions import CustomersMay
from insurance.customers.privacy import birth_words
from insurance.policies.queries import list_policies
from insurance.quotes.permissions import QuotesMay
from insurance.web.access import requires
from insurance.web.filters import day, money, phone, words
from insurance.web.lists import (
    Button,
    Cell,
    Column,
    Empty,
    ListScreen,
    Peek,
    record_at,
    search,
    show,
)

_NEW = Button("New customer", "customers.create", CustomersMay.EDIT, "plus", "n", is_main=True)


@bp.route("", methods=["GET", "POST"])
@requires(CustomersMay.VIEW)
def index() -> Response:
    """List customers, newest first, or the best matches of a search."""
    return show(_CUSTOMERS)


def _read(wanted: Wanted) -> Page[queries.CustomerRow]:
    return queries.list_customer_rows(db.session(), wanted)


def _peek(customer_id: UUID) -> Peek:
    session = db.session()
    customer = queries.get_customer(session, customer_id)
    policies = [
        (
            line.policy.policy_number,
            Cell(
                f"{line.product_name}, {money(line.policy.premium)}",
                url_for("policies.show", policy_id=line.id),
                tags=(line.policy.status,),
            ),
        )
        for line in list_policies(session, limit=5, customer_id=customer_id).items
    ]
    quote = Button("Quote", "quotes.create", QuotesMay.CREATE, values={"customer_id": customer_id})
    return Peek(
        customer.display_name,
        url_for("customers.show", customer_id=customer_id),
        [
            ("Kind", words(customer.kind)),
            ("Telephone", phone(customer.phone)),
            ("E-mail", customer.email),
            ("Born", birth_words(customer.date_of_birth)),
            ("Since", day(customer.created_at.date())),
            *policies,
        ],
        acts=[quote],
    )


_CUSTOMERS = ListScreen(
    title="Customers",
    resource="customers",
    caption="Customers, newest first",
    read=_read,
    record=record_at("customers.show", "customer_id"),
    fields=[search("Name, telephone, e-mail or ID number")],
    columns=(
        Column("display_name", "Name", sorts=True),
        Column(
            "registration_number",
            "ID or registration number",
            value=lambda row: row.registration_number or ("On file" if row.has_number else None),
        ),
        Column("born", "Born", value=lambda row: birth_words(row.date_of_birth)),
        Column("phone", "Telephone", "phone", is_key=True),
        Column("email", "E-mail", sorts=True),
        Column("created_at", "Since", "day", sorts=True),
        Column("kind", "Kind", "code", is_extra=True),
    ),
    buttons=[_NEW],
    empty=Empty(
        "No customers yet",
        "A customer is captured here, or with the first quote.",
        Button("Capture the first one", "customers.create", CustomersMay.EDIT),
    ),
    none_match="Nobody matches",
    peek=_peek,
    exports=CustomersMay.VIEW,
)
