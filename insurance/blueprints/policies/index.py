"""The list of policies: tabs by status, search, peek, suspending many."""

from uuid import UUID

from flask import Response, url_for

from insurance.billing.permissions import PremiumsMay
from insurance.blueprints.policies import bp
from insurance.blueprints.policies.act import ReasonForm
from insurance.core import clock
from insurance.core.db import db
from insurance.core.listing import Wanted
from insurance.core.paging import Page
from insurance.customers.queries import get_customer
from insurance.policies import queries, services
from insurance.policies.models import PolicyStatus
from insurance.policies.permissions import PoliciesMay
from insurance.policies.queries import PolicyRow, Portfolio
from insurance.quotes.permissions import QuotesMay
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.filters import day, money, phone, words
from insurance.web.lists import (
    Act,
    Button,
    Cell,
    Column,
    Empty,
    Field,
    ListScreen,
    Peek,
    Tab,
    record_at,
    search,
    show,
)

_NEW_QUOTE = Button("New quote", "quotes.create", QuotesMay.CREATE, "plus", "n", is_main=True)


@bp.route("", methods=["GET", "POST"])
@requires(PoliciesMay.VIEW)
def index() -> Response:
    """List policies, newest first, or the best matches of a search."""
    return show(_POLICIES)


def _read(wanted: Wanted) -> Page[PolicyRow]:
    return queries.list_policy_rows(db.session(), wanted)


def _tabs(portfolio: Portfolio) -> list[Tab]:
    counts = portfolio.by_status
    every = [Tab(one.value, words(one), counts.get(one.value, 0)) for one in PolicyStatus]
    return [Tab("", "All", portfolio.policies), *every]


def _peek(policy_id: UUID) -> Peek:
    session, on = db.session(), business_day()
    line = queries.get_policy_line(session, policy_id)
    policy, customer = line.policy, get_customer(session, line.policy.customer_id)
    forecast = services.forecast_of(session, policy_id, on)
    holder = url_for("customers.show", customer_id=customer.id)
    pay = Button("Record payment", "policies.pay", PremiumsMay.PAY, values={"policy_id": policy_id})
    is_payable = policy.status in ("active", "suspended", "lapsed")
    return Peek(
        policy.policy_number,
        url_for("policies.show", policy_id=policy_id),
        [
            ("Customer", Cell(customer.display_name, holder)),
            ("Telephone", phone(customer.phone)),
            ("Product", line.product_name),
            ("Premium", f"{money(policy.premium)} {words(policy.frequency).lower()}"),
            ("Cover", money(policy.coverage_amount, 0)),
            ("Arrears", money(forecast.arrears)),
            ("Lapses on", day(forecast.lapse_date)),
            ("In force from", day(policy.effective_date)),
        ],
        policy.status,
        [pay] if is_payable else [],
    )


def _suspend(policy_id: UUID, form: ReasonForm) -> str:
    services.suspend_policy(
        policy_id, reason=form.reason.data or "", on=business_day(), now=clock.now()
    )
    return "Suspended"


_POLICIES = ListScreen(
    title="Policies",
    resource="policies",
    caption="Policies, newest first",
    read=_read,
    record=record_at("policies.show", "policy_id"),
    facts=lambda: queries.get_portfolio(db.session()),
    tabs=_tabs,
    fields=(
        search("Policy number, holder, telephone or ID number"),
        Field(
            "product",
            "Product",
            choices=lambda portfolio: [(str(id), name) for id, name in portfolio.products.items()],
            empty="All products",
        ),
        Field("due", "Next due before", "day"),
        Field("arrears", "In arrears", "tick"),
        Field("from", "In force from", "day"),
        Field("to", "To", "day"),
    ),
    columns=(
        Column("policy_number", "Policy", sorts=True),
        Column("customer_name", "Customer", is_key=True),
        Column("product_name", "Product", is_muted=True),
        Column("status", "Status", "tag"),
        Column("premium", "Premium", "money", sorts=True),
        Column("coverage_amount", "Cover", "rand", sorts=True),
        Column("effective_date", "From", "day", sorts=True),
        Column("next_due", "Next due", "day"),
        Column("phone", "Telephone", "phone", is_extra=True),
        Column("frequency", "Paid", "code", is_extra=True),
        Column("due_day", "Due day", "number", is_extra=True),
    ),
    buttons=[_NEW_QUOTE],
    empty=Empty(
        "No policies yet",
        "A policy is issued when a quote is accepted.",
        Button("Make a quote", "quotes.create", QuotesMay.CREATE),
    ),
    none_match="No policies match",
    peek=_peek,
    exports=PoliciesMay.VIEW,
    acts=(
        Act(
            "suspend",
            "Suspend policies",
            PoliciesMay.LIFECYCLE,
            lambda count: (
                f"Cover of {count} policies pauses from today. Premiums go on falling due, and"
                " without payment the policies lapse when their grace is over."
            ),
            _suspend,
            ReasonForm,
        ),
    ),
)
