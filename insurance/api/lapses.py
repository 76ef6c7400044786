"""Lapse rules of products, and why and when a policy will lapse."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StrictBool, computed_field

from insurance.api.edge import Answer, Body, Reply, Sent, created, endpoint
from insurance.api.products.shared import Edits, Whole
from insurance.core import clock
from insurance.core.db import db
from insurance.core.money import ZERO
from insurance.lapses import queries, services
from insurance.lapses.models import (
    GraceType,
    LapseHold,
    LapseRule,
    NoticeKind,
    PremiumNotice,
)
from insurance.lapses.permissions import LapsesMay
from insurance.policies.services import forecast_of
from insurance.products.queries import get_product
from insurance.web.business import business_day
from insurance.web.parsing import Amount, Day, Money, Words

Schedule = Annotated[list[Whole], Field(max_length=10)]


NO_SMS = "No SMS leaves until a channel is set up."


class LapseRuleAnswer(Answer):
    """The grace and reinstatement terms of a product's premiums due from one day to another."""

    id: UUID
    product_id: UUID
    grace_period_days: int
    grace_period_type: GraceType
    reminder_schedule: list[int]
    auto_reinstate_if_paid_within_days: int
    max_reinstatement_period_days: int
    reinstatement_requires_medical_after_days: int | None
    monthly_grace_days: int
    quarterly_grace_days: int
    half_yearly_grace_days: int
    annual_grace_days: int
    send_sms_reminders: bool
    send_email_reminders: bool
    requires_notice: bool
    tolerance: Money
    effective_from: date
    effective_to: date | None = Field(description="The first day on which it no longer applies")
    version: int
    created_at: datetime
    updated_at: datetime

    @computed_field(description="What becomes of reminders by SMS while no channel is set up")  # type: ignore[prop-decorator]
    @property
    def sms_note(self) -> str | None:
        """Return the warning that no SMS leaves, where the rule asks for them."""
        return NO_SMS if self.send_sms_reminders else None


class LapseRuleFields(Body):
    """What is left out is the statutory minimum, or follows from `grace_period_days`."""

    grace_period_days: Whole = 15
    grace_period_type: GraceType = GraceType.CALENDAR
    reminder_schedule: Schedule = []
    auto_reinstate_if_paid_within_days: Whole = 14
    max_reinstatement_period_days: Whole = 180
    reinstatement_requires_medical_after_days: Whole | None = None
    monthly_grace_days: Whole = 15
    quarterly_grace_days: Whole = 31
    half_yearly_grace_days: Whole = 31
    annual_grace_days: Whole = 31
    send_sms_reminders: StrictBool = False
    send_email_reminders: StrictBool = True
    requires_notice: StrictBool = True
    tolerance: Amount = ZERO
    effective_to: Day | None = Field(None, description="The first day on which it does not apply")


class NewLapseRuleBody(LapseRuleFields):
    """A lapse rule from a day on; the open rule before it ends there."""

    effective_from: Day


class LapseRuleChanges(LapseRuleFields):
    """Changes to a lapse rule: what is left out stays as it is."""

    effective_from: Day = date(2026, 1, 1)
    version: Edits | None = None


class ForecastAnswer(Answer):
    """When a policy will lapse and what stops it; without arrears there are no dates."""

    oldest_unpaid: date | None
    grace_end: date | None
    lapse_date: date | None
    blocked_by: list[str]
    arrears: Money


class HoldBody(Body):
    """Why a policy shall not lapse, and the first day on which it may again."""

    reason: Annotated[Words, Field(min_length=1, max_length=500)]
    expires_on: Day


class HoldAnswer(Answer):
    """A reason not to lapse a policy."""

    id: UUID
    policy_id: UUID
    reason: str
    placed_on: date
    expires_on: date
    placed_by: str
    placed_at: datetime
    released_at: datetime | None


class NoticeFields(Body):
    """To whom a letter about the oldest premium unpaid went, and its true day."""

    recipient: Annotated[Words, Field(min_length=1, max_length=200)]
    sent_on: Day


class RegisteredNoticeBody(NoticeFields):
    """A letter that its registered-mail number proves."""

    registered_number: Annotated[Words, Field(min_length=1, max_length=60)]


class LetterBody(NoticeFields):
    """A letter that the file sent with it proves; a registered-mail number too, if it has one."""

    registered_number: Annotated[Words, Field(max_length=60)] = ""


class SendNoticeBody(Body):
    """Nothing more to say."""


class PremiumNoticeAnswer(Answer):
    """What a holder was told of a premium. A mail is proof once it has left (`mail_id`)."""

    id: UUID
    policy_id: UUID
    premium_line_id: UUID
    kind: NoticeKind
    days_before: int
    recipient: str
    sent_on: date
    registered_number: str | None
    file_name: str | None
    sha256: str | None
    mail_id: UUID | None


@endpoint("GET", "/products/<uuid:product_id>/lapse-rules", may=LapsesMay.VIEW,
          answer=list[LapseRuleAnswer], tag="Lapse rules")  # fmt: skip
def list_lapse_rules(product_id: UUID) -> list[LapseRule]:
    """List a product's lapse rules, the newest first."""
    session = db.session()
    get_product(session, product_id)
    return list(queries.list_lapse_rules(session, product_id))


@endpoint("POST", "/products/<uuid:product_id>/lapse-rules", may=LapsesMay.EDIT,
          body=NewLapseRuleBody, answer=LapseRuleAnswer, status=201, tag="Lapse rules")  # fmt: skip
def create_lapse_rule(product_id: UUID, body: NewLapseRuleBody) -> Reply:
    """Add a lapse rule to a product; overlapping dates are refused."""
    wanted = body.model_dump(exclude={"org_id"}, exclude_unset=True)
    rule = services.create_lapse_rule(product_id, wanted, on=business_day(), now=clock.now())
    return created(rule, "list_lapse_rules", product_id=product_id)


@endpoint("PUT", "/lapse-rules/<uuid:lapse_rule_id>", may=LapsesMay.EDIT,
          body=LapseRuleChanges, answer=LapseRuleAnswer, tag="Lapse rules")  # fmt: skip
def edit_lapse_rule(lapse_rule_id: UUID, body: LapseRuleChanges) -> LapseRule:
    """Change a lapse rule; one that premiums fell due under can only be ended."""
    wanted = body.model_dump(exclude={"org_id", "version"}, exclude_unset=True)
    return services.edit_lapse_rule(
        lapse_rule_id, wanted, version=body.version, on=business_day(), now=clock.now()
    )


@endpoint("GET", "/policies/<uuid:policy_id>/lapse-forecast", may=LapsesMay.VIEW,
          answer=ForecastAnswer, tag="Lapse rules")  # fmt: skip
def get_lapse_forecast(policy_id: UUID) -> dict[str, Any]:
    """Say why and when a policy will lapse."""
    found = forecast_of(db.session(), policy_id, business_day())
    return {name: getattr(found, name) for name in ForecastAnswer.model_fields} | {
        "blocked_by": [str(block) for block in found.blocked_by]
    }


@endpoint("POST", "/policies/<uuid:policy_id>/lapse-holds", may=LapsesMay.HOLD,
          body=HoldBody, answer=HoldAnswer, status=201, tag="Lapse rules")  # fmt: skip
def place_lapse_hold(policy_id: UUID, body: HoldBody) -> LapseHold:
    """Keep a policy from lapsing until a day."""
    return services.place_hold(
        policy_id,
        reason=body.reason,
        expires_on=body.expires_on,
        on=business_day(),
        now=clock.now(),
    )


@endpoint("DELETE", "/lapse-holds/<uuid:hold_id>", may=LapsesMay.HOLD,
          answer=None, status=204, tag="Lapse rules")  # fmt: skip
def release_lapse_hold(hold_id: UUID) -> None:
    """Let a held policy lapse again."""
    services.release_hold(hold_id, now=clock.now())


@endpoint("GET", "/policies/<uuid:policy_id>/premium-notices", may=LapsesMay.VIEW,
          answer=list[PremiumNoticeAnswer], tag="Lapse rules")  # fmt: skip
def list_premium_notices(policy_id: UUID) -> list[PremiumNotice]:
    """List what a policy's holder was told of premiums, the newest first."""
    session = db.session()
    queries.get_policy_facts(session, policy_id)
    return [line.notice for line in queries.list_notices(session, policy_id)]


@endpoint("POST", "/policies/<uuid:policy_id>/premium-notices", may=LapsesMay.HOLD,
          body=RegisteredNoticeBody, answer=PremiumNoticeAnswer, status=201,
          tag="Lapse rules")  # fmt: skip
def record_premium_notice(policy_id: UUID, body: RegisteredNoticeBody) -> Reply:
    """Record a notice of non-payment by registered letter, on its true day, however late."""
    notice = services.record_notice(
        policy_id,
        recipient=body.recipient,
        sent_on=body.sent_on,
        registered_number=body.registered_number,
        on=business_day(),
        now=clock.now(),
    )
    return created(notice, "list_premium_notices", policy_id=policy_id)


@endpoint("POST", "/policies/<uuid:policy_id>/premium-notices/letter", may=LapsesMay.HOLD,
          upload=LetterBody, answer=PremiumNoticeAnswer, status=201, tag="Lapse rules")  # fmt: skip
def record_notice_letter(policy_id: UUID, body: LetterBody, sent: Sent) -> Reply:
    """Record a notice of non-payment with a PDF, JPEG or PNG of the letter or its slip."""
    notice = services.record_notice(
        policy_id,
        recipient=body.recipient,
        sent_on=body.sent_on,
        registered_number=body.registered_number,
        letter=services.NoticeLetter(sent.name, sent.content),
        on=business_day(),
        now=clock.now(),
    )
    return created(notice, "list_premium_notices", policy_id=policy_id)


@endpoint("POST", "/policies/<uuid:policy_id>/premium-notices/send", may=LapsesMay.HOLD,
          body=SendNoticeBody, answer=PremiumNoticeAnswer, status=201, tag="Lapse rules")  # fmt: skip
def send_premium_notice(policy_id: UUID, body: SendNoticeBody) -> Reply:
    """Send the notice of non-payment by e-mail now; sent late, grace runs from it."""
    notice = services.send_notice(policy_id, on=business_day())
    return created(notice, "list_premium_notices", policy_id=policy_id)
