"""Debit orders in the API: mandates, runs with their items and file, holidays, reason codes."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from flask import Response
from pydantic import Field

from insurance.api.edge import Answer, Body, ListQuery, Query, created, endpoint, listing
from insurance.core import clock
from insurance.core.db import db
from insurance.core.listing import Wanted
from insurance.core.paging import decode_cursor
from insurance.debit_orders import queries, services
from insurance.debit_orders.debits import list_items
from insurance.debit_orders.models import DebitRunStatus, Mandate
from insurance.debit_orders.permissions import DebitOrdersMay
from insurance.debit_orders.rules import (
    CODES,
    Convention,
    Exclusion,
    ItemStatus,
    MandateStatus,
    Treatment,
)
from insurance.web.business import business_day
from insurance.web.parsing import Amount, Day, Money, Words

TAG = "Debit orders"
RUN = "/debit-order-runs/<uuid:run_id>"
Reason = Annotated[Words, Field(min_length=1, max_length=500)]


class FileFormat(StrEnum):
    """How a run is written."""

    CSV = "CSV"
    BUREAU = "BUREAU"


class MandateBody(Body):
    """The authority to debit an account of the policyholder; without `signed_on` it waits."""

    bank_account_id: UUID
    signed_on: Day | None = None
    max_amount: Amount | None = None
    convention: Convention = Convention.FOLLOWING
    collection_day: int | None = Field(None, ge=1, le=31)


class ReasonBody(Body):
    """Why."""

    reason: Reason


class SignatureBody(Body):
    """When the payer signed."""

    signed_on: Day


class RunBody(Body):
    """The day of the debits; `since` also takes what was missed from that day on."""

    action_date: Day
    since: Day | None = None


class ReleaseBody(Body):
    """The format whose file is frozen."""

    format: FileFormat = FileFormat.BUREAU


class HolidayBody(Body):
    """A day without processing, or (`is_working`) an official holiday with it."""

    day: Day
    name: Annotated[Words, Field(min_length=1, max_length=200)]
    is_working: bool = False


class MandateAnswer(Answer):
    """A mandate with its account, the number masked."""

    id: UUID
    policy_id: UUID
    customer_id: UUID
    bank_account_id: UUID
    account_number: str
    bank: str
    status: MandateStatus
    signed_on: Day | None
    max_amount: Money | None
    convention: Convention
    collection_day: int | None
    created_at: datetime
    cancelled_at: datetime | None
    cancel_reason: str | None


class CountAnswer(Answer):
    """How many items of a run are in one state, and for how much."""

    status: ItemStatus
    exclusion: Exclusion | None
    items: int
    total: Money


class DebitRunAnswer(Answer):
    """A run; count and total are of what is debited."""

    id: UUID
    number: str
    action_date: Day
    window_from: Day
    window_to: Day
    status: DebitRunStatus
    item_count: int
    total: Money
    exporter: str | None
    file_hash: str | None
    created_by: UUID | None
    created_at: datetime
    released_by: UUID | None
    released_at: datetime | None


class FullRunAnswer(DebitRunAnswer):
    """A run with its items counted by status and reason."""

    counts: list[CountAnswer]


class DebitItemAnswer(Answer):
    """A premium in a run."""

    id: UUID
    policy_id: UUID
    policy_number: str
    premium_line_id: UUID
    due_date: Day
    amount: Money
    reference: str | None
    action_date: Day
    status: ItemStatus
    exclusion: Exclusion | None
    reason_code: str | None


class HolidayAnswer(Answer):
    """A day of the tenant's own list."""

    id: UUID
    day: Day
    name: str
    is_working: bool


class CodeAnswer(Answer):
    """A reason code of the banks and what to do about it."""

    code: str
    meaning: str
    treatment: Treatment
    advice: str


class RunQuery(ListQuery):
    """Runs of a status."""

    status: DebitRunStatus | None = None


class ItemQuery(ListQuery):
    """Items of a status."""

    status: ItemStatus | None = None


class FileQuery(Query):
    """The format of the file."""

    format: FileFormat = FileFormat.BUREAU


@endpoint(
    "GET",
    "/policies/<uuid:policy_id>/mandates",
    may=DebitOrdersMay.VIEW,
    answer=list[MandateAnswer],
    tag=TAG,
)
def list_mandates(policy_id: UUID):
    """List a policy's mandates, newest first."""
    queries.get_policy_facts(db.session(), policy_id)
    return _mandates(policy_id)


@endpoint(
    "POST",
    "/policies/<uuid:policy_id>/mandates",
    may=DebitOrdersMay.EDIT,
    body=MandateBody,
    answer=MandateAnswer,
    status=201,
    tag=TAG,
)
def create_mandate(policy_id: UUID, body: MandateBody):
    """Capture a mandate; a policy has at most one active one."""
    wanted = services.NewMandate(**body.model_dump(exclude={"org_id"}))
    mandate = services.create_mandate(policy_id, wanted, on=business_day(), now=clock.now())
    return created(_mandate(mandate), "list_mandates", policy_id=policy_id)


@endpoint(
    "POST",
    "/mandates/<uuid:mandate_id>/activate",
    may=DebitOrdersMay.EDIT,
    body=SignatureBody,
    answer=MandateAnswer,
    tag=TAG,
)
def activate_mandate(mandate_id: UUID, body: SignatureBody):
    """Put a mandate that waits or was suspended into force."""
    return _mandate(
        services.activate_mandate(mandate_id, signed_on=body.signed_on, on=business_day())
    )


@endpoint(
    "POST",
    "/mandates/<uuid:mandate_id>/suspend",
    may=DebitOrdersMay.EDIT,
    body=ReasonBody,
    answer=MandateAnswer,
    tag=TAG,
)
def suspend_mandate(mandate_id: UUID, body: ReasonBody):
    """Stop debiting until the mandate is activated again."""
    return _mandate(services.suspend_mandate(mandate_id, reason=body.reason))


@endpoint(
    "POST",
    "/mandates/<uuid:mandate_id>/cancel",
    may=DebitOrdersMay.EDIT,
    body=ReasonBody,
    answer=MandateAnswer,
    tag=TAG,
)
def cancel_mandate(mandate_id: UUID, body: ReasonBody):
    """End a mandate for good."""
    return _mandate(services.cancel_mandate(mandate_id, reason=body.reason, now=clock.now()))


@endpoint(
    "GET",
    "/debit-order-runs",
    may=DebitOrdersMay.VIEW,
    query=RunQuery,
    answer=list[DebitRunAnswer],
    tag=TAG,
)
def list_debit_order_runs(query: RunQuery):
    """List runs, newest first."""
    after = decode_cursor(query.cursor, 1, UUID)[0] if query.cursor else None
    return listing(
        queries.list_runs(db.session(), limit=query.limit, after=after, status=query.status)
    )


@endpoint(
    "POST",
    "/debit-order-runs",
    may=DebitOrdersMay.EDIT,
    body=RunBody,
    answer=FullRunAnswer,
    status=201,
    tag=TAG,
)
def prepare_debit_order_run(body: RunBody):
    """Take every premium to be debited on a day into a draft run."""
    run = services.prepare_run(
        body.action_date, on=business_day(), now=clock.now(), since=body.since
    )
    return created(_full(run.id), "get_debit_order_run", run_id=run.id)


@endpoint("GET", RUN, may=DebitOrdersMay.VIEW, answer=FullRunAnswer, tag=TAG)
def get_debit_order_run(run_id: UUID):
    """Return one run with its items counted."""
    return _full(run_id)


@endpoint(
    "GET",
    f"{RUN}/items",
    may=DebitOrdersMay.VIEW,
    query=ItemQuery,
    answer=list[DebitItemAnswer],
    tag=TAG,
)
def list_debit_order_items(run_id: UUID, query: ItemQuery):
    """List a run's items by status; those left out say why."""
    session = db.session()
    queries.get_run(session, run_id)
    narrowed = {"run": run_id} | ({"status": query.status} if query.status else {})
    wanted = Wanted(narrowed, cursor=query.cursor, limit=query.limit)
    return listing(list_items(session, wanted))


@endpoint(
    "POST",
    f"{RUN}/release",
    may=DebitOrdersMay.EDIT,
    body=ReleaseBody,
    answer=FullRunAnswer,
    tag=TAG,
)
def release_debit_order_run(run_id: UUID, body: ReleaseBody):
    """Freeze a run for the bank; never by who prepared it."""
    services.release_run(run_id, on=business_day(), now=clock.now(), format=body.format.value)
    return _full(run_id)


@endpoint(
    "POST",
    f"{RUN}/cancel",
    may=DebitOrdersMay.EDIT,
    body=ReasonBody,
    answer=FullRunAnswer,
    tag=TAG,
)
def cancel_debit_order_run(run_id: UUID, body: ReasonBody):
    """Give a run's premiums free: a draft, or a released one before its action date."""
    services.cancel_run(run_id, reason=body.reason, on=business_day())
    return _full(run_id)


@endpoint(
    "GET",
    f"{RUN}/file",
    may=DebitOrdersMay.EDIT,
    query=FileQuery,
    answer=bytes,
    tag=TAG,
)
def get_debit_order_file(run_id: UUID, query: FileQuery):
    """Return a released run's file with account numbers in clear; the look is audited."""
    file = services.download_file(run_id, format=query.format.value)
    response = Response(file.content, mimetype="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="{file.name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


@endpoint(
    "GET",
    "/holidays",
    may=DebitOrdersMay.VIEW,
    query=ListQuery,
    answer=list[HolidayAnswer],
    tag=TAG,
)
def list_holidays(query: ListQuery):
    """List the tenant's own days; the official holidays hold without being listed."""
    return listing(queries.list_holidays(db.session(), limit=query.limit, cursor=query.cursor))


@endpoint(
    "POST",
    "/holidays",
    may=DebitOrdersMay.EDIT,
    body=HolidayBody,
    answer=HolidayAnswer,
    status=201,
    tag=TAG,
)
def add_holiday(body: HolidayBody):
    """Close a day for debits, or open an official holiday."""
    return services.add_holiday(body.day, name=body.name, is_working=body.is_working)


@endpoint(
    "DELETE",
    "/holidays/<uuid:holiday_id>",
    may=DebitOrdersMay.EDIT,
    answer=None,
    status=204,
    tag=TAG,
)
def remove_holiday(holiday_id: UUID):
    """Take a day off the tenant's list."""
    services.remove_holiday(holiday_id)


@endpoint("GET", "/reason-codes", may=DebitOrdersMay.VIEW, answer=list[CodeAnswer], tag=TAG)
def list_reason_codes():
    """List the banks' reasons for unpaid debits with what to do about each."""
    return [
        {
            "code": one.code,
            "meaning": one.meaning,
            "treatment": one.treatment,
            "advice": one.treatment.advice,
        }
        for one in CODES
    ]


def _mandates(policy_id: UUID) -> list[dict[str, Any]]:
    return [
        {
            name: getattr(line.mandate, name)
            for name in MandateAnswer.model_fields
            if name not in ("account_number", "bank")
        }
        | {"account_number": line.account.account_number_masked, "bank": line.account.bank}
        for line in queries.list_mandates(db.session(), policy_id)
    ]


def _mandate(mandate: Mandate) -> dict[str, Any]:
    return next(one for one in _mandates(mandate.policy_id) if one["id"] == mandate.id)


def _full(run_id: UUID) -> dict[str, Any]:
    session = db.session()
    run = queries.get_run(session, run_id)
    facts = {name: getattr(run, name) for name in DebitRunAnswer.model_fields}
    return facts | {"counts": queries.count_items(session, run_id)}
