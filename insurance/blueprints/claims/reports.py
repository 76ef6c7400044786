"""Reports on claims: pick one, open the rows behind a figure, take it away as a file."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from sqlalchemy.orm import Session

from insurance.blueprints.claims import bp
from insurance.blueprints.claims.show import REASON_WORDS
from insurance.claims.models import ClaimStatus, Decision
from insurance.claims.permissions import ClaimsReportsMay
from insurance.claims.reports import (
    AGES,
    MOST_ROWS,
    REPORTS,
    Column,
    Report,
    ReportRequest,
    ReportRow,
    get_report,
    page_of_report,
    run_report,
)
from insurance.claims.rules.statuses import CAUSES, CLAIM_TYPES
from insurance.core.db import db
from insurance.core.errors import NotFoundError
from insurance.core.listing import Wanted
from insurance.core.paging import Page
from insurance.core.period import add_months
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.charts import BarChart, Figure, chart_rows
from insurance.web.days import period_asked
from insurance.web.filters import money, number, words
from insurance.web.forms import choices_of

ROWS = 100


def year_asked(problems: dict[str, str]) -> tuple[date, date]:
    """Return the days asked for, both included: the last twelve months where none are."""
    return period_asked(lambda end: add_months(end.replace(day=1), -11), problems)


@bp.route("/reports", methods=["GET", "POST"])
@requires(ClaimsReportsMay.VIEW)
def reports() -> Response:
    """Run the report that is picked, the register at first."""
    problems: dict[str, str] = {}
    report = get_report(request.args.get("report") or "register")
    start, end = year_asked(problems)
    wanted = ReportRequest(start=start, end=end, on=business_day())
    return lists.show(_screen(report, wanted, problems))


def read_id(text: str) -> UUID:
    """Return the id in an address. Raises NotFoundError."""
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFoundError from error


def _screen(report: Report, period: ReportRequest, problems: dict[str, str]) -> lists.ListScreen:
    """Return a report as a list: paged where it is one line a claim, else short and read whole."""

    def narrowed(values: Mapping[str, Any]) -> ReportRequest:
        given: dict[str, Any] = {
            field.name: values.get(field.name) for field in fields if not field.stands
        }
        if given.get("product"):
            given["product"] = UUID(given["product"])
        return replace(period, **given)

    def read(session: Session, wanted: Wanted) -> Page[ReportRow]:
        asked = narrowed(wanted.narrowed)
        return page_of_report(session, report, asked, limit=wanted.limit, cursor=wanted.cursor)

    def rows_of(session: Session, _narrowed: Mapping[str, Any]) -> Sequence[ReportRow]:
        return run_report(session, report, period, limit=MOST_ROWS)

    days = lists.period(period.start, period.end, "Notified from")
    fields = (*days, *_NARROWING) if report is REPORTS["register"] else days
    is_of_claims = report.behind == ("claim",)
    return lists.ListScreen(
        title="Claims reports",
        caption=report.title,
        crumbs=[("Claims", "claims.index")],
        buttons=(lists.Button("Loss ratio", "claims.loss_ratio"),),
        tabs=lambda _: [lists.Tab(code, one.tab) for code, one in REPORTS.items()],
        tab_name="report",
        own_tab="register",
        read=read if is_of_claims else None,
        rows_of=None if is_of_claims else rows_of,
        id_of=lambda row: row.claim_id or "|".join(row.behind.values()),
        record=partial(_behind, period),
        fields=fields,
        problems=problems,
        charts=ageing_charts(rows_of(db.session(), {}), period) if report.code == "ageing" else (),
        note=report.says,
        columns=[
            _column(report, place, column, period) for place, column in enumerate(report.columns)
        ],
        empty=lists.Empty("No claim is in this report", "Choose another period."),
        none_match="No claim is in this report",
        file=f"claims-{report.code}-{period.start}-{period.end}",
        rows=ROWS,
    )


def ageing_charts(rows: Sequence[ReportRow], period: ReportRequest) -> list[BarChart]:
    """Return open claims by age as a chart, and how many wait for long in a sentence."""
    by_age = {row.cells[0]: row for row in rows}
    counts = {age: by_age[age].cells[1] if age in by_age else 0 for age in AGES}
    figures = [
        Figure(
            age,
            (count,),
            f"{number(count)}, {money(by_age[age].cells[3], 0)} reserved" if count else "0",
            _behind(period, by_age[age]) if count else "",
        )
        for age, count in counts.items()
    ]
    every, oldest = sum(counts.values()), [age for age, count in counts.items() if count]
    if not oldest:
        return []
    are = "is" if counts[oldest[-1]] == 1 else "are"
    title = f"{number(counts[oldest[-1]])} of {number(every)} open claims {are} {oldest[-1]} old"
    chart = chart_rows(title, "Age", ("Claims",), figures)
    return [chart] if chart else []


def _behind(period: ReportRequest, row: ReportRow) -> str:
    """Return where a row leads: its claim, or the claims behind it in the register."""
    if row.claim_id:
        return url_for("claims.show", claim_id=row.claim_id)
    days = {"from": period.start.isoformat(), "to": period.end.isoformat()}
    asked: dict[str, Any] = days | row.behind
    return url_for("claims.reports", report="register", **asked)


def _column(report: Report, place: int, column: Column, period: ReportRequest) -> lists.Column:
    def value(row: ReportRow) -> Any:
        cell = row.cells[place]
        if column.kind == "reason":
            return REASON_WORDS.get(cell, cell)
        if column.kind == "number" and row.behind:
            says = f"{column.name}: the claims behind {cell}"
            return lists.Cell(cell, _behind(period, row), says=says)
        return cell

    return lists.Column(
        column.key,
        column.name,
        "text" if column.kind == "reason" else column.kind,
        value,
        is_key=True,
        is_extra=column.is_minor,
        is_summed=place in report.totals,
    )


def _of(values: Iterable[str]) -> list[tuple[str, str]]:
    return [(value, words(value)) for value in values]


_NARROWING = (
    lists.product_field(),
    lists.Field("status", "Status", choices=lambda _: choices_of(ClaimStatus)),
    lists.Field("claim_type", "Type", choices=lambda _: _of(CLAIM_TYPES)),
    lists.Field("cause", "Cause", choices=lambda _: _of(CAUSES)),
    lists.Field("decision", "Decision", choices=lambda _: choices_of(Decision)),
    lists.Field("reason", "Reason", choices=lambda _: list(REASON_WORDS.items())),
    lists.Field("age", "Age", choices=lambda _: [(age, age) for age in AGES]),
    lists.Field(
        "only",
        "Only",
        choices=lambda _: [("open", "Waiting for a decision"), ("reserved", "With a reserve")],
    ),
)
"""What narrows the register; the other reports are whole."""
