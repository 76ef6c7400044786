"""Reports on claims, the loss ratio and the settings of claims in the API."""

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from flask import Response
from pydantic import Field, StrictBool, WithJsonSchema

from insurance.api.edge import Answer, Body, ListQuery, Query, Reply, endpoint, listing
from insurance.claims import queries, services
from insurance.claims.loss_figures import loss_ratios
from insurance.claims.models import Assignment, ClaimStatus, Decision
from insurance.claims.permissions import ClaimsMay, ClaimsReportsMay
from insurance.claims.reports import (
    LOSS_HEADER,
    REPORTS,
    LossRatio,
    Report,
    ReportRequest,
    ReportRow,
    Side,
    file_rows,
    get_report,
    loss_cells,
    page_of_loss_entries,
    page_of_report,
    run_report,
)
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.period import add_months
from insurance.organizations.permissions import SettingsMay
from insurance.products.queries import get_product
from insurance.web.business import business_day
from insurance.web.exports import EXPORTED_AT_MOST, export
from insurance.web.parsing import Amount, Day, Money, Words

TAG = "Claims reports"
_TENTH = Decimal("0.1")
_NARROWING = ("status", "claim_type", "cause", "reason", "decision", "age", "only")
Code = Annotated[Words, Field(max_length=60)]
Format = Literal["json", "csv", "xlsx"]


class PeriodFields(Query):
    """A period, both days included: the last twelve months where none is given."""

    since: Day | None = Field(None, alias="from")
    until: Day | None = Field(None, alias="to")


class ReportQuery(ListQuery, PeriodFields):
    """Which rows. All but the period narrows the register only; `format` sends a file."""

    report: Code = "register"
    product_id: UUID | None = None
    status: ClaimStatus | None = None
    claim_type: Code | None = None
    cause: Code | None = None
    decision: Decision | None = None
    reason: Code | None = None
    age: Code | None = Field(None, description="As the report on ageing names it")
    only: Literal["open", "reserved"] | None = None
    format: Format = "json"


class ColumnAnswer(Answer):
    """A column of a report."""

    key: str
    name: str
    kind: str


class ReportAnswer(Answer):
    """A report that can be run."""

    code: str
    title: str
    says: str
    columns: list[ColumnAnswer]


class ReportRowAnswer(Answer):
    """A row by the keys of its columns, and what stands behind it.

    That is a claim, or what narrows the register to the claims that were counted.
    """

    cells: dict[str, Any]
    claim_id: UUID | None
    behind: dict[str, str]


class LossQuery(PeriodFields):
    """Which premiums and claims."""

    by_month: bool = False
    product_id: UUID | None = None
    format: Format = "json"


Figure = Annotated[Decimal, WithJsonSchema({"type": "number"}, mode="serialization")]
"""A number that is no amount, such as a share in per cent."""


class LossAnswer(Answer):
    """Premiums and claims of a product, or of a product in a month, as the ledger has them."""

    product_id: UUID | None
    product_name: str
    month: Day | None
    premiums_charged: Money
    unearned_before: Money
    unearned_after: Money
    premiums_earned: Money
    claims: Money
    loss_ratio: Figure | None = Field(description="Claims by premiums earned, in per cent")


class LossEntriesQuery(ListQuery, PeriodFields):
    """Which figure of the loss ratio."""

    side: Side
    product_id: UUID | None = None


class LossEntryAnswer(Answer):
    """An entry of the ledger as a figure of the loss ratio counts it."""

    on: Day
    policy_id: UUID | None
    policy_number: str | None
    description: str
    reference: str | None
    amount: Money


Days = Annotated[int, Field(ge=1, le=250)]


class SettingsAnswer(Answer):
    """How the organization handles claims. Days to decide are business days."""

    other_days: int
    days_by_class: dict[str, int]
    payee_change_days: int
    early_claim_days: int
    large_loss: Money
    assignment: Assignment
    verified_account_first: bool
    version: int


class SettingsBody(Body):
    """The settings as they shall be; funeral claims have the days of the law."""

    other_days: Days
    days_by_class: dict[Code, Days] = Field(default_factory=dict, max_length=50)
    payee_change_days: int = Field(ge=0, le=3650)
    early_claim_days: int = Field(ge=0, le=3650)
    large_loss: Amount
    assignment: Assignment
    verified_account_first: StrictBool = Field(
        False, description="Nothing is paid before the payee's account is on file and verified"
    )


@endpoint("GET", "/claim-reports", may=ClaimsReportsMay.VIEW, answer=list[ReportAnswer], tag=TAG)
def list_claim_reports() -> list[Report]:
    """List the reports on claims with their columns."""
    return list(REPORTS.values())


@endpoint("GET", "/claim-reports/rows", may=ClaimsReportsMay.VIEW, query=ReportQuery,
          answer=list[ReportRowAnswer], tag=TAG)  # fmt: skip
def run_claim_report(query: ReportQuery) -> Reply | Response:
    """Run a report over the claims of a period, by page; or send all of it as CSV or Excel."""
    report = get_report(query.report)
    wanted = _wanted(query)
    session = db.session()
    if query.format == "json":
        found = page_of_report(session, report, wanted, limit=query.limit, cursor=query.cursor)
        return listing(found, lambda row: _row(report, row))
    rows = run_report(session, report, wanted, limit=EXPORTED_AT_MOST)
    return export(
        query.format,
        f"claims-{report.code}-{wanted.start}-{wanted.end}",
        [column.name for column in report.columns],
        file_rows(report, rows, EXPORTED_AT_MOST - 1),
        action="claims.export_report",
        resource="claims",
        chosen={"report": report.code, "from": wanted.start, "to": wanted.end, **_chosen(query)},
    )


def _wanted(query: ReportQuery) -> ReportRequest:
    start, end = _period(query)
    narrowed = _chosen(query)
    if query.report != "register":
        for name in narrowed:
            raise DomainError("Only the register is narrowed by this.", field=name)
    if query.product_id is not None:
        get_product(db.session(), query.product_id)
    product = narrowed.pop("product_id", None)
    return ReportRequest(start=start, end=end, on=business_day(), product=product, **narrowed)


def _chosen(query: ReportQuery) -> dict[str, Any]:
    names = ("product_id", *_NARROWING)
    return {name: value for name in names if (value := getattr(query, name)) is not None}


def _period(query: PeriodFields) -> tuple[date, date]:
    end = query.until or business_day()
    start = query.since or add_months(end.replace(day=1), -11)
    if start > end:
        raise DomainError("The last day must not be before the first.", field="to")
    return start, end


def _row(report: Report, row: ReportRow) -> dict[str, Any]:
    cells = {
        column.key: value.quantize(_TENTH, ROUND_HALF_UP)
        if column.kind == "days" and value is not None
        else value
        for column, value in zip(report.columns, row.cells, strict=True)
    }
    behind = {"product_id" if one == "product" else one: to for one, to in row.behind.items()}
    return {"cells": cells, "claim_id": row.claim_id, "behind": behind}


@endpoint("GET", "/loss-ratio", may=ClaimsReportsMay.VIEW, query=LossQuery, answer=list[LossAnswer],
          tag=TAG)  # fmt: skip
def get_loss_ratio(query: LossQuery) -> list[dict[str, Any]] | Response:
    """Return premiums earned and claims per product, or per product and month, from the ledger."""
    start, end = _period(query)
    session = db.session()
    if query.product_id is not None:
        get_product(session, query.product_id)
    rows = loss_ratios(
        session, start=start, end=end, by_month=query.by_month, product_id=query.product_id
    )
    if query.format == "json":
        return _loss_answers(rows)
    return export(
        query.format,
        f"loss-ratio-{start}-{end}",
        LOSS_HEADER,
        [loss_cells(row) for row in rows],
        action="claims.export_loss_ratio",
        resource="ledger_transfers",
        chosen={"from": start, "to": end, "product_id": query.product_id},
    )


def _loss_answers(rows: Sequence[LossRatio]) -> list[dict[str, Any]]:
    return [
        {
            "product_id": row.product_id,
            "product_name": row.product_name,
            "month": row.month,
            "premiums_charged": row.charged,
            "unearned_before": row.unearned_before,
            "unearned_after": row.unearned_after,
            "premiums_earned": row.premiums,
            "claims": row.claims,
            "loss_ratio": row.ratio,
        }
        for row in rows
    ]


@endpoint("GET", "/loss-ratio/entries", may=ClaimsReportsMay.VIEW, query=LossEntriesQuery,
          answer=list[LossEntryAnswer], tag=TAG)  # fmt: skip
def list_loss_ratio_entries(query: LossEntriesQuery) -> Reply:
    """List the entries of the ledger that a figure of the loss ratio adds up, newest first."""
    start, end = _period(query)
    session = db.session()
    if query.product_id is not None:
        get_product(session, query.product_id)
    return listing(
        page_of_loss_entries(
            session,
            query.side,
            start=start,
            end=end,
            product_id=query.product_id,
            limit=query.limit,
            cursor=query.cursor,
        )
    )


@endpoint("GET", "/claim-settings", may=ClaimsMay.VIEW, answer=SettingsAnswer, tag=TAG)
def get_claim_settings() -> Any:
    """Return how the organization handles claims."""
    return queries.get_settings(db.session())


@endpoint("PUT", "/claim-settings", may=SettingsMay.EDIT, body=SettingsBody,
          answer=SettingsAnswer, tag=TAG)  # fmt: skip
def change_claim_settings(body: SettingsBody) -> Any:
    """Change how the organization handles claims."""
    return services.change_settings(
        services.HandlingSettings(**body.model_dump(exclude={"org_id"}))
    )
