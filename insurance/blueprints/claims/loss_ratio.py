"""The loss ratio: premiums and claims by product and month, from the ledger, with a chart."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from flask import Response, request, url_for
from sqlalchemy.orm import Session

from insurance.blueprints.claims import bp
from insurance.blueprints.claims.reports import ROWS, read_id, year_asked
from insurance.claims.loss_figures import list_loss_months, whole_of
from insurance.claims.permissions import ClaimsReportsMay
from insurance.claims.reports import (
    LOSS_HEADER,
    LossEntry,
    LossRatio,
    Side,
    loss_cells,
    page_of_loss_entries,
    ratio_of,
)
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import NotFoundError
from insurance.core.listing import Wanted
from insurance.core.money import ZERO, total
from insurance.core.paging import Page
from insurance.policies.permissions import PoliciesMay
from insurance.products.queries import get_product
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.charts import BarChart, Figure, MonthChart, chart_months, chart_rows
from insurance.web.days import refuse_problems
from insurance.web.exports import export
from insurance.web.filters import day, money, percent
from insurance.web.html import page

_PRODUCTS_DRAWN = 12


@bp.route("/loss-ratio")
@requires(ClaimsReportsMay.VIEW)
def loss_ratio() -> Response:
    """Show the ratio by product; a product shows its months."""
    problems: dict[str, str] = {}
    start, end = year_asked(problems)
    asked = request.args.get("product", "")
    product_id = read_id(asked) if asked else None
    session = db.session()
    months = list_loss_months(session, start=start, end=end, product_id=product_id)
    whole, (chart, finding) = whole_of(months), loss_chart(months)
    rows = months if product_id else whole
    premiums = total(row.premiums for row in rows)
    claims = total(row.claims for row in rows)
    product_name = get_product(session, product_id).name if product_id else None
    return page(
        "claims/loss_ratio.html",
        part="loss_ratio",
        status=422 if problems else 200,
        problems=problems,
        rows=rows,
        chart=chart,
        by_product=None if product_id else product_chart(whole, start, end),
        finding=finding,
        start=start,
        end=end,
        chosen={"from": start.isoformat(), "to": end.isoformat(), "product": asked or None},
        product_id=product_id,
        product_name=product_name,
        premiums=premiums,
        charged=total(one.charged for one in whole),
        unearned_before=total(one.unearned_before for one in whole),
        unearned_after=total(one.unearned_after for one in whole),
        claims=claims,
        ratio=ratio_of(premiums, claims),
    )


def loss_chart(rows: Sequence[LossRatio]) -> tuple[MonthChart | None, str]:
    """Return premiums and claims by month as a chart, and what it shows in a sentence."""
    months: dict[date, tuple[Decimal, Decimal]] = {}
    for row in rows:
        if row.month is not None:
            premiums, claims = months.get(row.month, (ZERO, ZERO))
            months[row.month] = (premiums + row.premiums, claims + row.claims)
    whole = ratio_of(*(total(pair[side] for pair in months.values()) for side in (0, 1)))
    ratios = {month: ratio_of(*pair) for month, pair in months.items()}
    if whole is None:
        return chart_months(months), "No premium was earned"
    worst, ratio = max(ratios.items(), key=lambda item: item[1] or ZERO)
    most = f", most in {worst:%Y/%m}: {percent(ratio)}" if ratio and len(months) > 1 else ""
    return chart_months(months), f"Claims took {percent(whole)} of the premiums earned{most}"


def product_chart(products: Sequence[LossRatio], start: date, end: date) -> BarChart | None:
    """Return the ratio of each product as a chart, the worst first; of one there is none."""
    ratios = sorted(
        ((one.ratio, one) for one in products if one.ratio is not None and one.product_id),
        key=lambda pair: (-pair[0], pair[1].product_name),
    )[:_PRODUCTS_DRAWN]
    if len(ratios) < 2:
        return None
    days: dict[str, Any] = {"from": start.isoformat(), "to": end.isoformat()}
    figures = [
        Figure(
            one.product_name,
            (ratio,),
            percent(ratio),
            url_for("claims.loss_ratio", product=one.product_id, **days),
        )
        for ratio, one in ratios
    ]
    worst, product = ratios[0]
    title = f"{product.product_name} cost most: claims took {percent(worst)} of its premiums"
    return chart_rows(title, "Product", ("Loss ratio",), figures, "percent")


@bp.route("/loss-ratio/entries", methods=["GET", "POST"])
@requires(ClaimsReportsMay.VIEW)
def loss_entries() -> Response:
    """Show the ledger's entries behind a figure of the loss ratio."""
    problems: dict[str, str] = {}
    period, side = year_asked(problems), request.args.get("side", "")
    if side not in _SIDES:
        raise NotFoundError
    return lists.show(_entries(Side(side), *period, problems))


def _entries(side: Side, start: date, end: date, problems: dict[str, str]) -> lists.ListScreen:
    asked = request.args.get("product", "")
    values: dict[str, Any] = {
        "start": start,
        "end": end,
        "product_id": read_id(asked) if asked else None,
    }

    def read(session: Session, wanted: Wanted) -> Page[LossEntry]:
        return page_of_loss_entries(
            session, side, **values, limit=wanted.limit, cursor=wanted.cursor
        )

    title, figure = _SIDES[side]
    whole = whole_of(list_loss_months(db.session(), **values))
    days: dict[str, Any] = {"from": start.isoformat(), "to": end.isoformat()}
    return lists.ListScreen(
        title=f"{title}, {day(start)} to {day(end)}",
        caption="Entries behind the loss ratio, newest first",
        crumbs=[("Claims", "claims.index"), ("Loss ratio", "claims.loss_ratio", days)],
        tabs=lambda _: [lists.Tab(one, name) for one, (name, _figure) in _SIDES.items()],
        tab_name="side",
        read=read,
        fields=(*lists.period(start, end), lists.product_field()),
        problems=problems,
        figures=[(f"{title} in all", money(total(figure(one) for one in whole)))],
        columns=lists.columns(
            "on: Day, day | policy_number: Policy, key | description: What, wrapped, key",
            "reference: Reference | amount: Amount, money, key, summed",
            policy_number=_policy,
        ),
        empty=lists.Empty("No entry in this period", "Choose other days or another product."),
        none_match="No entry in this period",
        file=f"loss-ratio-{side}-{start}-{end}",
        rows=ROWS,
    )


def _policy(entry: LossEntry) -> lists.Cell:
    is_linked = entry.policy_id and current_actor().may(PoliciesMay.VIEW)
    url = url_for("policies.show", policy_id=entry.policy_id) if is_linked else ""
    return lists.Cell(entry.policy_number, url)


_SIDES: dict[str, tuple[str, Callable[[LossRatio], Decimal]]] = {
    Side.EARNED: ("Premiums earned", lambda one: one.premiums),
    Side.PREMIUMS: ("Premiums charged", lambda one: one.charged),
    Side.CLAIMS: ("Claims", lambda one: one.claims),
}
"""The figures that have entries behind them: what they are called, and the figure."""


@bp.post("/loss-ratio/export")
@requires(ClaimsReportsMay.VIEW)
def export_loss_ratio() -> Response:
    """Send the ratio of every product and month as CSV or Excel."""
    problems: dict[str, str] = {}
    start, end = year_asked(problems)
    refuse_problems(problems)
    rows = list_loss_months(db.session(), start=start, end=end)
    return export(
        request.form.get("kind", ""),
        f"loss-ratio-{start}-{end}",
        LOSS_HEADER,
        [loss_cells(row) for row in rows],
        action="claims.export_loss_ratio",
        resource="ledger_transfers",
        chosen={"from": start, "to": end},
    )
