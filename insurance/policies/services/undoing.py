"""What one person did to a policy, undone within a day: a suspension, a payment recorded.

The policy, its premiums and its balances are then as before the act; the ledger has the opposite
of what was posted, and the history both.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalRequest
from insurance.approvals.services import request_approval
from insurance.approvals.subjects import Subject, register
from insurance.audit_logs.services import record
from insurance.billing import queries as billing
from insurance.billing import services as money
from insurance.billing.models import LineStatus, PremiumLine, Receipt, ReceiptStatus
from insurance.billing.permissions import PremiumsMay
from insurance.billing.rules import plain_reference
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, ForbiddenError, NotFoundError
from insurance.core.money import format_money
from insurance.core.undo import UNDOES, standing, undo_facts
from insurance.ledger.queries import closed_through, credit_was_applied
from insurance.policies import queries
from insurance.policies.changes import Happening, write_events
from insurance.policies.models import Policy, PolicyEvent, PolicyStatus
from insurance.policies.services.approvals import POLICY
from insurance.policies.services.held_money import settle_with_money_held
from insurance.policies.services.moves import LifecycleOutcome, move, open_case
from insurance.policies.services.schedule_steps import mark_overdue, post_premiums_due

SUSPENDED, RECEIVED = "POLICY_SUSPENDED", "PREMIUM_RECEIVED"
GIVEN_UP = ("PREMIUM_WAIVED", "PREMIUM_WRITTEN_OFF")
UNDONE = "UNDONE"
"""The reason code of a payment that its clerk took back."""
_UNDOING = {RECEIVED: "PAYMENT_REVERSED", **dict.fromkeys(GIVEN_UP, "PREMIUM_OWED_AGAIN")}
_ACTIONS = {RECEIVED: "premiums.undo_pay", **dict.fromkeys(GIVEN_UP, "premiums.undo_giving_up")}
_INSTEAD = {
    SUSPENDED: "To reverse the suspension, reinstate the policy.",
    RECEIVED: "To reverse the payment, use Reverse on its premium.",
    **dict.fromkeys(GIVEN_UP, "To ask for the premium again, charge it by a change of the policy."),
}

FindProof = Callable[[Session, Receipt], str]
_proofs: list[FindProof] = []


def on_undoing_payment(find: FindProof) -> None:
    """Register what says in a sentence why a payment did come, or nothing where it knows none."""
    if find not in _proofs:
        _proofs.append(find)


def undo_suspension(event_id: UUID, *, on: date, now: datetime) -> PolicyEvent:
    """Undo a suspension: cover never paused, whatever is owed, and the holder is told so.

    Raises ConflictError after a day, once something followed, or where the books are closed since.
    A premium that fell due or was marked overdue since only notes the calendar: it stays so.
    """
    with transaction() as session:
        event, facts, had_night = _undoable(session, event_id, now, SUSPENDED)
        _require_open(session, event, event.effective_date)
        case = open_case(session, event.policy_id, on=on, now=now)
        charged = set(facts["charged"])
        for line in case.lines():
            if str(line.id) in charged:
                money.uncharge(session, line, on=on, now=now, why="Suspension undone")
        move(
            case,
            "SUSPENSION_UNDONE",
            to=PolicyStatus.ACTIVE,
            effective=event.effective_date,
            description="The suspension was undone; cover never paused",
            reason=None,
            payload={UNDOES: event.id},
        )
        if had_night:
            _keep_up(session, case.policy, on, now)
        return event


def undo_payment(event_id: UUID, *, on: date, now: datetime) -> PolicyEvent:
    """Undo a payment that was recorded: its premiums are open as they were, its money never came.

    Raises ConflictError as for a suspension, where it was reversed, or where a bank has it, too.
    """
    with transaction() as session:
        event, facts, had_night = _undoable(session, event_id, now, RECEIVED)
        _require_own(event)
        receipt_id = UUID(event.payload["receipt_id"])
        _require_unproven(session, billing.get_receipt(session, receipt_id))
        _take_back(session, event, facts, receipt_id, on, now)
        if had_night:
            _keep_up(session, queries.get_policy(session, event.policy_id), on, now)
        return event


def undo_giving_up(event_id: UUID, *, on: date, now: datetime) -> LifecycleOutcome:
    """Ask a second person to undo a waiver or a write-off, as it took two to give the premium up.

    Raises ConflictError as for a suspension.
    """
    with transaction() as session:
        event, *_facts = _undoable(session, event_id, now, *GIVEN_UP)
        _require_open(session, event, event.effective_date)
        policy = queries.get_policy(session, event.policy_id)
        request = request_approval(
            session,
            UNDO_GIVING_UP,
            policy.id,
            record_version=policy.current_version,
            title=f"Undo on {policy.policy_number}: {event.description}",
            amount=Decimal(event.payload["amount"]),
            payload={"event_id": event.id, "amount": event.payload["amount"]},
            reason="It was given up by mistake",
            now=now,
        )
        arrears = billing.arrears_on(session, policy.id, on)
        return LifecycleOutcome(policy, on, arrears, approval_id=request.id)


def execute_undo(
    session: Session, request: ApprovalRequest, *, on: date, now: datetime
) -> LifecycleOutcome:
    """Ask for a premium again that was given up, once a second person agrees."""
    event_id, asked_at = UUID(request.payload["event_id"]), request.requested_at
    event, facts, had_night = _undoable(session, event_id, asked_at, *GIVEN_UP)
    _require_open(session, event, event.effective_date)
    _take_back(session, event, facts, UUID(facts["receipt_id"]), on, now)
    policy = queries.get_policy(session, event.policy_id)
    if had_night:
        _keep_up(session, policy, on, now)
    return LifecycleOutcome(policy, on, billing.arrears_on(session, policy.id, on))


UNDO_GIVING_UP = register(
    Subject(action="premiums.undo_giving_up", record=POLICY, execute=execute_undo)
)
"""What a second person agrees to: that a premium that was waived or written off is owed again."""


def _require_own(event: PolicyEvent) -> None:
    """Let money that a colleague took be undone only by who may reverse payments."""
    actor = current_actor()
    if event.actor != actor.email and not actor.may(PremiumsMay.REVERSE):
        raise ForbiddenError(
            "Somebody else recorded this payment. Only who may reverse payments undoes it."
        )


def _require_unproven(session: Session, receipt: Receipt) -> None:
    """Refuse to say of money that it never came while a row was passed over as the same money."""
    for find in _proofs:
        proof = find(session, receipt)
        if proof:
            raise ConflictError(f"{proof} {_INSTEAD[RECEIVED]}")


def _take_back(
    session: Session,
    event: PolicyEvent,
    facts: Mapping[str, Any],
    receipt_id: UUID,
    on: date,
    now: datetime,
) -> None:
    """Reverse a receipt and leave its premiums as they were before it."""
    receipt = billing.get_receipt(session, receipt_id)
    if receipt.status is not ReceiptStatus.POSTED:
        raise ConflictError("This was reversed already.")
    _require_open(session, event, receipt.received_on)
    money.reverse_receipts(session, {receipt.id: UNDONE}, [receipt], on=on, now=now)
    # What never came is like no other money: the bank's own row of it is to post.
    receipt.reference_key = plain_reference(str(receipt.id))
    for line in billing.list_premium_lines(session, event.policy_id):
        _restore(line, facts["lines"].get(str(line.id)))
    _tell(session, event, receipt, on, now)


def _restore(line: PremiumLine, before: list[str | None] | None) -> None:
    """Give a premium back what a payment changed besides its amount."""
    if before is not None:
        status, paid_date, reference = before
        line.status = LineStatus(str(status))
        line.paid_date = date.fromisoformat(paid_date) if paid_date else None
        line.payment_reference = reference


def _tell(session: Session, event: PolicyEvent, receipt: Receipt, on: date, now: datetime) -> None:
    payload = {"receipt_id": receipt.id, "reference": receipt.reference, UNDOES: event.id}
    words = f"{format_money(receipt.amount)} with reference {receipt.reference} undone"
    kind = _UNDOING[event.event_type]
    undone = Happening(event.policy_id, kind, on, words, payload, UNDONE)
    write_events(session, [undone], now=now)
    record(
        session,
        action=_ACTIONS[event.event_type],
        resource="policies",
        resource_id=event.policy_id,
        before={"reference": receipt.reference, "amount": receipt.amount},
        after={UNDOES: event.id, "status": receipt.status},
    )


def _keep_up(session: Session, policy: Policy, on: date, now: datetime) -> None:
    """Do for a policy what the night between would have done, had the act never been."""
    session.flush()
    post_premiums_due(session, [policy.id], on=on, now=now)
    money.apply_credits(session, {policy.id: policy.policy_number}, on=on, now=now)
    session.flush()
    mark_overdue(session, [policy.id], on=on, now=now)
    settle_with_money_held(session, [policy.id], on=on, now=now)


def _undoable(
    session: Session, event_id: UUID, now: datetime, *event_types: str
) -> tuple[PolicyEvent, Mapping[str, Any], bool]:
    """Return an event of a kind, its policy held, what it left, and whether a night came between."""
    event = queries.get_event(session, event_id)
    if event.event_type not in event_types:
        raise NotFoundError
    queries.get_policy(session, event.policy_id, lock=True)
    later = queries.list_later_events(session, event)
    instead = _INSTEAD[event.event_type]
    facts = undo_facts(event, later, now=now, instead=instead)
    acts = [other for other in later if not other.notes_the_calendar]
    since = standing([event, *acts])[1:]
    if since:
        newest = since[-1]
        assert isinstance(newest, PolicyEvent)
        raise ConflictError(
            f"Something followed it: “{newest.description}”. Undo or reverse that first. {instead}"
        )
    had_night = len(acts) < len(later)
    if had_night:
        _require_credit_unused(session, event, facts)
    return event, facts, had_night


def _require_credit_unused(session: Session, event: PolicyEvent, facts: Mapping[str, Any]) -> None:
    """Refuse once other money held for the policy was used: it would have been used otherwise."""
    receipt = event.payload.get("receipt_id") or facts.get("receipt_id")
    own = UUID(receipt) if receipt else None
    if credit_was_applied(session, event.policy_id, since=event.recorded_at, besides=own):
        raise ConflictError(
            f"Money held for the policy was used for a premium since. {_INSTEAD[event.event_type]}"
        )


def _require_open(session: Session, event: PolicyEvent, day: date) -> None:
    closed = closed_through(session)
    if closed is not None and day <= closed:
        raise ConflictError(
            f"The books are closed through {closed:%Y/%m/%d}. {_INSTEAD[event.event_type]}"
        )
