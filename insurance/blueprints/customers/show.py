"""A customer on one page."""

from uuid import UUID

from flask import Response, url_for
from wtforms import SelectField

from insurance.billing.queries import arrears_by_policy
from insurance.blueprints.customers import bp
from insurance.claims.permissions import ClaimsMay
from insurance.claims.queries import list_claims
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.customers import queries, rules, services
from insurance.customers.permissions import CustomersMay
from insurance.debit_orders.permissions import DebitOrdersMay
from insurance.debit_orders.queries import list_customer_mandates
from insurance.policies.queries import get_holdings, list_policies
from insurance.quotes.queries import list_quotes, status_on
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.business import business_day
from insurance.web.correspondence import correspondence_of
from insurance.web.forms import Form, Required, TextField
from insurance.web.html import page
from insurance.web.record_activity import activity_of

ACCOUNT_TYPES = [("CURRENT", "Current"), ("SAVINGS", "Savings"), ("TRANSMISSION", "Transmission")]
_FEW, _MANY = 8, 50
_ACCOUNT = ("holder", "bank", "branch_code", "account_type", "account_number")


class BankAccountForm(Form):
    """An account to debit or to pay into."""

    holder = TextField(
        "Account holder", [Required()], description="In Latin letters, as the bank writes it."
    )
    bank = TextField("Bank", [Required()])
    branch_code = TextField("Branch code", [Required()], longest=6, description="Six digits.")
    account_type = SelectField("Type", choices=ACCOUNT_TYPES)
    account_number = TextField(
        "Account number", [Required()], longest=30, description="4 to 11 digits."
    )


@bp.route("/<uuid:customer_id>")
@requires(CustomersMay.VIEW)
def show(customer_id: UUID) -> Response:
    """Show everything about a customer."""
    return _customer_page(customer_id)


@bp.route("/<uuid:customer_id>/reveal", methods=["POST"])
@requires(CustomersMay.REVEAL)
def reveal(customer_id: UUID) -> Response:
    """Show the whole ID number; the look is written to the audit log."""
    number = services.reveal_id_number(customer_id)
    return _customer_page(customer_id, number=number)


@bp.route("/<uuid:customer_id>/bank-accounts/new", methods=["GET", "POST"])
@requires(CustomersMay.EDIT)
def add_bank_account(customer_id: UUID) -> Response:
    """Add a bank account."""
    name = queries.get_customer(db.session(), customer_id).display_name
    form, back = BankAccountForm(data={"holder": name}), url_for(".show", customer_id=customer_id)
    crumbs = [("Customers", url_for(".index")), (name, back)]
    return act_screen(
        Act("New bank account", "Add account", back, crumbs, leave="Cancel"),
        form,
        lambda: services.add_bank_account(
            customer_id, **{part: form[part].data for part in _ACCOUNT}, now=clock.now()
        ),
        "Account added.",
    )


def _customer_page(customer_id: UUID, *, number: str | None = None) -> Response:
    session, on = db.session(), business_day()
    customer = queries.get_customer(session, customer_id)
    may = current_actor().may
    quotes = list_quotes(session, limit=_FEW, customer_id=customer_id)
    policies = list_policies(session, limit=_MANY, customer_id=customer_id)
    paid = list_policies(session, limit=_MANY, payer_id=customer_id)
    shown = [line.id for line in (*policies.items, *paid.items)]
    claims = may(ClaimsMay.VIEW) and list_claims(
        session, limit=_FEW, now=clock.now(), customer_id=customer_id
    )
    return page(
        "customers/show.html",
        customer=customer,
        number=number,
        holdings=get_holdings(session, customer_id, on=on),
        policies=policies,
        pays_for=paid.items,
        arrears=arrears_by_policy(session, shown, on),
        claims=claims,
        mandates=list_customer_mandates(session, customer_id) if may(DebitOrdersMay.VIEW) else None,
        quotes=quotes,
        quote_status={line.id: status_on(line.quote, on) for line in quotes.items},
        policy_numbers={
            line.id: line.policy.policy_number for line in (*policies.items, *paid.items)
        },
        addresses=queries.list_addresses(session, customer_id),
        branch_warning=rules.branch_warning,
        accounts=queries.list_bank_accounts(session, customer_id),
        correspondence=correspondence_of("customers", customer_id),
        activity=activity_of("customers", customer_id, "Details"),
    )
