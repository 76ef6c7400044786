"""Asking for other people, and their decision, of which the last carries out what was frozen."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.alerts.services import notify, settle
from insurance.approvals import queries, rules
from insurance.approvals.alert_kinds import ASKED, DECIDED
from insurance.approvals.models import ApprovalAgreement, ApprovalRequest, ApprovalStatus
from insurance.approvals.services.standing import (
    DeciderStanding,
    list_deciders,
    standing_to_agree,
    standing_to_reject,
)
from insurance.approvals.subjects import Subject, subject_of
from insurance.audit_logs.rules import plain
from insurance.audit_logs.services import record
from insurance.core.context import Actor, current_actor
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError, ForbiddenError, NotFoundError
from insurance.core.ids import new_id
from insurance.core.records import get_record
from insurance.core.tenancy import current_org


def request_approval(
    session: Session,
    subject: Subject,
    resource_id: UUID,
    *,
    record_version: int,
    title: str,
    amount: Decimal | None,
    payload: Mapping[str, Any],
    reason: str,
    now: datetime,
    asker: Actor | None = None,
) -> ApprovalRequest:
    """Freeze what is asked for until others decide. The caller holds the record.

    How many must agree and until when is frozen, too, as the organization wants it now. The same
    that waits on an earlier version of the record becomes void and this takes its place. `asker` is
    for whom a job asks; else the acting person does.
    Raises ConflictError where it waits on this version, ForbiddenError for a program; LookupError
    for a subject that is not registered, which nobody could approve.
    """
    if subject_of(subject.action) is not subject:
        raise LookupError(f"{subject.action} is registered as something else.")
    maker = asker or _acting_person()
    if not reason.strip():
        raise DomainError("Say why.", field="reason")
    _make_way(session, subject, resource_id, record_version, now)
    frozen = plain(dict(payload))
    request = ApprovalRequest(
        id=new_id(),
        action=subject.action,
        resource=subject.record.resource,
        resource_id=resource_id,
        record_version=record_version,
        title=title,
        amount=amount,
        payload=frozen,
        payload_hash=rules.payload_hash(frozen),
        reason=reason.strip(),
        needed=rules.people_needed(queries.list_rules(session), subject.action, amount),
        status=ApprovalStatus.WAITING,
        requested_at=now,
        requested_by=maker.user_id or current_org(),
        requested_by_email=maker.email,
        expires_at=now + timedelta(days=queries.get_setting(session).expires_after_days),
    )
    session.add(request)
    session.flush()
    record(
        session,
        action="approvals.request",
        resource="approval_requests",
        resource_id=request.id,
        after={
            "action": subject.action,
            "title": title,
            "amount": amount,
            "payload": frozen,
            "needed": request.needed,
        },
        reason=request.reason,
    )
    deciders = [person.user_id for person in list_deciders(session, request, now=now)]
    about = ("approval_requests", request.id)
    notify(session, ASKED, deciders, about, asked_by=maker.name, title=title)
    return request


def _acting_person() -> Actor:
    actor = current_actor()
    if actor.user_id is None or actor.is_system:
        raise ForbiddenError("A second person must decide this, so a person must ask for it.")
    return actor


def _make_way(
    session: Session, subject: Subject, resource_id: UUID, record_version: int, now: datetime
) -> None:
    """End what has expired, or waits on an earlier version of the record: nobody can agree to it.

    Raises ConflictError where it was asked for on this version.
    """
    waiting = session.scalars(
        select(ApprovalRequest).where(
            ApprovalRequest.org_id == current_org(),
            ApprovalRequest.action == subject.action,
            ApprovalRequest.resource_id == resource_id,
            ApprovalRequest.status == ApprovalStatus.WAITING,
        )
    ).one_or_none()
    if waiting is None:
        return
    if waiting.expires_at <= now:
        close(session, waiting, ApprovalStatus.EXPIRED, "It was asked for again.", now)
        return
    if waiting.record_version == record_version:
        raise waits_already(waiting)
    why = f"The {subject.record.name} has changed since, and it was asked for again."
    make_void(session, waiting, why=why, now=now)


def waits_already(waiting: ApprovalRequest) -> ConflictError:
    """Return the refusal to ask for what another request stands in the way of."""
    return ConflictError(
        f"“{waiting.title}” waits for approval already; {waiting.requested_by_email} asked for it.",
        detail={"approval_id": str(waiting.id)},
    )


class _MovedOnError(ConflictError):
    """The record is not as it was when a second person was asked."""


def approve_request(
    request_id: UUID, *, on: date, now: datetime, note: str | None = None
) -> ApprovalRequest:
    """Agree to a request. The last agreement it needs carries it out in the same transaction.

    Where the record has moved on since, the request becomes void and ConflictError says so.
    Raises ForbiddenError for the one who asked, and for whoever the subject refuses;
    ConflictError for who agreed already.
    """
    try:
        with transaction() as session:
            request, version = _take(session, request_id, now)
            standing_to_reject(session, request, now=now)  # who decides nothing voids nothing
            subject = subject_of(request.action)
            _check_unchanged(request, subject, version)
            standing = standing_to_agree(session, request, now=now)
            if _agree(session, request, standing, note, now) < request.needed:
                return request
            _decide(session, request, standing, ApprovalStatus.APPROVED, note, now)
            try:
                subject.execute(session, request, on=on, now=now)
            except ConflictError as refusal:
                raise _MovedOnError(refusal.message, detail=refusal.detail) from refusal
            return request
    except _MovedOnError as moved:
        with transaction() as session:
            request, _version = _take(session, request_id, now)
            make_void(session, request, why=moved.message, now=now)
        raise ConflictError(
            f"{moved.message} The request is void.", detail=moved.detail | {"status": "VOID"}
        ) from moved


def _take(session: Session, request_id: UUID, now: datetime) -> tuple[ApprovalRequest, int | None]:
    """Return a request that still waits, held, and the version of its record; None if that is gone.

    The record is held first, as whoever asks for something holds it: in the other order two people
    could wait for each other. Raises ConflictError for a request that waits no more.
    """
    about = get_record(session, ApprovalRequest, request_id)
    version = None
    with suppress(NotFoundError):
        version = subject_of(about.action).record.lock(session, about.resource_id)
    found = get_record(session, ApprovalRequest, request_id, lock=True)
    rules.check_waits(found.status.value)
    rules.check_in_time(found.expires_at, now)
    return found, version


def _check_unchanged(request: ApprovalRequest, subject: Subject, version: int | None) -> None:
    """Refuse a request where it, or what it is about, is another now."""
    if version is None:
        raise _MovedOnError("What this was asked for is not there any more.")
    if rules.payload_hash(request.payload) != request.payload_hash:
        raise _MovedOnError("What was asked for is not what was frozen.")
    if version != request.record_version:
        raise _MovedOnError(
            f"The {subject.record.name} has changed since this was asked for: it was version"
            f" {request.record_version} and is version {version}."
        )


def _agree(
    session: Session,
    request: ApprovalRequest,
    standing: DeciderStanding,
    note: str | None,
    now: datetime,
) -> int:
    """Write down that the acting person agrees; return how many do by now."""
    actor, delegation = current_actor(), standing.delegation
    agreement = ApprovalAgreement(
        id=new_id(),
        request_id=request.id,
        agreed_by=standing.person_id,
        agreed_by_email=actor.email,
        agreed_by_name=actor.name,
        voice_of=standing.voice,
        for_email=delegation.delegator_email if delegation else None,
        for_name=delegation.delegator_name if delegation else None,
        agreed_at=now,
        note=(note or "").strip() or None,
    )
    session.add(agreement)
    session.flush()
    agreed = len(queries.agreements_of(session, [request])[request.id])
    if agreed < request.needed:
        record(
            session,
            action="approvals.agree",
            resource="approval_requests",
            resource_id=request.id,
            after={"agreed": agreed, "needed": request.needed} | standing.instead_of,
            reason=agreement.note,
        )
    return agreed


def reject_request(request_id: UUID, *, now: datetime, note: str | None = None) -> ApprovalRequest:
    """Refuse what was asked for; it is not done. Raises ForbiddenError for the one who asked."""
    with transaction() as session:
        request, _version = _take(session, request_id, now)
        standing = standing_to_reject(session, request, now=now)
        _decide(session, request, standing, ApprovalStatus.REJECTED, note, now)
        subject_of(request.action).when_declined(session, request, now)
        return request


def _decide(
    session: Session,
    request: ApprovalRequest,
    standing: DeciderStanding,
    status: ApprovalStatus,
    note: str | None,
    now: datetime,
) -> None:
    request.decided_by, request.decided_by_email = standing.person_id, current_actor().email
    request.decided_for_email = standing.instead_of.get("for")
    close(session, request, status, note, now)


def withdraw_request(
    request_id: UUID, *, now: datetime, note: str | None = None
) -> ApprovalRequest:
    """Take back what one asked for. Raises ForbiddenError for anybody else."""
    with transaction() as session:
        request, _version = _take(session, request_id, now)
        rules.check_maker(request.requested_by, current_actor().user_id)
        close(session, request, ApprovalStatus.WITHDRAWN, note, now)
        subject_of(request.action).when_declined(session, request, now)
        return request


def make_void(session: Session, request: ApprovalRequest, *, why: str, now: datetime) -> None:
    """End a request whose record has moved on since it was asked for."""
    rules.check_waits(request.status.value)
    close(session, request, ApprovalStatus.VOID, why, now)


_VERBS = {
    ApprovalStatus.APPROVED: "approve",
    ApprovalStatus.REJECTED: "reject",
    ApprovalStatus.WITHDRAWN: "withdraw",
    ApprovalStatus.VOID: "void",
    ApprovalStatus.EXPIRED: "expire",
}


_OUTCOMES = {
    ApprovalStatus.APPROVED: "approved and done",
    ApprovalStatus.REJECTED: "rejected",
    ApprovalStatus.WITHDRAWN: "withdrawn",
    ApprovalStatus.VOID: "void, because the record has changed since",
    ApprovalStatus.EXPIRED: "nobody decided it in time",
}


def close(
    session: Session,
    request: ApprovalRequest,
    status: ApprovalStatus,
    note: str | None,
    now: datetime,
) -> None:
    """End a request that waits, however it ends, and write that to the audit log."""
    request.status, request.decided_at = status, now
    request.decision_note = (note or "").strip() or None
    session.flush()
    record(
        session,
        action=f"approvals.{_VERBS[status]}",
        resource="approval_requests",
        resource_id=request.id,
        before={"status": "WAITING"},
        after={"status": request.status, "payload_hash": request.payload_hash}
        | ({"for": request.decided_for_email} if request.decided_for_email else {}),
        reason=request.decision_note,
    )
    outcome, note = _OUTCOMES[status], request.decision_note
    about = ("approval_requests", request.id)
    settle(session, ASKED, about, now=now)
    notify(
        session,
        DECIDED,
        [request.requested_by],
        about,
        title=request.title,
        outcome=f"{outcome} (“{note}”)" if note else outcome,
    )
