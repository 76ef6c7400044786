"""Endorsements in the API: preview, issue, drafts, undo; and a policy as at a day."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StrictBool

from insurance.api.edge import Answer, Body, Query, Reply, endpoint
from insurance.api.objects import DriverBody, ObjectBody, described
from insurance.api.policies import PATH
from insurance.core import clock
from insurance.core.db import db
from insurance.policies import queries
from insurance.policies.models import EndorsementStatus, EndorsementType
from insurance.policies.permissions import PoliciesMay
from insurance.policies.services import endorsements as services
from insurance.policies.services.as_at import policy_as_at
from insurance.policies.services.endorsements import EndorsementRequest, IssuedEndorsement, Preview
from insurance.policies.services.life_cover import question_answer
from insurance.web.business import business_day
from insurance.web.parsing import Amount, Day, Money, Words

ONE = "/endorsements/<uuid:endorsement_id>"
Name = Annotated[Words, Field(max_length=200)]
LifeNumberText = Annotated[Words, Field(max_length=40)]
Share = Annotated[Amount, Field(description="Per cent, two decimals")]


class BeneficiaryBody(Answer):
    """Who is paid, and what share in per cent."""

    model_config = {"extra": "forbid"}

    kind: Literal["PRIMARY", "CONTINGENT"] = "PRIMARY"
    first_name: Name = ""
    last_name: Name
    date_of_birth: Day | None = Field(
        None,
        description="Left out by who may not see ID numbers, it stays as it is on file by the name",
    )
    relationship: Annotated[Words, Field(max_length=60)] = ""
    share: Share
    guardian_name: Name | None = None


class LifeAnswer(Answer):
    """Whether a life of this policy is the one on another policy that was asked about."""

    model_config = {"extra": "forbid"}

    life: int = Field(ge=-1, le=1_000, description="As the question numbers it")
    other_member_id: UUID
    is_same: StrictBool


class LifeQuestionAnswer(Answer):
    """Two lives that are likely one person; its funeral cover depends on the answer."""

    life: int
    name: str
    other_member_id: UUID
    other_name: str
    other_date_of_birth: Day | None
    other_policy_number: str
    other_cover: Money
    question: str


class EndorseBody(Body):
    """A change of a policy. Which fields are needed depends on the type."""

    endorsement_type: EndorsementType
    effective_date: Day | None = None
    reason: Annotated[Words, Field(max_length=500)] | None = None
    policy_benefit_id: UUID | None = None
    new_sum_assured: Amount | None = None
    member_role: Annotated[Words, Field(pattern="^(SPOUSE|CHILD|PARENT|EXTENDED)$")] | None = None
    first_name: Name | None = None
    last_name: Name | None = None
    date_of_birth: Day | None = None
    gender: Annotated[Words, Field(pattern="^(MALE|FEMALE)$")] | None = None
    id_number: LifeNumberText | None = Field(
        None, description="Of a life; birth and gender follow from it"
    )
    passport_number: LifeNumberText | None = None
    passport_country: Annotated[Words, Field(max_length=2)] | None = None
    policy_member_id: UUID | None = None
    beneficiaries: Annotated[list[BeneficiaryBody], Field(max_length=20)] | None = None
    due_day: int | None = Field(None, ge=1, le=31)
    frequency: Annotated[Words, Field(max_length=20)] | None = None
    bank_account_id: UUID | None = None
    policy_object_id: UUID | None = Field(None, description="The only one that fits if left out")
    insured_object: ObjectBody | None = None
    drivers: Annotated[list[DriverBody], Field(max_length=10)] | None = None
    confirms_duplicate: bool = Field(
        False, description="A vehicle may be insured on another policy of the book too"
    )
    payer_id: UUID | None = Field(None, description="The holder's own id: the holder pays")
    resolutions: Annotated[
        dict[UUID, Literal["KEEP_LATER", "USE_THIS"]],
        Field(max_length=50, description="By the id of each later endorsement in conflict"),
    ] = {}
    life_answers: Annotated[list[LifeAnswer], Field(max_length=100)] = []


class UndoBody(Body):
    """Where cover that comes back asks: is a life the one on another policy?"""

    life_answers: Annotated[list[LifeAnswer], Field(max_length=100)] = []


class DebitAnswer(Answer):
    """A debit to come."""

    due_date: Day
    amount: Money


class WaitingAnswer(Answer):
    """Cover that waits for natural causes."""

    benefit: str
    amount: Money
    waiting_until: Day


class ConflictAnswer(Answer):
    """A later endorsement that changes the same."""

    endorsement_id: UUID
    effective_date: Day
    field: str
    this: str
    later: str


class EndorsementPreviewAnswer(Answer):
    """What a change does, cent for cent; with conflicts nothing is priced."""

    effective_date: Day
    current_premium: Money
    new_premium: Money
    current_cover: Money
    new_cover: Money
    adjustment: Money
    days_left: int
    days_in_period: int
    next_debits: list[DebitAnswer]
    waiting: list[WaitingAnswer]
    conflicts: list[ConflictAnswer]
    life_questions: list[LifeQuestionAnswer]


class EndorsedAnswer(EndorsementPreviewAnswer):
    """A change that was issued."""

    endorsement_id: UUID
    event_id: UUID | None
    version_number: int | None
    status: EndorsementStatus
    approval_id: UUID | None = Field(None, description="A second person must agree first")


class EndorsementAnswer(Answer):
    """An endorsement, draft or issued."""

    id: UUID
    type: EndorsementType
    status: EndorsementStatus
    effective_date: Day
    reason: str | None
    change: dict[str, Any]
    priced: dict[str, Any] | None
    priced_on_version: int | None
    created_at: datetime
    created_by: str
    issued_at: datetime | None
    version_number: int | None


class AsAtQuery(Query):
    """As at which day, as known when."""

    effective: Day | None = None
    known: Day | None = Field(None, description="To the end of this day; default: now")


class AsAtAnswer(Answer):
    """A policy as it stood on a day, as known on another."""

    effective: Day
    known: datetime
    version_number: int
    policy_snapshot: dict[str, Any]


_OF_EVERY_CHANGE = frozenset(
    {
        "org_id",
        "endorsement_type",
        "effective_date",
        "reason",
        "resolutions",
        "confirms_duplicate",
        "life_answers",
    }
)


def _wanted(body: EndorseBody) -> EndorsementRequest:
    own = set(EndorseBody.model_fields) - _OF_EVERY_CHANGE
    data = {
        name: value for name, value in body.model_dump(include=own).items() if value is not None
    }
    if body.insured_object is not None:
        data["insured_object"] = described(body.insured_object)
    return EndorsementRequest(
        type=body.endorsement_type,
        data=data,
        effective_date=body.effective_date or business_day(),
        reason=body.reason,
        resolutions=dict(body.resolutions),
        confirms_duplicate=body.confirms_duplicate,
        life_answers=answers_by_question(body.life_answers),
    )


def answers_by_question(answers: list[LifeAnswer]) -> dict[str, bool]:
    """Return answers by what the rules call the question."""
    return {f"{answer.life}:{answer.other_member_id}": answer.is_same for answer in answers}


def _previewed(preview: Preview) -> dict[str, Any]:
    return {
        "effective_date": preview.effective_date,
        "current_premium": preview.current_premium,
        "new_premium": preview.new_premium,
        "current_cover": preview.current_cover,
        "new_cover": preview.new_cover,
        "adjustment": preview.adjustment,
        "days_left": preview.days_left,
        "days_in_period": preview.days_in_period,
        "next_debits": [{"due_date": due, "amount": amount} for due, amount in preview.next_debits],
        "waiting": [
            {"benefit": name, "amount": amount, "waiting_until": until}
            for name, amount, until in preview.waiting
        ],
        "conflicts": list(preview.conflicts),
        "life_questions": [question_answer(question) for question in preview.questions],
    }


def _endorsed(issued: IssuedEndorsement) -> dict[str, Any]:
    endorsement = issued.endorsement
    return _previewed(issued.preview) | {
        "endorsement_id": endorsement.id,
        "event_id": endorsement.event_id,
        "version_number": endorsement.version_number,
        "status": endorsement.status,
        "approval_id": issued.approval_id,
    }


@endpoint(
    "POST",
    f"{PATH}/endorse/preview",
    may=PoliciesMay.ENDORSE,
    body=EndorseBody,
    answer=EndorsementPreviewAnswer,
    tag="Endorsements",
)
def preview_endorsement(policy_id: UUID, body: EndorseBody):
    """Return what a change would do to premium and cover; nothing is written."""
    preview = services.preview_endorsement(policy_id, _wanted(body), on=business_day())
    return _previewed(preview)


@endpoint(
    "POST",
    f"{PATH}/endorse",
    may=PoliciesMay.ENDORSE,
    body=EndorseBody,
    answer=EndorsedAnswer,
    status=201,
    may_wait=True,
    tag="Endorsements",
)
def endorse_policy(policy_id: UUID, body: EndorseBody) -> Reply:
    """Price a change and issue it."""
    issued = services.endorse_policy(policy_id, _wanted(body), on=business_day(), now=clock.now())
    return Reply(_endorsed(issued), status=202 if issued.approval_id else 201)


@endpoint(
    "GET",
    f"{PATH}/endorsements",
    may=PoliciesMay.VIEW,
    answer=list[EndorsementAnswer],
    tag="Endorsements",
)
def list_endorsements(policy_id: UUID):
    """List the endorsements of a policy, drafts included."""
    queries.get_policy(db.session(), policy_id)
    return queries.list_endorsements(db.session(), policy_id)


@endpoint(
    "POST",
    f"{PATH}/endorsements",
    may=PoliciesMay.ENDORSE,
    body=EndorseBody,
    answer=EndorsementAnswer,
    status=201,
    tag="Endorsements",
)
def draft_endorsement(policy_id: UUID, body: EndorseBody) -> Reply:
    """Keep a priced change as a draft."""
    return Reply(
        services.draft_endorsement(policy_id, _wanted(body), on=business_day(), now=clock.now())
    )


@endpoint(
    "POST",
    f"{ONE}/reprice",
    may=PoliciesMay.ENDORSE,
    answer=EndorsementAnswer,
    tag="Endorsements",
)
def reprice_endorsement(endorsement_id: UUID):
    """Price a draft again on the policy as it stands; this also rebases a stale one."""
    return services.reprice_endorsement(endorsement_id, on=business_day(), now=clock.now())


@endpoint(
    "POST",
    f"{ONE}/issue",
    may=PoliciesMay.ENDORSE,
    answer=EndorsedAnswer,
    tag="Endorsements",
)
def issue_endorsement(endorsement_id: UUID):
    """Issue a priced draft."""
    return _endorsed(services.issue_endorsement(endorsement_id, on=business_day(), now=clock.now()))


@endpoint(
    "POST",
    f"{ONE}/undo",
    may=PoliciesMay.ENDORSE,
    body=UndoBody,
    answer=EndorsementAnswer,
    tag="Endorsements",
)
def undo_endorsement(endorsement_id: UUID, body: UndoBody):
    """Take the last endorsement of a policy back: data and money return exactly."""
    services.undo_endorsement(
        endorsement_id,
        on=business_day(),
        now=clock.now(),
        life_answers=answers_by_question(body.life_answers),
    )
    return services.get_endorsement(db.session(), endorsement_id)


@endpoint(
    "DELETE",
    ONE,
    may=PoliciesMay.ENDORSE,
    answer=EndorsementAnswer,
    tag="Endorsements",
)
def discard_endorsement(endorsement_id: UUID):
    """Discard a draft."""
    services.discard_endorsement(endorsement_id, now=clock.now())
    return services.get_endorsement(db.session(), endorsement_id)


@endpoint(
    "GET",
    f"{PATH}/as-at",
    may=PoliciesMay.VIEW,
    query=AsAtQuery,
    answer=AsAtAnswer,
    tag="Policies",
)
def get_policy_as_at(policy_id: UUID, query: AsAtQuery):
    """Return a policy as it stood on a day (`effective`), as known at the end of another."""
    known = clock.now()
    if query.known is not None:
        known = min(known, datetime.combine(query.known, datetime.max.time(), UTC))
    return policy_as_at(
        db.session(), policy_id, effective=query.effective or business_day(), known=known
    )
