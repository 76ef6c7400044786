"""Policies in the API: lists, the one-stop view, history, premiums and money."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from insurance.api.edge import Answer, ListQuery, Query, endpoint, listing
from insurance.api.objects import InsuredObjectAnswer, object_answer
from insurance.billing import queries as billing
from insurance.claims import queries as claims
from insurance.core.db import db
from insurance.core.money import ZERO
from insurance.core.paging import decode_cursor
from insurance.customers.life_numbers import numbers_shown
from insurance.customers.queries import get_customer
from insurance.policies import queries
from insurance.policies.models import EventCategory, InsuredObject, PolicyStatus
from insurance.policies.permissions import PoliciesMay
from insurance.policies.queries import PolicyLine
from insurance.products.queries import load_terms
from insurance.products.rules import ProductTerms
from insurance.web.business import business_day
from insurance.web.parsing import Day, Money, RateNumber

PATH = "/policies/<uuid:policy_id>"


class PolicyAnswer(Answer):
    """A policy with the names of its customer and product. Without a payer its holder pays."""

    id: UUID
    policy_number: str
    status: PolicyStatus
    customer_id: UUID
    customer_name: str
    payer_id: UUID | None
    product_id: UUID
    product_name: str
    quote_id: UUID | None
    quote_number: str | None
    effective_date: Day
    expiry_date: Day | None
    term_years: int
    due_day: int
    frequency: str
    premium: Money
    coverage_amount: Money
    current_version: int
    issued_at: datetime


class EventAnswer(Answer):
    """Something that happened to a policy."""

    id: UUID
    sequence: int
    category: EventCategory
    event_type: str
    effective_date: Day
    recorded_at: datetime
    description: str
    reason: str | None
    payload: dict[str, Any]
    actor: str
    request_id: str | None


class PolicyVersionAnswer(Answer):
    """The full state after an event."""

    version_number: int
    snapshot_date: datetime
    effective_date: Day
    change_reason: str
    change_description: str
    policy_snapshot: dict[str, Any]


class SummaryAnswer(Answer):
    """The schedule in figures."""

    monthly_premium: Money
    schedule_count: int
    paid_count: int
    overdue_count: int
    total_paid: Money
    total_outstanding: Money
    next_due_date: Day | None
    next_due_amount: Money | None


class NamedAnswer(Answer):
    """Something by name."""

    id: UUID
    name: str


class HolderAnswer(Answer):
    """The policyholder."""

    id: UUID
    first_name: str | None
    last_name: str | None
    company_name: str | None
    email: str | None
    phone: str | None


class MemberAnswer(Answer):
    """A life insured. Who may see its numbers gets them whole; a passport's after its country."""

    id: UUID
    role: str
    first_name: str
    last_name: str
    date_of_birth: Day | None
    gender: str | None
    id_number: str | None
    passport_number: str | None
    effective_date: Day
    is_active: bool


class LayerAnswer(Answer):
    """Cover added on one day."""

    number: int
    amount: Money
    starts_on: Day
    waiting_days: int
    waiting_until: Day


class PolicyBenefitAnswer(Answer):
    """A benefit and what is left of its cover."""

    id: UUID
    benefit_code: str
    benefit_name: str
    member_name: str
    object_id: UUID | None
    object_name: str
    excess_amount: Money
    excess_per_cent: RateNumber
    sum_assured: Money
    remaining_cover: Money
    premium: Money
    status: str
    waiting_period_days: int
    waiting_period_end_date: Day
    in_waiting_period: bool
    layers: list[LayerAnswer]


class ClaimOfPolicyAnswer(Answer):
    """A claim on the policy."""

    id: UUID
    claim_number: str
    claim_type: str
    status: str
    claim_date: Day
    event_date: Day
    total_claimed: Money
    due_at: datetime | None


class DetailAnswer(Answer):
    """Everything a call-centre agent needs of a policy."""

    policy: PolicyAnswer
    product: NamedAnswer
    customer: HolderAnswer
    members: list[MemberAnswer]
    insured_objects: list[InsuredObjectAnswer]
    benefits: list[PolicyBenefitAnswer]
    premium_summary: SummaryAnswer
    recent_events: list[EventAnswer]
    claims: list[ClaimOfPolicyAnswer]
    current_version: int


class PoliciesQuery(ListQuery):
    """Which policies."""

    status: PolicyStatus | None = None
    product_id: UUID | None = None
    customer_id: UUID | None = None
    q: str = Field(
        "", max_length=100, description="Policy number, holder, phone, ID number or registration"
    )


class EventsQuery(Query):
    """Which events."""

    category: EventCategory | None = None
    event_type: Annotated[str, Field(max_length=60)] | None = None
    limit: int = Field(50, ge=1, le=200)
    offset: int = Field(0, ge=0, le=100_000)


@endpoint(
    "GET",
    "/policies",
    may=PoliciesMay.VIEW,
    query=PoliciesQuery,
    answer=list[PolicyAnswer],
    tag="Policies",
)
def list_policies(query: PoliciesQuery):
    """List policies, newest first."""
    after = decode_cursor(query.cursor, 1, UUID)[0] if query.cursor else None
    found = queries.list_policies(
        db.session(),
        limit=query.limit,
        after=after,
        status=query.status,
        product_id=query.product_id,
        customer_id=query.customer_id,
        q=query.q,
    )
    return listing(found, _policy)


@endpoint("GET", f"{PATH}/detail", may=PoliciesMay.VIEW, answer=DetailAnswer, tag="Policies")
def get_policy_detail(policy_id: UUID):
    """Return everything about a policy in one answer."""
    session, on = db.session(), business_day()
    line = queries.get_policy_line(session, policy_id)
    members = queries.list_members(session, policy_id)
    benefits = queries.list_benefits(session, policy_id)
    used = claims.used_cover(session, [view.benefit.id for view in benefits])
    terms = load_terms(session, line.policy.product_version_id)
    numbers = numbers_shown(
        session, [ref for row in members for ref in (row.id_number_ref, row.passport_ref)]
    )
    return {
        "policy": _policy(line),
        "product": {"id": line.policy.product_id, "name": line.product_name},
        "customer": get_customer(session, line.policy.customer_id),
        "members": [
            fields_of(
                row,
                MemberAnswer,
                is_active=row.end_date is None,
                id_number=row.id_number_ref and numbers[row.id_number_ref],
                passport_number=row.passport_ref and numbers[row.passport_ref],
            )
            for row in members
        ],
        "insured_objects": [_object(row) for row in queries.list_objects(session, policy_id)],
        "benefits": [
            _benefit(view, terms, on, used.get(view.benefit.id, ZERO)) for view in benefits
        ],
        "premium_summary": summary_of(line, on),
        "recent_events": queries.list_events(session, policy_id, limit=10),
        "claims": claims.list_claims_of_policy(session, policy_id),
        "current_version": line.policy.current_version,
    }


@endpoint(
    "GET",
    f"{PATH}/events",
    may=PoliciesMay.VIEW,
    query=EventsQuery,
    answer=list[EventAnswer],
    tag="Policies",
)
def list_policy_events(policy_id: UUID, query: EventsQuery):
    """List what happened to a policy, newest first."""
    queries.get_policy(db.session(), policy_id)
    return queries.list_events(
        db.session(),
        policy_id,
        limit=query.limit,
        offset=query.offset,
        category=query.category,
        event_type=query.event_type,
    )


@endpoint(
    "GET",
    f"{PATH}/versions",
    may=PoliciesMay.VIEW,
    answer=list[PolicyVersionAnswer],
    tag="Policies",
)
def list_policy_versions(policy_id: UUID):
    """List the versions of a policy with their snapshots, newest first."""
    queries.get_policy(db.session(), policy_id)
    return queries.list_versions(db.session(), policy_id)


def _policy(line: PolicyLine) -> dict[str, Any]:
    return fields_of(
        line.policy,
        PolicyAnswer,
        customer_name=line.customer_name,
        product_name=line.product_name,
        quote_number=line.quote_number,
    )


def _object(row: InsuredObject) -> dict[str, Any]:
    shown = object_answer(row.kind.value, row.name, row.value, row.details)
    return shown | {
        "id": row.id,
        "effective_date": row.effective_date,
        "end_date": row.end_date,
        "is_active": row.end_date is None,
    }


def _benefit(
    view: queries.BenefitView, terms: ProductTerms, on: Any, used: Decimal
) -> dict[str, Any]:
    excess_amount, excess_per_cent = terms.excess(view.benefit.benefit_code)
    return fields_of(
        view.benefit,
        PolicyBenefitAnswer,
        member_name=view.member_name,
        object_name=view.object_name,
        excess_amount=excess_amount,
        excess_per_cent=excess_per_cent,
        remaining_cover=max(view.benefit.sum_assured - used, ZERO),
        waiting_period_days=view.waiting_days,
        waiting_period_end_date=view.waiting_until,
        in_waiting_period=on < view.waiting_until,
        layers=view.layers,
    )


def summary_of(line: PolicyLine, on: Any) -> dict[str, Any]:
    """Return the schedule of a policy in figures."""
    found = billing.get_premium_summary(db.session(), line.policy.id, on=on)
    return fields_of(found, SummaryAnswer, monthly_premium=line.policy.premium or ZERO)


def fields_of(record: Any, answer: type[Answer], **more: Any) -> dict[str, Any]:
    """Return what an answer shows of a record, and more."""
    names = set(answer.model_fields) - set(more)
    return {name: getattr(record, name) for name in names} | more
