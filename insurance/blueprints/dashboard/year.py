"""Premiums earned and claims of the last twelve months, as the start page asks for them."""

from flask import Response

from insurance.blueprints.claims.loss_ratio import loss_chart, product_chart
from insurance.blueprints.claims.reports import ageing_charts
from insurance.blueprints.dashboard.show import bp
from insurance.claims.loss_figures import list_loss_months, whole_of
from insurance.claims.permissions import ClaimsReportsMay
from insurance.claims.reports import MOST_ROWS, REPORTS, ReportRequest, run_report
from insurance.core.db import db
from insurance.core.period import add_months
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.html import page

_OPEN_AT_MOST = 240


@bp.get("/year")
@requires(ClaimsReportsMay.VIEW)
def year() -> Response:
    """Show twelve months of the whole book as a chart."""
    end = business_day()
    start = add_months(end.replace(day=1), -11)
    session = db.session()
    months = list_loss_months(session, start=start, end=end)
    chart, finding = loss_chart(months)
    # All that is open, however long ago it was notified.
    every = ReportRequest(start=add_months(start, -_OPEN_AT_MOST), end=end, on=end)
    open_claims = run_report(session, REPORTS["ageing"], every, limit=MOST_ROWS)
    return page(
        "dashboard/year.html",
        part="year",
        chart=chart,
        finding=finding,
        more=list(
            filter(
                None,
                [
                    product_chart(whole_of(months), start, end),
                    *ageing_charts(open_claims, every),
                ],
            )
        ),
    )
