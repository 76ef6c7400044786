"""Requests for other people in the API: what waits, its decision, and who must agree to what."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from insurance.api.edge import Answer, Body, ListQuery, endpoint, listing
from insurance.approvals import queries, services
from insurance.approvals.models import ApprovalAgreement, ApprovalRequest, ApprovalStatus
from insurance.approvals.permissions import ApprovalsMay
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.paging import decode_cursor
from insurance.organizations.permissions import SettingsMay
from insurance.web.business import business_day
from insurance.web.parsing import Day, Money, Words

PATH = "/approvals/<uuid:approval_id>"


class AgreementAnswer(Answer):
    """One person's agreement to a request."""

    agreed_by_email: str
    agreed_by_name: str
    for_email: str | None
    for_name: str | None
    agreed_at: datetime
    note: str | None


class ApprovalAnswer(Answer):
    """Something that one person asked for and others decide: so many as `needed` must agree."""

    id: UUID
    action: str
    resource: str
    resource_id: UUID
    record_version: int
    title: str
    amount: Money | None
    payload: dict[str, Any]
    payload_hash: str
    reason: str
    status: ApprovalStatus
    requested_at: datetime
    requested_by_email: str
    decided_at: datetime | None
    decided_by_email: str | None
    decided_for_email: str | None
    decision_note: str | None
    needed: int
    expires_at: datetime
    reminded_at: datetime | None
    agreements: list[AgreementAnswer] = []


class RuleFields(Answer, extra="forbid"):
    """From an amount of an action on, so many different people must agree."""

    action: Annotated[Words, Field(max_length=100, examples=["refunds.pay"])]
    from_amount: Money
    people: int = Field(examples=[2])


class RuleAnswer(Answer):
    """From an amount of an action on, so many different people must agree."""

    action: str
    from_amount: Money
    people: int


class ApprovalSettingsBody(Body):
    """The settings as they are to be, and the version they were read at."""

    version: int
    expires_after_days: int = Field(examples=[30])
    remind_after_days: int = Field(examples=[3])
    rules: Annotated[list[RuleFields], Field(max_length=100)]


class ApprovalSettingsAnswer(Answer):
    """Who must agree to what, and when a request expires. Version 0 was never changed.

    Without a rule one person agrees.
    """

    version: int
    expires_after_days: int
    remind_after_days: int
    rules: list[RuleAnswer]


class DelegationBody(Body):
    """Who decides instead, and on which days, both included."""

    delegate_id: UUID
    first_day: Day
    last_day: Day
    reason: Annotated[Words, Field(max_length=500)]


class DelegationAnswer(Answer):
    """A colleague decides requests in somebody's place."""

    id: UUID
    delegator_id: UUID
    delegator_email: str
    delegator_name: str
    delegate_id: UUID
    delegate_email: str
    delegate_name: str
    first_day: date
    last_day: date
    reason: str
    made_at: datetime
    withdrawn_at: datetime | None


class ApprovalsQuery(ListQuery):
    """Which requests."""

    status: ApprovalStatus | None = None


class DecisionBody(Body):
    """What the decider wants to add."""

    note: Annotated[Words, Field(max_length=500)] | None = None


@endpoint(
    "GET",
    "/approvals",
    may=ApprovalsMay.VIEW,
    query=ApprovalsQuery,
    answer=list[ApprovalAnswer],
    tag="Approvals",
)
def list_approvals(query: ApprovalsQuery):
    """List requests for a second person, newest first."""
    after = decode_cursor(query.cursor, 1, UUID)[0] if query.cursor else None
    found = queries.list_requests(db.session(), limit=query.limit, after=after, status=query.status)
    agreed = queries.agreements_of(db.session(), found.items)
    return listing(found, lambda one: _answer(one, agreed[one.id]))


def _answer(
    found: ApprovalRequest, agreed: Sequence[ApprovalAgreement] | None = None
) -> ApprovalAnswer:
    """Return a request with those who agreed to it so far."""
    if agreed is None:
        agreed = queries.agreements_of(db.session(), [found])[found.id]
    agreements = [AgreementAnswer.model_validate(one) for one in agreed]
    return ApprovalAnswer.model_validate(found).model_copy(update={"agreements": agreements})


@endpoint(
    "GET",
    "/approvals/settings",
    may=SettingsMay.VIEW,
    answer=ApprovalSettingsAnswer,
    tag="Approvals",
)
def get_approval_settings():
    """Say how many people must agree to what, and when a request expires."""
    return _settings()


@endpoint(
    "PUT",
    "/approvals/settings",
    may=SettingsMay.EDIT,
    body=ApprovalSettingsBody,
    answer=ApprovalSettingsAnswer,
    tag="Approvals",
)
def change_approval_settings(body: ApprovalSettingsBody):
    """Change how many people must agree and when a request expires; what waits is left as it is."""
    services.change_settings(
        body.rules,
        expires_after_days=body.expires_after_days,
        remind_after_days=body.remind_after_days,
        version=body.version,
        now=clock.now(),
    )
    return _settings()


def _settings() -> ApprovalSettingsAnswer:
    session = db.session()
    setting = queries.get_setting(session)
    return ApprovalSettingsAnswer(
        version=setting.version,
        expires_after_days=setting.expires_after_days,
        remind_after_days=setting.remind_after_days,
        rules=[RuleAnswer.model_validate(rule) for rule in queries.list_rules(session)],
    )


@endpoint("GET", PATH, may=ApprovalsMay.VIEW, answer=ApprovalAnswer, tag="Approvals")
def get_approval(approval_id: UUID):
    """Return a request with its frozen payload."""
    return _answer(queries.get_request(db.session(), approval_id))


@endpoint(
    "POST",
    f"{PATH}/approve",
    may=ApprovalsMay.VIEW,
    body=DecisionBody,
    answer=ApprovalAnswer,
    tag="Approvals",
)
def approve_request(approval_id: UUID, body: DecisionBody):
    """Agree, in one's own right or another's; the last agreement carries it out. Never by who asked."""
    return _answer(
        services.approve_request(approval_id, on=business_day(), now=clock.now(), note=body.note)
    )


@endpoint(
    "POST",
    f"{PATH}/reject",
    may=ApprovalsMay.VIEW,
    body=DecisionBody,
    answer=ApprovalAnswer,
    tag="Approvals",
)
def reject_request(approval_id: UUID, body: DecisionBody):
    """Refuse; nothing is done. Never by the one who asked."""
    return _answer(services.reject_request(approval_id, now=clock.now(), note=body.note))


@endpoint(
    "POST",
    f"{PATH}/withdraw",
    may=ApprovalsMay.VIEW,
    body=DecisionBody,
    answer=ApprovalAnswer,
    tag="Approvals",
)
def withdraw_request(approval_id: UUID, body: DecisionBody):
    """Take back what one asked for."""
    return _answer(services.withdraw_request(approval_id, now=clock.now(), note=body.note))


@endpoint(
    "GET",
    "/approvals/delegations",
    may=ApprovalsMay.VIEW,
    query=ListQuery,
    answer=list[DelegationAnswer],
    tag="Approvals",
)
def list_delegations(query: ListQuery):
    """List the delegations that one gave or was given, newest first."""
    after = decode_cursor(query.cursor, 1, UUID)[0] if query.cursor else None
    person_id = current_actor().user_id
    if person_id is None:
        return []
    return listing(
        queries.list_delegations(db.session(), person_id, limit=query.limit, after=after)
    )


@endpoint(
    "POST",
    "/approvals/delegations",
    may=ApprovalsMay.DECIDE,
    body=DelegationBody,
    answer=DelegationAnswer,
    status=201,
    tag="Approvals",
)
def delegate_decisions(body: DelegationBody):
    """Let a colleague decide requests in one's place, for at most 90 days."""
    return services.delegate_decisions(
        body.delegate_id,
        first_day=body.first_day,
        last_day=body.last_day,
        reason=body.reason,
        now=clock.now(),
    )


@endpoint(
    "POST",
    "/approvals/delegations/<uuid:delegation_id>/withdraw",
    may=ApprovalsMay.VIEW,
    answer=DelegationAnswer,
    tag="Approvals",
)
def withdraw_delegation(delegation_id: UUID):
    """End a delegation of one's own at once; what was decided by it stands."""
    return services.withdraw_delegation(delegation_id, now=clock.now())
