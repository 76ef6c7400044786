"""Premiums earned and claims of the last twelve months, as the start page asks for them."""

from flask import Response

from insurance.blueprints.claims.loss_ratio import loss_chart
from insurance.blueprints.dashboard.show import bp
from insurance.claims.loss_figures import list_loss_months
from insurance.claims.permissions import ClaimsReportsMay
from insurance.core.db import db
from insurance.core.period import add_months
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.html import page


@bp.get("/year")
@requires(ClaimsReportsMay.VIEW)
def year() -> Response:
    """Show twelve months of the whole book as a chart."""
    end = business_day()
    start = add_months(end.replace(day=1), -11)
    chart, finding = loss_chart(list_loss_months(db.session(), start=start, end=end))
    return page("dashboard/year.html", part="year", chart=chart, finding=finding)
