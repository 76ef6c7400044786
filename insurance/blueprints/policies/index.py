"""The list of policies: tabs by status, search, peek, suspending many."""

from uuid import UUID

from flask import Response

from insurance.billing.permissions import PremiumsMay
from insurance.blueprints.policies import bp
from insurance.blueprints.policies.act import ReasonForm
from insurance.core import clock
from insurance.core.db import db
from insurance.policies import queries, services
from insurance.policies.models import PolicyStatus
from insurance.policies.permissions import PoliciesMay
from insurance.policies.queries import Portfolio
from insurance.quotes.permissions import QuotesMay
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.filters import day, money


@bp.route("", methods=["GET", "POST"])
@requires(PoliciesMay.VIEW)
def index() -> Response:
    """List policies, newest first, or the best matches of a search."""
    return lists.show(_POLICIES)


def _tabs(portfolio: Portfolio) -> list[lists.Tab]:
    counts = {status: portfolio.by_status.get(status, 0) for status in PolicyStatus}
    return lists.tabs_of(PolicyStatus, counts, every=portfolio.policies)


def _more(row: queries.PolicyRow) -> list[tuple[str, str]]:
    forecast = services.forecast_of(db.session(), row.id, business_day())
    return [("Arrears", money(forecast.arrears)), ("Lapses on", day(forecast.lapse_date))]


def _acts(row: queries.PolicyRow) -> list[lists.Button]:
    pay = lists.Button(
        "Record payment", "policies.pay", PremiumsMay.PAY, values={"policy_id": row.id}
    )
    return [pay] if row.status in ("active", "suspended", "lapsed") else []


def _suspend(policy_id: UUID, form: ReasonForm) -> str:
    services.suspend_policy(
        policy_id, reason=form.reason.data or "", on=business_day(), now=clock.now()
    )
    return "Suspended"


_POLICIES = lists.ListScreen(
    title="Policies",
    read=queries.list_policy_rows,
    record=("policies.show", "policy_id"),
    facts=lambda: queries.get_portfolio(db.session()),
    tabs=_tabs,
    fields=(
        lists.search("Policy number, holder, telephone or ID number"),
        lists.product_field(),
        lists.Field("due", "Next due before", "day"),
        lists.Field("arrears", "In arrears", "tick"),
        lists.Field("from", "In force from", "day"),
        lists.Field("to", "To", "day"),
    ),
    columns=lists.columns(
        "policy_number: Policy, sorts | customer_name: Customer, key",
        "product_name: Product, muted | status: Status, tag | premium: Premium, money, sorts",
        "coverage_amount: Cover, rand, sorts | effective_date: From, day, sorts",
        "next_due: Next due, day | phone: Telephone, phone, extra",
        "frequency: Paid, code, extra | due_day: Due day, number, extra",
    ),
    buttons=[lists.new("New quote", "quotes.create", QuotesMay.CREATE)],
    empty=lists.Empty(
        "No policies yet", "A policy is issued when a quote is accepted.", "Make a quote"
    ),
    none_match="No policies match",
    looks=True,
    more=_more,
    record_acts=_acts,
    acts=(
        lists.BulkAct(
            "suspend",
            "Suspend policies",
            PoliciesMay.LIFECYCLE,
            "Cover of {count} policies pauses from today. Premiums go on falling due, and"
            " without payment the policies lapse when their grace is over.",
            _suspend,
            ReasonForm,
        ),
    ),
)
