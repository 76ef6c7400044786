"""Money the insurer gives up or gives back: waivers, write-offs and refunds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from psycopg.errors import UniqueViolation
from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalRequest
from insurance.approvals.services import request_approval
from insurance.approvals.subjects import Subject, register
from insurance.audit_logs.services import event_row
from insurance.billing import queries as billing
from insurance.billing import services as money
from insurance.billing.models import LineStatus, PremiumLine, ReceiptKind
from insurance.billing.queries import refunds_payable
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError
from insurance.core.money import ZERO, format_money
from insurance.core.tenancy import current_org
from insurance.core.undo import UNDO
from insurance.ledger.models import TransferType
from insurance.ledger.rules import AccountCode
from insurance.ledger.services import Entry, post
from insurance.policies.changes import Happening, PolicyChange, write_changes
from insurance.policies.lifecycle_rules import Agreement
from insurance.policies.models import Policy, PolicyStatus
from insurance.policies.services.approvals import POLICY
from insurance.policies.services.moves import Case, LifecycleOutcome, open_case
from insurance.policies.services.own_receipts import next_reference
from insurance.policies.services.payers import refund_payee

_CREDIT_GIVEN_BACK = text(
    """
    SELECT coalesce(sum(a.amount), 0) FROM ins.allocations a
    JOIN ins.receipts r ON r.org_id = a.org_id AND r.id = a.receipt_id
    WHERE a.org_id = :org AND a.premium_line_id IS NULL AND r.policy_id = :policy
      AND r.kind = 'PAYMENT' AND a.allocated_on > :since
    """
)
_NOT_ENDED = (PolicyStatus.ACTIVE, PolicyStatus.SUSPENDED, PolicyStatus.LAPSED)
_COUNTED_DAYS = timedelta(days=30)
"""Small refunds so close together count as one, so that a large one is not paid in parts."""
_PAID_BEFORE = text(
    """
    SELECT policy_id, sum(amount) FROM ins.ledger_transfers
    WHERE org_id = :org AND type = 'REFUND_PAID' AND policy_id IS NOT NULL
      AND reference = :reference
    GROUP BY policy_id
    """
)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A way to give a premium up: its receipt, its event and its words."""

    receipt: ReceiptKind
    prefix: str
    event_type: str
    verb: str
    done: str
    why: Agreement


_KINDS = {
    "premiums.waive": _Kind(
        ReceiptKind.WAIVER, "WV", "PREMIUM_WAIVED", "Waive", "waived", Agreement.WAIVER
    ),
    "premiums.write_off": _Kind(
        ReceiptKind.WRITE_OFF,
        "WO",
        "PREMIUM_WRITTEN_OFF",
        "Write off",
        "written off",
        Agreement.WRITE_OFF,
    ),
}


def waive_premium(
    policy_id: UUID, line_id: UUID, *, reason: str, on: date, now: datetime
) -> LifecycleOutcome:
    """Ask a second person to waive what is open of a premium: cover stays as if it were paid."""
    return _ask_to_give_up(WAIVE, policy_id, line_id, reason, on, now)


def write_off_premium(
    policy_id: UUID, line_id: UUID, *, reason: str, on: date, now: datetime
) -> LifecycleOutcome:
    """Ask a second person to write off what is open of a premium and will not be collected."""
    return _ask_to_give_up(WRITE_OFF, policy_id, line_id, reason, on, now)


def _ask_to_give_up(
    subject: Subject, policy_id: UUID, line_id: UUID, reason: str, on: date, now: datetime
) -> LifecycleOutcome:
    kind = _KINDS[subject.action]
    with transaction() as session:
        case = open_case(session, policy_id, on=on, now=now)
        line = _open_line(case, line_id)
        policy = case.policy
        request = request_approval(
            session,
            subject,
            policy.id,
            record_version=policy.current_version,
            title=f"{kind.verb} the premium of {policy.policy_number} due {line.due_date:%Y/%m/%d}",
            amount=line.outstanding,
            payload={"line_id": line.id, "due_date": line.due_date, "amount": line.outstanding},
            reason=reason,
            now=now,
        )
        return LifecycleOutcome(
            policy,
            on,
            billing.arrears_on(session, policy.id, on),
            approval_id=request.id,
            needs=(kind.why,),
        )


def _open_line(case: Case, line_id: UUID) -> PremiumLine:
    line = billing.get_premium_line(case.session, case.policy.id, line_id)
    if line.status is LineStatus.CANCELLED:
        raise ConflictError("This premium was cancelled; nothing is owed for it.")
    if line.status is LineStatus.PAID or line.outstanding <= ZERO:
        raise ConflictError("This premium is paid.")
    if line.posted_at is None:
        raise ConflictError("This premium has not been charged, so there is nothing to give up.")
    return line


def execute_giving_up(
    session: Session, request: ApprovalRequest, *, on: date, now: datetime
) -> LifecycleOutcome:
    """Waive or write off what a second person agreed to."""
    kind = _KINDS[request.action]
    case = open_case(session, request.resource_id, on=on, now=now)
    line_id = UUID(request.payload["line_id"])
    line = _open_line(case, line_id)
    amount = Decimal(request.payload["amount"])
    if line.outstanding != amount:
        raise ConflictError("What is open of this premium has changed since this was asked for.")
    due = line.due_date
    given_up = money.Payment(
        policy_id=case.policy.id,
        policy_number=case.policy.policy_number,
        reference=next_reference(case, kind.prefix),
        amount=amount,
        on=on,
        line_id=line.id,
        kind=kind.receipt,
        detail=request.reason,
        vat_rate=case.vat_rate(due),
    )
    (posted,) = money.record_receipts(session, [given_up], on=on, now=now)
    words = f"Premium of {format_money(amount)} due {due:%Y/%m/%d} {kind.done}"
    payload = {"line_id": line.id, "amount": amount, "approval_id": request.id}
    undo = {"receipt_id": posted.receipt_id, "lines": {str(line_id): posted.before[line_id]}}
    _record(case, kind.event_type, request.action, words, request.reason, payload, undo)
    return LifecycleOutcome(case.policy, on, billing.arrears_on(session, case.policy.id, on))


WAIVE = register(Subject(action="premiums.waive", record=POLICY, execute=execute_giving_up))
WRITE_OFF = register(Subject(action="premiums.write_off", record=POLICY, execute=execute_giving_up))


def pay_refund(
    policy_id: UUID, *, amount: Decimal, reference: str, reason: str, on: date, now: datetime
) -> LifecycleOutcome:
    """Pay money back to the holder: what is payable first, then what is beyond what is due today.

    That is credit nobody has used, and after it what was paid of premiums not yet due, the last
    of them first. The same reference again pays nothing. More than the limit of it needs a second
    person. Raises ConflictError with the figure where there is not so much.
    """
    with transaction() as session:
        case = open_case(session, policy_id, on=on, now=now)
        if amount <= ZERO:
            raise DomainError("A refund is more than nothing.", field="amount")
        if _was_paid(case, amount, reference):
            return _refunded(case, amount)
        _settle_due(case)
        from_credit = _credit_needed(case, amount)
        counted = from_credit + _given_back(case) if from_credit else ZERO
        if counted > case.parameter("refund_approval_limit"):
            return _ask_to_refund(case, amount, reference, reason)
        return _pay_out(case, amount, reference, reason)


def _was_paid(case: Case, amount: Decimal, reference: str) -> bool:
    row = case.session.execute(
        _PAID_BEFORE, {"org": current_org(), "reference": reference}
    ).one_or_none()
    if row is None:
        return False
    if row[0] != case.policy.id or row[1] != amount:
        raise _taken(reference)
    return True


def _taken(reference: str) -> ConflictError:
    return ConflictError(f"Reference {reference} belongs to another refund.", field="reference")


def _settle_due(case: Case) -> None:
    """Use credit for what has fallen due before any of it goes back."""
    if case.policy.status in _NOT_ENDED:
        policy = case.policy
        money.apply_credits(
            case.session, {policy.id: policy.policy_number}, on=case.on, now=case.now
        )


def can_be_paid_back(session: Session, policy: Policy, *, on: date) -> Decimal:
    """Return what can go back to the holder of a policy today, in rand.

    What is payable, and money beyond what is due: credit, and what was paid of premiums not yet
    due, less what a policy that has not ended owes. A credit note is no money: never more than
    came in.
    """
    return refunds_payable(session, policy.id) + _beyond_due(session, policy, on)


def _beyond_due(session: Session, policy: Policy, on: date) -> Decimal:
    beyond = billing.unapplied_credit(session, policy.id)
    if policy.status in _NOT_ENDED:
        beyond += billing.paid_ahead(session, policy.id, on=on)
        beyond -= billing.arrears_on(session, policy.id, on)
    return max(min(beyond, billing.cash_kept(session, policy.id)), ZERO)


def _credit_needed(case: Case, amount: Decimal) -> Decimal:
    payable = refunds_payable(case.session, case.policy.id)
    beyond = _beyond_due(case.session, case.policy, case.on)
    if amount > payable + beyond:
        raise ConflictError(
            f"{format_money(payable + beyond)} can be paid back.",
            field="amount",
            detail={"payable": str(payable), "credit": str(beyond)},
        )
    return max(amount - payable, ZERO)


def _given_back(case: Case) -> Decimal:
    """Return the credit given back in the days that count as one refund."""
    values = {
        "org": current_org(),
        "policy": case.policy.id,
        "since": case.on - _COUNTED_DAYS,
    }
    return Decimal(case.session.scalars(_CREDIT_GIVEN_BACK, values).one())


def _ask_to_refund(case: Case, amount: Decimal, reference: str, reason: str) -> LifecycleOutcome:
    policy = case.policy
    request = request_approval(
        case.session,
        REFUND,
        policy.id,
        record_version=policy.current_version,
        title=f"Refund {format_money(amount)} of {policy.policy_number}",
        amount=amount,
        payload={"amount": amount, "reference": reference},
        reason=reason,
        now=case.now,
    )
    return LifecycleOutcome(
        policy,
        case.on,
        refund=amount,
        approval_id=request.id,
        needs=(Agreement.REFUND_ABOVE_LIMIT,),
    )


def execute_refund(
    session: Session, request: ApprovalRequest, *, on: date, now: datetime
) -> LifecycleOutcome:
    """Pay back what a second person agreed to."""
    case = open_case(session, request.resource_id, on=on, now=now)
    amount, reference = Decimal(request.payload["amount"]), request.payload["reference"]
    if _was_paid(case, amount, reference):
        raise ConflictError("A refund with this reference has been paid.")
    _settle_due(case)
    return _pay_out(case, amount, reference, request.reason, approval_id=request.id)


REFUND = register(Subject(action="refunds.pay", record=POLICY, execute=execute_refund))


def _pay_out(
    case: Case, amount: Decimal, reference: str, reason: str, *, approval_id: UUID | None = None
) -> LifecycleOutcome:
    session, policy = case.session, case.policy
    from_credit = _credit_needed(case, amount)
    if from_credit > ZERO:
        ahead = from_credit - billing.unapplied_credit(session, policy.id)
        money.release_ahead(session, {policy.id: ahead}, on=case.on, now=case.now)
        money.refund_credit(
            session, policy.id, policy.policy_number, from_credit, on=case.on, now=case.now
        )
    paid = Entry(
        type=TransferType.REFUND_PAID,
        description=f"Refund paid {policy.policy_number} {reference}",
        debit=AccountCode.REFUNDS_PAYABLE,
        credit=AccountCode.BANK,
        amount=amount,
        on=case.on,
        policy_id=policy.id,
        reference=reference,
    )
    try:
        post(session, [[paid]], now=case.now)
    except UniqueViolation as error:
        raise _taken(reference) from error
    payload = {
        "amount": amount,
        "reference": reference,
        "from_credit": from_credit,
        "approval_id": approval_id,
    }
    payee = refund_payee(session, policy)
    payload |= {"payee_id": policy.paid_by, "payee": payee}
    words = f"{format_money(amount)} paid back to {payee}, reference {reference}"
    _record(case, "REFUND_PAID", REFUND.action, words, reason.strip() or None, payload)
    return _refunded(case, amount)


def _refunded(case: Case, amount: Decimal) -> LifecycleOutcome:
    arrears = billing.arrears_on(case.session, case.policy.id, case.on)
    return LifecycleOutcome(case.policy, case.on, arrears, amount)


def _record(
    case: Case,
    event_type: str,
    action: str,
    words: str,
    reason: str | None,
    payload: dict[str, object],
    undo: Mapping[str, object] | None = None,
) -> None:
    left = payload if undo is None else payload | {UNDO: undo}
    happening = Happening(case.policy.id, event_type, case.on, words, left, reason)
    audit = event_row(
        action=action,
        resource="policies",
        resource_id=case.policy.id,
        after=payload,
        reason=reason,
    )
    change = PolicyChange(policy=case.policy, happenings=[happening], audit=audit)
    write_changes(case.session, [change], now=case.now)
