"""What a policy's holder hears and says of its rises: notices, refusals, and where it stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from insurance.audit_logs.services import event_row, record
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError
from insurance.core.ids import new_id
from insurance.core.period import add_years
from insurance.core.tenancy import current_org
from insurance.month_end import queries, rules
from insurance.month_end.models import EscalationNotice, EscalationRefusal
from insurance.month_end.rules import Escalation, Rise
from insurance.month_end.services.escalations import load_escalations
from insurance.organizations.queries import find_parameter
from insurance.policies.changes import IN_FORCE, Happening, PolicyChange, write_changes
from insurance.policies.models import EventCategory, Policy
from insurance.policies.queries import get_policy

_RISEN = text(
    """
    SELECT max(effective_date) FROM ins.endorsements
    WHERE org_id = :org AND policy_id = :policy AND type = 'ANNIVERSARY' AND status = 'ISSUED'
    """
)


@dataclass(frozen=True, slots=True)
class EscalationStanding:
    """How a policy escalates at its next anniversary, and what its holder was told and said.

    `told_by` is the last day on which a notice counts; `problem` says what is missing.
    `awaits` is the month whose index decides the rise, where it is not over yet.
    """

    policy: Policy
    anniversary: date
    told_by: date
    escalation: Escalation
    rise: Rise | None
    problem: str | None
    refusals: Sequence[EscalationRefusal]
    notices: Sequence[EscalationNotice]
    awaits: date | None

    @property
    def is_refused(self) -> bool:
        """Tell whether a refusal was recorded and not withdrawn."""
        return any(refusal.withdrawn_from is None for refusal in self.refusals)

    @property
    def is_told(self) -> bool:
        """Tell whether there is proof for the next anniversary."""
        return any(
            notice.anniversary == self.anniversary and notice.evidence for notice in self.notices
        )


def get_standing(session: Session, policy_id: UUID, on: date) -> EscalationStanding:
    """Return where a policy stands on a day. Raises NotFoundError."""
    policy = get_policy(session, policy_id)
    since = max(on, policy.effective_date)
    anniversary = rules.anniversaries(
        policy.effective_date, after=since, until=add_years(since, 1)
    )[0]
    found, problem, rise = load_escalations(session, on, [policy_id]), None, None
    escalation = found.of(policy_id, policy.product_version_id, policy.product_id, anniversary)
    try:
        rise = found.rise(escalation, policy.effective_date, anniversary)
    except DomainError as error:
        problem = error.message
    return EscalationStanding(
        policy,
        anniversary,
        rules.notice_by(anniversary, found.notice_days),
        escalation,
        rise,
        problem,
        queries.list_refusals(session, [policy_id]),
        queries.list_notices(session, policy_id),
        _awaited(escalation, anniversary, on) if rise is None else None,
    )


def _awaited(escalation: Escalation, anniversary: date, on: date) -> date | None:
    """Return the month whose index decides a rise, where it is not over on a day."""
    month = rules.index_month(anniversary, escalation.lag_months)
    return month if rules.needs_index(escalation) and month >= on.replace(day=1) else None


def record_refusal(
    policy_id: UUID, *, refused_from: date, reason: str, now: datetime
) -> EscalationRefusal:
    """Keep that a holder refuses rises from a day on.

    Raises DomainError for a rise that was made already, ConflictError where they refuse already.
    """
    try:
        with transaction() as session:
            policy = get_policy(session, policy_id, lock=True)
            _check_refusal(session, policy, refused_from)
            row = EscalationRefusal(
                id=new_id(),
                policy_id=policy_id,
                refused_from=refused_from,
                reason=_said(reason),
                recorded_at=now,
                recorded_by=current_actor().email,
            )
            session.add(row)
            session.flush()
            happening = Happening(
                policy.id,
                "ESCALATION_REFUSED",
                refused_from,
                f"The holder refuses rises from {refused_from:%Y/%m/%d}",
                {"refusal_id": row.id, "refused_from": refused_from},
                row.reason,
                EventCategory.LIFECYCLE,
            )
            audit = event_row(
                action="month_end.record_refusal",
                resource="policies",
                resource_id=policy_id,
                after={"refused_from": refused_from},
                reason=row.reason,
            )
            change = PolicyChange(policy=policy, happenings=[happening], audit=audit)
            write_changes(session, [change], now=now)
            return row
    except IntegrityError as error:
        raise ConflictError(
            "The holder refuses already. Withdraw that first.", field="refused_from"
        ) from error


def _check_refusal(session: Session, policy: Policy, refused_from: date) -> None:
    if policy.status not in IN_FORCE:
        raise ConflictError("This policy is no longer in force.", field="refused_from")
    if refused_from < policy.effective_date:
        raise DomainError("The policy had not begun on this day.", field="refused_from")
    risen = session.scalar(_RISEN, {"org": current_org(), "policy": policy.id})
    if risen is not None and refused_from <= risen:
        raise DomainError(
            f"The rise of {risen:%Y/%m/%d} was made already. Choose a later day, or undo that rise"
            " first.",
            field="refused_from",
        )


def withdraw_refusal(
    policy_id: UUID, *, withdrawn_from: date, reason: str, now: datetime
) -> EscalationRefusal:
    """Keep that a holder takes rises again from a day on. Raises ConflictError: nothing refused."""
    with transaction() as session:
        policy = get_policy(session, policy_id, lock=True)
        refusal = queries.find_open_refusal(session, policy_id)
        if refusal is None:
            raise ConflictError("The holder does not refuse rises.", field="withdrawn_from")
        if withdrawn_from <= refusal.refused_from:
            raise DomainError(
                f"Choose a day after {refusal.refused_from:%Y/%m/%d}, when the refusal began.",
                field="withdrawn_from",
            )
        refusal.withdrawn_from, refusal.withdrawn_reason = withdrawn_from, _said(reason)
        refusal.withdrawn_at, refusal.withdrawn_by = now, current_actor().email
        happening = Happening(
            policy.id,
            "ESCALATION_REFUSAL_WITHDRAWN",
            withdrawn_from,
            f"The holder takes rises again from {withdrawn_from:%Y/%m/%d}",
            {"refusal_id": refusal.id, "withdrawn_from": withdrawn_from},
            refusal.withdrawn_reason,
            EventCategory.LIFECYCLE,
        )
        audit = event_row(
            action="month_end.withdraw_refusal",
            resource="policies",
            resource_id=policy_id,
            before={"refused_from": refusal.refused_from},
            after={"withdrawn_from": withdrawn_from},
            reason=refusal.withdrawn_reason,
        )
        change = PolicyChange(policy=policy, happenings=[happening], audit=audit)
        write_changes(session, [change], now=now)
        return refusal


def _said(reason: str) -> str:
    if not reason.strip():
        raise DomainError("Say how the holder told us.", field="reason")
    return reason.strip()


def record_escalation_notice(
    policy_id: UUID,
    anniversary: date,
    *,
    recipient: str,
    sent_on: date,
    evidence: str,
    on: date,
    now: datetime,
) -> EscalationNotice:
    """Keep proof that a holder was told of a rise, or complete a notice that had none.

    Raises DomainError at the field: for a notice that came too late, or one that nothing proves;
    ConflictError where it is recorded already.
    """
    with transaction() as session:
        policy = get_policy(session, policy_id, lock=True)
        _check_notice(session, policy, anniversary, recipient, sent_on, on)
        if not evidence.strip():
            raise DomainError(
                "Give the number of the registered letter or of the file: a day alone proves"
                " nothing.",
                field="evidence",
            )
        row = queries.find_notice(session, policy_id, anniversary)
        if row is None:
            row = EscalationNotice(id=new_id(), policy_id=policy_id, anniversary=anniversary)
            session.add(row)
        elif row.evidence:
            raise ConflictError("This notice is recorded already.", field="anniversary")
        row.sent_on, row.recipient, row.evidence = sent_on, recipient.strip(), evidence.strip()
        row.recorded_at, row.recorded_by = now, current_actor().email
        session.flush()
        happening = Happening(
            policy.id,
            "ESCALATION_NOTICE",
            sent_on,
            f"The holder was told of the rise of {anniversary:%Y/%m/%d}",
            {"notice_id": row.id, "anniversary": anniversary},
            category=EventCategory.LIFECYCLE,
        )
        write_changes(session, [PolicyChange(policy=policy, happenings=[happening])], now=now)
        record(
            session,
            action="month_end.record_notice",
            resource="month_end",
            resource_id=row.id,
            after={
                "policy_id": policy_id,
                "anniversary": anniversary,
                "sent_on": sent_on,
                "evidence": row.evidence,
            },
        )
        return row


def _check_notice(
    session: Session, policy: Policy, anniversary: date, recipient: str, sent_on: date, on: date
) -> None:
    if not recipient.strip():
        raise DomainError("Say where it was sent.", field="recipient")
    days = int(find_parameter(session, "escalation_notice_days", on))
    last = rules.notice_by(anniversary, days)
    years = anniversary.year - policy.effective_date.year
    if years < 1 or add_years(policy.effective_date, years) != anniversary:
        raise DomainError("This is no anniversary of the policy.", field="anniversary")
    if sent_on > last:
        raise DomainError(
            f"A notice is sent by {last:%Y/%m/%d}, {days} days before the rise.", field="sent_on"
        )
    if sent_on > on:
        raise DomainError("A notice cannot be sent in the future.", field="sent_on")
