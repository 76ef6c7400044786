"""Reports on claims: pick one, run it, open the rows behind a figure, take it away as a file."""

from dataclasses import fields
from datetime import date
from typing import Any
from uuid import UUID

from flask import Response, request, url_for

from insurance.blueprints.claims import bp
from insurance.blueprints.claims.show import REASON_WORDS
from insurance.claims.permissions import ClaimsReportsMay
from insurance.claims.reports import (
    REPORTS,
    Report,
    ReportRequest,
    file_rows,
    get_report,
    page_of_report,
    run_report,
    totals_of,
)
from insurance.core.db import db
from insurance.core.errors import NotFoundError
from insurance.core.period import add_months
from insurance.products.queries import list_product_names
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.days import period_asked, refuse_problems
from insurance.web.exports import EXPORTED_AT_MOST, export
from insurance.web.filters import words
from insurance.web.html import next_url, page

ROWS = 100
NARROWING = tuple(
    one.name for one in fields(ReportRequest) if one.name not in ("start", "end", "on")
)


def year_asked(problems: dict[str, str]) -> tuple[date, date]:
    """Return the days asked for, both included: the last twelve months where none are."""
    return period_asked(lambda end: add_months(end.replace(day=1), -11), problems)


@bp.route("/reports")
@requires(ClaimsReportsMay.VIEW)
def reports() -> Response:
    """Run the report that is picked, the register at first."""
    problems: dict[str, str] = {}
    report = get_report(request.args.get("report") or "register")
    wanted, narrowed = _wanted(report, problems)
    found = page_of_report(
        db.session(), report, wanted, limit=ROWS, cursor=request.args.get("cursor")
    )
    chosen = {"from": wanted.start.isoformat(), "to": wanted.end.isoformat()}
    return page(
        "claims/reports.html",
        part="report",
        status=422 if problems else 200,
        problems=problems,
        report=report,
        reports=REPORTS,
        rows=found.items,
        is_cut=found.next_cursor is not None or bool(request.args.get("cursor")),
        next=next_url(found),
        first=url_for(".reports", report=report.code, **chosen, **narrowed),  # type: ignore[arg-type]
        totals=totals_of(report, found.items),
        wanted=wanted,
        chosen=chosen,
        narrowed=narrowed,
        narrowed_words=_in_words(narrowed),
        reason_words=REASON_WORDS,
    )


@bp.post("/reports/export")
@requires(ClaimsReportsMay.VIEW)
def export_report() -> Response:
    """Send every row of a report as CSV or Excel; the last line says how many there are."""
    problems: dict[str, str] = {}
    report = get_report(request.form.get("report", ""))
    wanted, narrowed = _wanted(report, problems)
    refuse_problems(problems)
    found = run_report(db.session(), report, wanted, limit=EXPORTED_AT_MOST)
    return export(
        request.form.get("kind", ""),
        f"claims-{report.code}-{wanted.start}-{wanted.end}",
        [column.name for column in report.columns],
        file_rows(report, found, EXPORTED_AT_MOST - 1),
        action="claims.export_report",
        resource="claims",
        chosen={"report": report.code, "from": wanted.start, "to": wanted.end, **narrowed},
    )


def _wanted(report: Report, problems: dict[str, str]) -> tuple[ReportRequest, dict[str, str]]:
    """Return what is asked for, and what narrows the register; the other reports are whole."""
    start, end = year_asked(problems)
    names = NARROWING if report is REPORTS["register"] else ()
    narrowed = {name: typed for name in names if (typed := request.values.get(name, "")[:60])}
    values: dict[str, Any] = dict(narrowed)
    if "product" in values:
        values["product"] = read_id(values["product"])
    return ReportRequest(start=start, end=end, on=business_day(), **values), narrowed


def read_id(text: str) -> UUID:
    """Return the id in an address. Raises NotFoundError."""
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFoundError from error


def _in_words(narrowed: dict[str, str]) -> list[str]:
    """Return what the register is narrowed to, as a person reads it."""
    names = {str(one.id): one.name for one in list_product_names(db.session())}
    said = []
    for name, value in narrowed.items():
        if name == "product":
            said.append(names.get(value, "unknown product"))
        elif name == "reason":
            said.append(REASON_WORDS.get(value, value))
        else:
            said.append(value if name == "age" else words(value))
    return said
