"""What waits for the person, the portfolio at a glance, and the classes of business."""

from flask import Response

from insurance.blueprints.dashboard.classes import DESCRIPTIONS
from insurance.blueprints.dashboard.trend import month_before, trends
from insurance.claims.rules.statuses import UNDECIDED
from insurance.core.counts import get_counts
from insurance.core.db import db
from insurance.core.listing import Wanted
from insurance.organizations.permissions import DashboardMay
from insurance.organizations.queries import list_licensed_classes, list_product_classes
from insurance.policies.portfolio_days import find_portfolio_day
from insurance.policies.queries import get_portfolio, list_policy_rows
from insurance.products.models import ProductStatus
from insurance.products.queries import count_products
from insurance.web.access import requires, tenant_blueprint
from insurance.web.business import business_day
from insurance.web.home import due_today, steps_to_take, waiting_for_me, ways_on
from insurance.web.html import page, wants_part

bp = tenant_blueprint("dashboard", __name__)


@bp.route("/")
@requires(DashboardMay.VIEW)
def show() -> Response:
    """Show what waits for the person, the figures, the newest policies and the class cards."""
    session = db.session()
    if wants_part():
        return page("dashboard/show.html", part="work", work=waiting_for_me(session))
    portfolio, on = get_portfolio(session), business_day()
    classes = list_product_classes(session)
    licensed = set(list_licensed_classes(session))
    waiting = [f"claims.{status}" for status in UNDECIDED]
    counts = get_counts(session, ("customers", "quotes", *waiting))
    return page(
        "dashboard/show.html",
        portfolio=portfolio,
        work=waiting_for_me(session),
        due=due_today(session, on),
        on=on,
        acts=ways_on(),
        trends=trends(portfolio, counts, find_portfolio_day(session, month_before(on))),
        descriptions=DESCRIPTIONS,
        steps=[] if portfolio.policies else steps_to_take(session),
        counts=counts,
        open_claims=sum(counts[status] for status in waiting),
        products=count_products(session).get(ProductStatus.LAUNCHED, 0),
        newest=list_policy_rows(session, Wanted(limit=8)).items,
        classes=[class_ for class_ in classes if class_.code in licensed],
        others=[class_ for class_ in classes if class_.code not in licensed],
    )
