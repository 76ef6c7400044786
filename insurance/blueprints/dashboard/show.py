"""Portfolio at a glance, and the classes of business."""

from flask import Response

from insurance.claims.rules.statuses import UNDECIDED
from insurance.core.context import current_actor
from insurance.core.counts import get_counts
from insurance.core.db import db
from insurance.core.listing import Wanted
from insurance.notifications.permissions import MailMay
from insurance.notifications.queries import count_failed
from insurance.organizations.permissions import DashboardMay
from insurance.organizations.queries import list_licensed_classes, list_product_classes
from insurance.policies.queries import get_portfolio, list_policy_rows
from insurance.products.models import ProductStatus
from insurance.products.queries import count_products
from insurance.web.access import current_tenant, requires, tenant_blueprint
from insurance.web.html import page

bp = tenant_blueprint("dashboard", __name__)


@bp.route("/")
@requires(DashboardMay.VIEW)
def show() -> Response:
    """Show the figures, the newest policies and the class cards."""
    session = db.session()
    portfolio = get_portfolio(session)
    classes = list_product_classes(session)
    licensed = set(list_licensed_classes(session))
    waiting = [f"claims.{status}" for status in UNDECIDED]
    counts = get_counts(session, ("customers", "quotes", *waiting))
    return page(
        "dashboard/show.html",
        portfolio=portfolio,
        failed_mails=count_failed(session) if current_actor().may(MailMay.VIEW) else 0,
        counts=counts,
        open_claims=sum(counts[status] for status in waiting),
        products=count_products(session).get(ProductStatus.LAUNCHED, 0),
        newest=list_policy_rows(session, Wanted(limit=8)).items,
        classes=[class_ for class_ in classes if class_.code in licensed],
        others=[class_ for class_ in classes if class_.code not in licensed],
        active=portfolio.by_class,
        licence=current_tenant().licence_type,
    )
