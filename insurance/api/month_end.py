"""Month-end in the API: planned, approved by a second person, applied; how premiums escalate."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from flask import Response
from pydantic import Field

from insurance.api.edge import (
    Answer,
    Body,
    ListQuery,
    Reply,
    created,
    endpoint,
    listing,
)
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.paging import decode_cursor
from insurance.month_end import queries, services
from insurance.month_end.exports import EFFECTS_HEADER, effect_cells
from insurance.month_end.models import ExceptionKind, MonthEndRun, RunStatus, StepCode
from insurance.month_end.permissions import MonthEndMay
from insurance.policies.queries import get_policy
from insurance.products.models import ProjectionType
from insurance.web.business import business_day
from insurance.web.exports import export
from insurance.web.parsing import Day, Money, Words

TAG = "Month-end"
ONE = "/month-end/runs/<uuid:month_end_run_id>"
OF_POLICY = "/month-end/policies/<uuid:policy_id>"


class ProcessBody(Body):
    """What month-end is to do. `steps` names the steps and takes the place of the switches."""

    process_date: Day
    dry_run: bool = True
    mark_overdue: bool = True
    apply_indexation: bool = True
    evaluate_lapse_candidates: bool = True
    auto_lapse: bool = False
    limit_policies: int | None = Field(None, le=10_000_000)
    extend_schedules: bool = True
    post_premiums: bool = True
    expire_policies: bool = True
    steps: list[StepCode] | None = None
    close_month: bool = False
    wait: bool = Field(False, description="Finish a small book before answering")

    @property
    def chosen(self) -> frozenset[StepCode]:
        """Return the steps asked for."""
        if self.steps is not None:
            return frozenset(self.steps)
        switches = {
            StepCode.MARK_OVERDUE: self.mark_overdue,
            StepCode.ANNIVERSARIES: self.apply_indexation,
            StepCode.LAPSE_CANDIDATES: self.evaluate_lapse_candidates,
            StepCode.LAPSES: self.auto_lapse,
            StepCode.EXTEND_SCHEDULES: self.extend_schedules,
            StepCode.POST_PREMIUMS: self.post_premiums,
            StepCode.EXPIRIES: self.expire_policies,
        }
        return frozenset(step for step, on in switches.items() if on) | services.ALWAYS


class PreviewBody(Body):
    """The date to resolve rates for; today without one."""

    process_date: Day | None = None


class ApproveBody(Body):
    """What the second person has to say."""

    comment: Annotated[Words, Field(max_length=500)] | None = None


class WaitBody(Body):
    """Whether to finish a small book before answering."""

    wait: bool = False


class StepTotalAnswer(Answer):
    """How many effects a step has, and their amount."""

    effects: int
    amount: Money


class CountsAnswer(Answer):
    """What a run comes to."""

    policies: int
    schedules_extended: int
    premiums_posted: int
    overdue_marked: int
    indexed: int
    lapse_candidates: int
    lapsed: int
    quarantined: int


class ProgressAnswer(Answer):
    """How far the present stage is, in policies."""

    done: int
    of: int
    per_second: int
    seconds_left: int | None


class LeftOutAnswer(Answer):
    """A policy that was left out, and why. `followed_by` is the run that takes it up."""

    policy_id: UUID
    policy_number: str
    kind: ExceptionKind
    error: str
    followed_by: UUID | None


class MonthEndRunAnswer(Answer):
    """A month-end run. `policies` of `book` policies in force were planned.

    `approval_id` is the request by which a plan waits for approval.
    """

    run_id: UUID
    process_date: Day
    status: RunStatus
    dry_run: bool
    steps: list[StepCode]
    counts: CountsAnswer
    totals: dict[StepCode, StepTotalAnswer]
    hash: str | None
    requested_by: str
    approval_id: UUID | None
    approved_by: str | None
    progress: ProgressAnswer
    started_at: datetime | None
    finished_at: datetime | None
    policies: int
    book: int
    limit_policies: int | None
    close_month: bool
    follows: UUID | None
    superseded_by: UUID | None
    error: str | None


class RunDetailAnswer(MonthEndRunAnswer):
    """A run with the first two hundred policies that it left out."""

    left_out: list[LeftOutAnswer]


class EffectAnswer(Answer):
    """What a step does to a policy. The amount is in rand."""

    policy_id: UUID
    policy_number: str
    step: StepCode
    period: Day
    status: str
    before: dict[str, Any]
    after: dict[str, Any]
    amount: Money


class EffectsQuery(ListQuery):
    """Which effects; `format` sends all of them as a file."""

    step: StepCode | None = None
    policy_id: UUID | None = None
    policy_number: Annotated[Words, Field(max_length=40)] | None = None
    product_id: UUID | None = None
    format: Literal["json", "csv", "xlsx"] = "json"


class ResolvedAnswer(Answer):
    """The rate of a product version at a date, in per cent, and where it came from."""

    product_id: UUID
    product_name: str
    product_version_id: UUID
    version: int
    policies: int
    escalation_type: ProjectionType
    source: str
    resolved_rate: Money | None
    cover_rate: Money | None
    index_code: str | None
    index_month: Day | None
    index_value: Money | None
    floor: Money | None
    cap: Money | None
    problem: str | None


class ConfigPreviewAnswer(Answer):
    """Rates at a date."""

    process_date: Day
    products: list[ResolvedAnswer]


class IndexQuery(ListQuery):
    """Which index."""

    index_code: Annotated[Words, Field(max_length=40)] | None = None


class IndexBody(Body):
    """The yearly rise of an index for a month, in per cent, and where it was read."""

    index_code: Annotated[Words, Field(min_length=1, max_length=40)] = "CPI"
    month: Day
    value: Money
    source: Annotated[Words, Field(min_length=1, max_length=200)]


class IndexAnswer(Answer):
    """A value of an index table."""

    id: UUID
    index_code: str
    month: Day
    value: Money
    source: str
    recorded_at: datetime
    recorded_by: str


class EscalationBody(Body):
    """How premiums escalate from a day on. Rates are in per cent.

    Name a policy, a product version or a product; without one it holds for the organization.
    `steps` gives the rise by policy year, `reviews` the approved rise by review day.
    """

    escalation_type: ProjectionType
    valid_from: Day
    product_id: UUID | None = None
    product_version_id: UUID | None = None
    policy_id: UUID | None = None
    index_code: Annotated[Words, Field(min_length=1, max_length=40)] = "CPI"
    lag_months: int = Field(3, ge=0, le=24)
    floor: Money | None = None
    cap: Money | None = None
    fixed_rate: Money | None = None
    cover_rate: Money = Decimal("0.00")
    steps: dict[int, Money] = Field(default_factory=dict, max_length=100)
    rates_by_age: bool = False
    reviews: dict[Day, Money] = Field(default_factory=dict, max_length=100)
    requires_notice: bool = False
    reason: Annotated[Words, Field(max_length=500)] | None = None


class EscalationAnswer(Answer):
    """A rule of escalation as it was kept."""

    id: UUID
    escalation_type: ProjectionType
    valid_from: Day
    product_id: UUID | None
    product_version_id: UUID | None
    policy_id: UUID | None
    recorded_at: datetime
    recorded_by: str


class NoticeBody(Body):
    """Proof that a holder was told of a rise."""

    policy_id: UUID
    anniversary: Day
    sent_on: Day
    recipient: Annotated[Words, Field(min_length=1, max_length=200)]
    evidence: Annotated[
        Words,
        Field(
            min_length=1,
            max_length=200,
            description="The number of the registered letter or of the file that shows it",
        ),
    ]


class NoticeAnswer(Answer):
    """A notice as it was kept. Without `evidence` it proves nothing."""

    id: UUID
    policy_id: UUID
    anniversary: Day
    sent_on: Day
    recipient: str
    evidence: str | None


class RefusalBody(Body):
    """From when a holder refuses rises, and how they said so."""

    refused_from: Day
    reason: Annotated[Words, Field(min_length=1, max_length=500)]


class WithdrawalBody(Body):
    """From when a holder takes rises again, and how they said so."""

    withdrawn_from: Day
    reason: Annotated[Words, Field(min_length=1, max_length=500)]


class RefusalAnswer(Answer):
    """A refusal of rises; `withdrawn_from` is the first day with rises again."""

    id: UUID
    policy_id: UUID
    refused_from: Day
    reason: str
    recorded_at: datetime
    recorded_by: str
    withdrawn_from: Day | None
    withdrawn_reason: str | None
    withdrawn_at: datetime | None
    withdrawn_by: str | None


@endpoint(
    "POST",
    "/month-end/process",
    may=MonthEndMay.RUN,
    body=ProcessBody,
    answer=MonthEndRunAnswer,
    status=202,
    tag=TAG,
)
def process_month_end(body: ProcessBody) -> Reply:
    """Plan a month-end; where the organization allows it, `dry_run` false applies it too."""
    now = clock.now()
    wanted = services.WantedRun(
        process_date=body.process_date,
        steps=body.chosen,
        dry_run=body.dry_run,
        limit_policies=body.limit_policies,
        close_month=body.close_month,
    )
    run = services.request_run(wanted, on=business_day(), now=now)
    if body.wait:
        run = services.finish_now(run.id, now=now)
    return created(run_answer(run), "get_month_end_run", month_end_run_id=run.id)


@endpoint(
    "POST",
    "/month-end/config-preview",
    may=MonthEndMay.VIEW,
    body=PreviewBody,
    answer=ConfigPreviewAnswer,
    tag=TAG,
)
def preview_month_end_config(body: PreviewBody) -> dict[str, Any]:
    """Say the rate of each product at a date, and where it came from."""
    on = body.process_date or business_day()
    found = services.preview_escalation(db.session(), on)
    return {"process_date": on, "products": [_resolved(one) for one in found]}


@endpoint(
    "GET",
    "/month-end/runs",
    may=MonthEndMay.VIEW,
    query=ListQuery,
    answer=list[MonthEndRunAnswer],
    tag=TAG,
)
def list_month_end_runs(query: ListQuery) -> Reply:
    """List month-end runs, newest first."""
    after = decode_cursor(query.cursor, 1, UUID)[0] if query.cursor else None
    return listing(queries.list_runs(db.session(), limit=query.limit, after=after), run_answer)


@endpoint("GET", ONE, may=MonthEndMay.VIEW, answer=RunDetailAnswer, tag=TAG)
def get_month_end_run(month_end_run_id: UUID) -> dict[str, Any]:
    """Read a run: its plan, how far it is, and what it left out."""
    session = db.session()
    run = queries.get_run(session, month_end_run_id)
    left_out = [
        {
            "policy_id": exception.policy_id,
            "policy_number": exception.policy_number,
            "kind": exception.kind,
            "error": exception.error,
            "followed_by": exception.followed_by_id,
        }
        for exception in queries.list_exceptions(session, run.id)
    ]
    return run_answer(run) | {"left_out": left_out}


@endpoint(
    "GET",
    f"{ONE}/effects",
    may=MonthEndMay.VIEW,
    query=EffectsQuery,
    answer=list[EffectAnswer],
    tag=TAG,
)
def list_month_end_effects(month_end_run_id: UUID, query: EffectsQuery) -> Reply | Response:
    """List what a run does to policies, before and after; or send it as CSV or Excel."""
    session = db.session()
    run = queries.get_run(session, month_end_run_id)
    chosen: dict[str, Any] = {
        "step": query.step,
        "policy_id": query.policy_id,
        "policy_number": query.policy_number,
        "product_id": query.product_id,
    }
    if query.format != "json":
        found = queries.read_effects(session, run.id, **chosen)
        return export(
            query.format,
            f"month-end-{run.process_date}",
            EFFECTS_HEADER,
            (effect_cells(one) for one in found),
            action="month_end.export",
            resource="month_end_runs",
            resource_id=str(run.id),
        )
    after = queries.effect_key(query.cursor) if query.cursor else None
    return listing(queries.list_effects(session, run.id, limit=query.limit, after=after, **chosen))


@endpoint(
    "POST",
    f"{ONE}/approve",
    may=MonthEndMay.APPROVE,
    body=ApproveBody,
    answer=MonthEndRunAnswer,
    tag=TAG,
)
def approve_month_end_run(month_end_run_id: UUID, body: ApproveBody) -> dict[str, Any]:
    """Agree to a plan, which waits for approval; the last agreement that it needs freezes it."""
    now = clock.now()
    return run_answer(services.approve_run(month_end_run_id, comment=body.comment, now=now))


@endpoint(
    "POST",
    f"{ONE}/apply",
    may=MonthEndMay.RUN,
    body=WaitBody,
    answer=MonthEndRunAnswer,
    status=202,
    tag=TAG,
)
def apply_month_end_run(month_end_run_id: UUID, body: WaitBody) -> dict[str, Any]:
    """Apply exactly what an approved plan lists."""
    now = clock.now()
    run = services.apply_run(month_end_run_id, on=business_day(), now=now)
    return run_answer(services.finish_now(run.id, now=now) if body.wait else run)


@endpoint(
    "POST", f"{ONE}/cancel", may=MonthEndMay.RUN, body=Body, answer=MonthEndRunAnswer, tag=TAG
)
def cancel_month_end_run(month_end_run_id: UUID, body: Body) -> dict[str, Any]:
    """Stop a run after the chunks under way."""
    return run_answer(services.cancel_run(month_end_run_id, now=clock.now()))


@endpoint(
    "POST",
    f"{ONE}/retry",
    may=MonthEndMay.RUN,
    body=WaitBody,
    answer=MonthEndRunAnswer,
    status=202,
    tag=TAG,
)
def retry_month_end_run(month_end_run_id: UUID, body: WaitBody) -> Reply:
    """Plan again what a run left out, as a run of its own."""
    now = clock.now()
    run = services.retry_run(month_end_run_id, on=business_day(), now=now)
    if body.wait:
        run = services.finish_now(run.id, now=now)
    return created(run_answer(run), "get_month_end_run", month_end_run_id=run.id)


@endpoint(
    "GET",
    "/month-end/index-values",
    may=MonthEndMay.VIEW,
    query=IndexQuery,
    answer=list[IndexAnswer],
    tag=TAG,
)
def list_index_values(query: IndexQuery) -> Reply:
    """List index tables such as CPI, the newest month first."""
    after = _index_position(query.cursor) if query.cursor else None
    code = query.index_code.upper() if query.index_code else None
    return listing(
        queries.list_index_values(db.session(), limit=query.limit, after=after, code=code)
    )


@endpoint(
    "POST",
    "/month-end/index-values",
    may=MonthEndMay.RUN,
    body=IndexBody,
    answer=IndexAnswer,
    status=201,
    tag=TAG,
)
def add_index_value(body: IndexBody) -> Any:
    """Add an index's rise for a month."""
    return services.record_index_value(
        body.index_code, body.month, body.value, source=body.source, now=clock.now()
    )


@endpoint(
    "POST",
    "/month-end/escalation-rules",
    may=MonthEndMay.APPROVE,
    body=EscalationBody,
    answer=EscalationAnswer,
    status=201,
    tag=TAG,
)
def add_escalation_rule(body: EscalationBody) -> dict[str, Any]:
    """Say how a policy, a version, a product or the organization escalates from a day on."""
    wanted = body.model_dump(exclude={"org_id", "escalation_type", "steps", "reviews"})
    wanted |= {
        "type": body.escalation_type,
        "steps": {str(year): str(rate) for year, rate in body.steps.items()},
        "reviews": {day.isoformat(): str(rate) for day, rate in body.reviews.items()},
    }
    rule = services.record_escalation_rule(wanted, now=clock.now())
    names = set(EscalationAnswer.model_fields) - {"escalation_type"}
    return {name: getattr(rule, name) for name in names} | {"escalation_type": rule.type}


@endpoint(
    "POST",
    "/month-end/notices",
    may=MonthEndMay.RUN,
    body=NoticeBody,
    answer=NoticeAnswer,
    status=201,
    tag=TAG,
)
def add_escalation_notice(body: NoticeBody) -> Any:
    """Record that a holder was told of a rise in time."""
    return services.record_escalation_notice(
        body.policy_id,
        body.anniversary,
        recipient=body.recipient,
        sent_on=body.sent_on,
        evidence=body.evidence,
        on=business_day(),
        now=clock.now(),
    )


@endpoint(
    "GET",
    f"{OF_POLICY}/notices",
    may=MonthEndMay.VIEW,
    answer=list[NoticeAnswer],
    tag=TAG,
)
def list_escalation_notices(policy_id: UUID) -> Any:
    """List what a policy's holder was told of rises."""
    session = db.session()
    get_policy(session, policy_id)
    return queries.list_notices(session, policy_id)


@endpoint(
    "GET",
    f"{OF_POLICY}/refusals",
    may=MonthEndMay.VIEW,
    answer=list[RefusalAnswer],
    tag=TAG,
)
def list_escalation_refusals(policy_id: UUID) -> Any:
    """List the rises that a policy's holder refuses, and refused."""
    session = db.session()
    get_policy(session, policy_id)
    return queries.list_refusals(session, [policy_id])


@endpoint(
    "POST",
    f"{OF_POLICY}/refusals",
    may=MonthEndMay.RUN,
    body=RefusalBody,
    answer=RefusalAnswer,
    status=201,
    tag=TAG,
)
def add_escalation_refusal(policy_id: UUID, body: RefusalBody) -> Any:
    """Record that a policy's holder refuses rises from a day on."""
    return services.record_refusal(
        policy_id, refused_from=body.refused_from, reason=body.reason, now=clock.now()
    )


@endpoint(
    "POST",
    f"{OF_POLICY}/refusals/withdraw",
    may=MonthEndMay.RUN,
    body=WithdrawalBody,
    answer=RefusalAnswer,
    tag=TAG,
)
def withdraw_escalation_refusal(policy_id: UUID, body: WithdrawalBody) -> Any:
    """Record that a policy's holder takes rises again from a day on."""
    return services.withdraw_refusal(
        policy_id, withdrawn_from=body.withdrawn_from, reason=body.reason, now=clock.now()
    )


def run_answer(run: MonthEndRun) -> dict[str, Any]:
    """Return a run as it is published."""
    session = db.session()
    left_out = queries.count_exceptions(session, run.id)
    newer = queries.find_superseding(session, [run]).get(run.id)
    asked = services.find_request(session, run.id, clock.now())
    return {
        "run_id": run.id,
        "process_date": run.process_date,
        "status": run.status,
        "dry_run": run.dry_run,
        "steps": run.steps,
        "counts": services.counts_of(run, left_out),
        "totals": {
            step: {
                "effects": services.effects_of(run, StepCode(step)),
                "amount": services.amount_of(run, StepCode(step)),
            }
            for step in run.totals
        },
        "hash": run.hash,
        "requested_by": run.requested_by,
        "approval_id": asked.id if asked else None,
        "approved_by": run.approved_by,
        "progress": queries.get_progress(session, run, now=clock.now()),
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "policies": run.policies,
        "book": run.book,
        "limit_policies": run.limit_policies,
        "close_month": run.close_month,
        "follows": run.follows_id,
        "superseded_by": newer.id if newer else None,
        "error": run.error,
    }


def _resolved(one: Any) -> Mapping[str, Any]:
    how, rise = one.escalation, one.rise
    is_indexed = how.type == ProjectionType.INDEXED
    return {
        "product_id": one.product_id,
        "product_name": one.product_name,
        "product_version_id": one.product_version_id,
        "version": one.version_number,
        "policies": one.policies,
        "escalation_type": how.type,
        "source": how.source,
        "resolved_rate": _rate(rise.premium_rate) if rise else None,
        "cover_rate": _rate(rise.cover_rate) if rise else None,
        "index_code": how.index_code if is_indexed and how.fixed_rate is None else None,
        "index_month": rise.index_month if rise else None,
        "index_value": _rate(rise.index) if rise else None,
        "floor": _rate(how.floor) if is_indexed else None,
        "cap": _rate(how.cap) if is_indexed else None,
        "problem": one.problem,
    }


def _rate(rate: Decimal | None) -> Decimal | None:
    return None if rate is None else rate.quantize(Decimal("0.01"))


def _index_position(cursor: str) -> tuple[str, date]:
    code, month = decode_cursor(cursor, 2)
    try:
        return code, date.fromisoformat(month)
    except ValueError as error:
        raise DomainError("This page link is not valid.", field="cursor") from error
