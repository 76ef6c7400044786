"""Paying a claim: by somebody who did not assess it, never above cover, reserve or authority."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalRequest
from insurance.approvals.services import request_approval
from insurance.approvals.subjects import Subject, register
from insurance.billing import queries as billing
from insurance.billing import services as premiums
from insurance.billing.rules import OpenLine
from insurance.claims import queries
from insurance.claims.models import (
    Claim,
    ClaimItem,
    ClaimPayee,
    ClaimPayment,
    ClaimPaymentLine,
    ClaimStatus,
    EntryKind,
    PaymentStatus,
)
from insurance.claims.permissions import ClaimsMay
from insurance.claims.rules import (
    divide,
    divide_rest,
    ends_life,
    in_days_of_change,
    status_after_assessment,
    status_after_payment,
    weights_of,
)
from insurance.claims.rules.statuses import PAYABLE
from insurance.claims.services.authority import require_authority
from insurance.claims.services.ending import (
    end_after_death,
    ended_by_claim,
    require_other_than_who_undid,
)
from insurance.claims.services.history import (
    CLAIM,
    Held,
    hold,
    require_person,
    require_reason,
    set_status,
    tell,
)
from insurance.claims.services.mails import in_rand, tell_claimant
from insurance.claims.services.money import add_entry
from insurance.claims.services.payees import (
    chosen_of,
    described,
    payees_to_pay,
    require_payable,
)
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError, ForbiddenError
from insurance.core.ids import new_id
from insurance.core.money import ZERO, format_money, total
from insurance.ledger.models import LedgerTransfer, TransferType
from insurance.ledger.periods import check_open
from insurance.ledger.rules import AccountCode
from insurance.ledger.services import Entry, reverse_transfers
from insurance.policies.services.moves import charge_due, day_after


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPayment:
    """What is to be paid: by item, to the claim's payees by their shares, under one reference.

    `payees` narrows it to some of them. `references` are those of payees whose payment has one of
    its own; the others of several add their number to the one reference. `successor` is the life
    that takes the place of a main member who died, where the policy goes on.
    """

    reference: str
    lines: Sequence[tuple[UUID, Decimal]]
    payment_date: date | None = None
    replaces_reference: str | None = None
    payees: Sequence[UUID] = ()
    references: Mapping[UUID, str] = field(default_factory=dict)
    successor: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentOutcome:
    """A payment to each payee, or the request that a second person has to decide first."""

    claim: Claim
    payments: Sequence[ClaimPayment] = ()
    approval_id: UUID | None = None
    was_known: bool = False

    @property
    def payment(self) -> ClaimPayment | None:
        """Return the payment to the first payee."""
        return self.payments[0] if self.payments else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentPart:
    """What one payee gets: by item, under a reference, premiums that are owed kept back."""

    payee: ClaimPayee
    reference: str
    lines: Sequence[tuple[UUID, Decimal]]

    @property
    def gross(self) -> Decimal:
        """Return the whole, in rand, before premiums are kept back."""
        return total(amount for _item, amount in self.lines)


def pay_claim(claim_id: UUID, wanted: NewPayment, *, on: date, now: datetime) -> PaymentOutcome:
    """Pay each payee their share of what was approved; ask a second person if need be.

    What is owed in premiums is kept back from each in proportion. The same reference with the same
    lines again does nothing more. Raises ConflictError for what is not approved, paid already or
    above the reserve, and for a payee who has died or whose account must be verified first;
    ForbiddenError for the assessor; AuthorityExceededError above the payer's limit.
    """
    payer = require_person()
    with transaction() as session:
        held = hold(session, claim_id, on=on, now=now)
        known = _known(held, wanted)
        if known:
            return PaymentOutcome(claim=held.claim, payments=known, was_known=True)
        items = _check(held, wanted, payer)
        parts = _parts(held, wanted, items)
        if needs_second_person(session, held.claim, wanted.payment_date or on):
            return PaymentOutcome(claim=held.claim, approval_id=_ask(held, wanted, parts))
        return PaymentOutcome(claim=held.claim, payments=_pay(held, wanted, parts, items, payer))


def execute_payment(
    session: Session, request: ApprovalRequest, *, on: date, now: datetime
) -> Sequence[ClaimPayment]:
    """Pay what a second person agreed to, where all that is checked of a payment still holds."""
    frozen = request.payload
    held = hold(session, request.resource_id, on=on, now=now)
    wanted = NewPayment(
        reference=frozen["reference"],
        lines=[(UUID(one["item_id"]), Decimal(one["amount"])) for one in frozen["lines"]],
        payment_date=date.fromisoformat(frozen["payment_date"]),
        replaces_reference=frozen.get("replaces_reference"),
        payees=[UUID(one) for one in frozen.get("chosen", [])],
        successor=UUID(one) if (one := frozen.get("successor")) else None,
        references={UUID(one): text for one, text in frozen.get("references", {}).items()},
    )
    items = _check(held, wanted, request.requested_by, may_exceed=True)
    parts = _parts(held, wanted, items)
    if "payees" in frozen and _described(parts) != frozen["payees"]:
        raise ConflictError("The payee has changed again since this was asked for.")
    return _pay(held, wanted, parts, items, request.requested_by, request=request)


def _check_checker(session: Session, request: ApprovalRequest) -> None:
    """Refuse who assessed any of the claim. Raises ForbiddenError."""
    items = queries.list_items(session, request.resource_id)
    if any(item.decided_by == require_person() for item in items):
        raise ForbiddenError("You assessed this claim, so somebody else must agree.")


PAY = register(
    Subject(
        action="claims.pay", record=CLAIM, execute=execute_payment, check_checker=_check_checker
    )
)


def _known(held: Held, wanted: NewPayment) -> Sequence[ClaimPayment]:
    reference = wanted.reference.strip()
    found = queries.list_payments_of_reference(held.session, reference)
    if not found:
        return ()
    found = [one for one in found if one.batch_reference == reference]
    if not found:
        raise _used("payment_reference")
    lines: dict[UUID, Decimal] = defaultdict(lambda: ZERO)
    for payment in found:
        for line in queries.list_payment_lines(held.session, payment.id):
            lines[line.item_id] += line.amount
    is_same = all(one.claim_id == held.claim.id for one in found) and lines == dict(wanted.lines)
    if is_same and all(one.status is PaymentStatus.PAID for one in found):
        return found
    raise _used("payment_reference")


def _used(field: str) -> ConflictError:
    return ConflictError("This payment reference has been used for something else.", field=field)


def _parts(held: Held, wanted: NewPayment, items: Mapping[UUID, ClaimItem]) -> list[PaymentPart]:
    """Divide what is paid of each item among the payees by their shares, to the cent."""
    everybody = payees_to_pay(held)
    payees = chosen_of(everybody, wanted.payees)
    weights = dict(
        zip(
            [one.id for one in everybody],
            weights_of([one.share for one in everybody]),
            strict=True,
        )
    )
    paid = held.paid
    if wanted.payees:
        _check_room(wanted, everybody, weights, items, paid)
    by_payee: list[list[tuple[UUID, Decimal]]] = [[] for _one in payees]
    for item_id, amount in wanted.lines:
        before = [paid.get((item_id, payee.id), ZERO) for payee in payees]
        for place, part in enumerate(
            divide_rest(amount, [weights[payee.id] for payee in payees], before)
        ):
            if part > ZERO:
                by_payee[place].append((item_id, part))
    getting = [(one, lines) for one, lines in zip(payees, by_payee, strict=True) if lines]
    require_payable(held, [one for one, _lines in getting])
    return [
        PaymentPart(
            payee=one, reference=_reference(held, wanted, one, at, len(getting)), lines=lines
        )
        for at, (one, lines) in enumerate(getting, 1)
    ]


def _check_room(
    wanted: NewPayment,
    everybody: Sequence[ClaimPayee],
    weights: Mapping[UUID, Decimal],
    items: Mapping[UUID, ClaimItem],
    paid: Mapping[tuple[UUID, UUID | None], Decimal],
) -> None:
    """Refuse to pay those who were chosen more than their shares. Raises ConflictError."""
    for place, (item_id, amount) in enumerate(wanted.lines):
        before = [paid.get((item_id, one.id), ZERO) for one in everybody]
        left = items[item_id].approved_amount - items[item_id].paid_amount
        rest = divide_rest(left, [weights[one.id] for one in everybody], before)
        room = total(
            part for one, part in zip(everybody, rest, strict=True) if one.id in wanted.payees
        )
        if amount > room:
            raise ConflictError(
                f"{format_money(room)} of {items[item_id].benefit_name} is the share of those"
                " chosen.",
                field=f"benefit_payments.{place}.paid_amount",
                detail={"left": room},
            )


def _reference(held: Held, wanted: NewPayment, payee: ClaimPayee, number: int, of: int) -> str:
    own = wanted.references.get(payee.id, "").strip()
    plain = wanted.reference.strip()
    reference = own or (plain if of == 1 else f"{plain}-{number}")
    if reference != plain and queries.find_payment(held.session, reference) is not None:
        raise _used("payment_reference")
    return reference


def _check(
    held: Held, wanted: NewPayment, payer: UUID, *, may_exceed: bool = False
) -> dict[UUID, ClaimItem]:
    claim = held.claim
    if not wanted.reference.strip():
        raise DomainError("Enter a reference.", field="payment_reference")
    paid_on = wanted.payment_date or held.on
    if paid_on > held.on:
        raise DomainError("A payment cannot be dated ahead.", field="payment_date")
    if claim.decided_on is not None and paid_on < claim.decided_on:
        raise DomainError("A claim is not paid before it is decided.", field="payment_date")
    if claim.status not in PAYABLE:
        raise ConflictError(
            f"This claim is {claim.status.replace('_', ' ').lower()}; nothing can be paid.",
            detail={"current_status": claim.status.value},
        )
    held.read_parts()
    items = {item.id: item for item in held.items}
    _check_lines(held, wanted, items)
    if any(item.decided_by == payer for item in items.values()):
        raise ForbiddenError("You assessed this claim, so somebody else must pay it.")
    if not may_exceed:
        _check_authority(held, wanted, items)
    return items


def _check_lines(held: Held, wanted: NewPayment, items: dict[UUID, ClaimItem]) -> None:
    if not wanted.lines:
        raise DomainError("Pay at least one item.", field="benefit_payments")
    if len({item_id for item_id, _amount in wanted.lines}) < len(wanted.lines):
        raise DomainError("Name an item once.", field="benefit_payments")
    for place, (item_id, amount) in enumerate(wanted.lines):
        field = f"benefit_payments.{place}.paid_amount"
        item = items.get(item_id)
        if item is None:
            raise DomainError(
                "This is not an item of the claim.",
                field=f"benefit_payments.{place}.claim_benefit_item_id",
            )
        if amount <= ZERO:
            raise DomainError("Enter an amount above zero.", field=field)
        left = item.approved_amount - item.paid_amount
        if amount > left:
            words = "is paid already" if left == ZERO and item.paid_amount else "is not approved"
            raise ConflictError(
                f"{format_money(left)} of {item.benefit_name} is left to pay;"
                f" {format_money(amount)} {words}.",
                field=field,
                detail={"left": left},
            )
        reserve = held.money[item_id].reserve
        if amount > reserve:
            raise ConflictError(
                f"The reserve is {format_money(reserve)}; raise it first.",
                field=field,
                detail={"reserve": reserve},
            )


def _check_authority(held: Held, wanted: NewPayment, items: dict[UUID, ClaimItem]) -> None:
    amounts = dict(wanted.lines)
    paid = {item.id: item.paid_amount + amounts.get(item.id, ZERO) for item in items.values()}
    require_authority(
        held.session,
        ClaimsMay.PAY,
        transaction_amount=total(amounts.values()),
        benefits=paid.values(),
        claim_amount=total(paid.values()),
    )


def needs_second_person(session: Session, claim: Claim, paid_on: date) -> bool:
    """Tell whether the payee was changed so lately that a second person has to agree."""
    if claim.payee_changed_at is None:
        return False
    organization, settings = queries.get_house(session)
    changed_on = claim.payee_changed_at.astimezone(ZoneInfo(organization.timezone)).date()
    return in_days_of_change(changed_on, paid_on, settings.payee_change_days)


def _ask(held: Held, wanted: NewPayment, parts: Sequence[PaymentPart]) -> UUID:
    claim, amount = held.claim, total(amount for _item, amount in wanted.lines)
    request = request_approval(
        held.session,
        PAY,
        claim.id,
        record_version=queries.last_move_of(held.session, claim.id),
        title=f"Pay {format_money(amount)} of {claim.claim_number} to a changed payee",
        amount=amount,
        payload={
            "claim_id": claim.id,
            "claim_number": claim.claim_number,
            "payees": _described(parts),
            "chosen": list(wanted.payees),
            "references": {str(one): text for one, text in wanted.references.items()},
            "successor": wanted.successor,
            "reference": wanted.reference.strip(),
            "payment_date": wanted.payment_date or held.on,
            "replaces_reference": wanted.replaces_reference,
            "lines": [{"item_id": item, "amount": amount} for item, amount in wanted.lines],
        },
        reason=f"Payee changed on {claim.payee_changed_at:%Y/%m/%d}",
        now=held.now,
    )
    tell(
        held,
        "CLAIM_PAYMENT_REQUESTED",
        f"{format_money(amount)} waits for a second person: the payee was changed",
        payload={"approval_id": request.id, "reference": wanted.reference.strip()},
    )
    return request.id


def _described(parts: Sequence[PaymentPart]) -> list[dict[str, str | None]]:
    return [described(part.payee, part.gross) for part in parts]


def _pay(
    held: Held,
    wanted: NewPayment,
    parts: Sequence[PaymentPart],
    items: dict[UUID, ClaimItem],
    payer: UUID,
    *,
    request: ApprovalRequest | None = None,
) -> list[ClaimPayment]:
    ended_on = held.policy.ended_on
    if ends_life(held.claim.claim_type):
        end_after_death(held, wanted.successor)
    if held.policy.ended_on == ended_on:  # else the end has charged what fell due before it
        _charge_cover(held)
    owed = _owed(held)
    kept = min(total(line.outstanding for line in owed), total(one.gross for one in parts))
    payments = [_pay_part(held, wanted, part, items, payer, request) for part in parts]
    shares = divide(kept, [one.gross_amount for one in payments])
    for payment, deducted in zip(payments, shares, strict=True):
        payment.arrears_deducted = deducted
    _settle_arrears(held, payments, owed)
    check_open(held.session, wanted.payment_date or held.on)
    held.told.journals.extend([_entry(held, one)] for one in payments)
    set_status(held, _status(items.values()))
    _tell_payments(held, wanted, payments)
    return payments


def _pay_part(
    held: Held,
    wanted: NewPayment,
    part: PaymentPart,
    items: dict[UUID, ClaimItem],
    payer: UUID,
    request: ApprovalRequest | None,
) -> ClaimPayment:
    payment = ClaimPayment(
        id=new_id(),
        claim_id=held.claim.id,
        payee_id=part.payee.id,
        reference=part.reference,
        batch_reference=wanted.reference.strip(),
        status=PaymentStatus.PAID,
        payment_date=wanted.payment_date or held.on,
        gross_amount=part.gross,
        arrears_deducted=ZERO,
        payee_name=part.payee.name,
        payee_account_masked=part.payee.account_masked,
        paid_at=held.now,
        paid_by=payer,
        paid_by_email=request.requested_by_email if request else current_actor().email,
        approval_id=request.id if request else None,
        replaces_reference=wanted.replaces_reference,
    )
    held.session.add(payment)
    for item_id, amount in part.lines:
        _pay_item(held, payment, items[item_id], amount)
    return payment


def _pay_item(held: Held, payment: ClaimPayment, item: ClaimItem, amount: Decimal) -> None:
    assessor = item.decided_by
    if assessor is None:
        raise ConflictError(f"{item.benefit_name} is not decided.")
    held.session.add(
        ClaimPaymentLine(
            id=new_id(),
            payment_id=payment.id,
            item_id=item.id,
            amount=amount,
            approved_by=assessor,
            paid_by=payment.paid_by,
        )
    )
    why = f"Paid, {payment.reference}"
    for kind, change in (
        (EntryKind.RESERVE, -amount),
        (EntryKind.APPROVED, -amount),
        (EntryKind.PAID, amount),
    ):
        add_entry(held, item, kind, change, why, payment=payment)
    item.paid_amount += amount


def _entry(held: Held, payment: ClaimPayment) -> Entry:
    return Entry(
        type=TransferType.CLAIM_PAID,
        description=f"Claim paid {held.claim.claim_number} {payment.reference}",
        debit=AccountCode.OUTSTANDING_CLAIMS,
        credit=AccountCode.BANK,
        amount=payment.gross_amount,
        on=payment.payment_date,
        policy_id=held.policy.id,
        reference=payment.reference,
    )


def _owed(held: Held) -> list[OpenLine]:
    """Return the premiums that are owed: until the death, or until today.

    Where the death has ended the policy nothing falls due any more: all that is still open was
    charged for cover before it.
    """
    policy, until = held.policy, _covered_until(held)
    has_ended = policy.ended_on is not None and policy.ended_on <= day_after(until)
    open_lines = billing.list_open_lines(held.session, [policy.id])
    return [line for _id, line in open_lines if has_ended or line.due_date <= until]


def _charge_cover(held: Held) -> None:
    policy, until = held.policy, _covered_until(held)
    if policy.ended_on is None or policy.ended_on > until:
        charge_due(held.case, day_after(until))


def _covered_until(held: Held) -> date:
    return held.claim.event_date if ends_life(held.claim.claim_type) else held.on


def _settle_arrears(held: Held, payments: Sequence[ClaimPayment], owed: Sequence[OpenLine]) -> None:
    """Settle premiums with what each payment keeps back, the oldest premium first."""
    policy, receipts = held.policy, []
    open_amounts = [line.outstanding for line in owed]
    for payment in payments:
        left, number = payment.arrears_deducted, 0
        for place, line in enumerate(owed):
            part = min(left, open_amounts[place])
            if part <= ZERO:
                continue
            left, number = left - part, number + 1
            open_amounts[place] -= part
            receipts.append(
                premiums.Payment(
                    policy_id=policy.id,
                    policy_number=policy.policy_number,
                    reference=f"{payment.reference}/ARREARS-{number}",
                    amount=part,
                    on=held.on,
                    line_id=line.id,
                    detail=f"Deducted from claim {held.claim.claim_number}",
                    vat_rate=held.case.vat_rate(line.due_date),
                )
            )
    if receipts:
        premiums.record_receipts(held.session, receipts, on=held.on, now=held.now)


def _status(items: object) -> ClaimStatus:
    rows: list[ClaimItem] = list(items)  # type: ignore[call-overload]
    decided = status_after_assessment([(row.due_at_most, row.approved_amount) for row in rows])
    return ClaimStatus(
        status_after_payment(decided, [(row.approved_amount, row.paid_amount) for row in rows])
    )


def _tell_payments(held: Held, wanted: NewPayment, payments: Sequence[ClaimPayment]) -> None:
    for payment in payments:
        _tell_payment(held, payment)
    deducted = total(one.arrears_deducted for one in payments)
    said = f" Premiums of {format_money(deducted)} were deducted." if deducted > ZERO else ""
    if len(payments) > 1:
        listed = "\n".join(
            f"- {one.payee_name}: {in_rand(one.net_amount)}, reference {one.reference}"
            for one in payments
        )
        said += f"\n\nIt was divided by the shares of those who are paid:\n{listed}"
    tell_claimant(
        held,
        "claim_paid",
        amount=in_rand(total(one.net_amount for one in payments)),
        paid_on=f"{wanted.payment_date or held.on:%Y/%m/%d}",
        reference=wanted.reference.strip(),
        deducted=said,
    )


def _tell_payment(held: Held, payment: ClaimPayment) -> None:
    deducted = payment.arrears_deducted
    words = (
        f"{format_money(payment.gross_amount)} paid to {payment.payee_name},"
        f" reference {payment.reference}"
    )
    if deducted > ZERO:
        words += f"; {format_money(deducted)} of it settled premiums"
    tell(
        held,
        "CLAIM_PAID",
        words,
        payload={
            "payment_id": payment.id,
            "payee_id": payment.payee_id,
            "payee": payment.payee_name,
            "reference": payment.reference,
            "gross": payment.gross_amount,
            "arrears_deducted": deducted,
            "approval_id": payment.approval_id,
        },
    )


DEATH_STANDS = (
    "This payment ended cover for a death. Where only the money did not arrive, say that the death"
    " stands, and pay again under a new reference. Where nobody has died and a life was taken off"
    " the policy, have that endorsement undone by somebody else, then void the payment. Where the"
    " policy was ended, say that nobody has died: a second person who agrees restores it."
)


def void_payment(
    payment_id: UUID, *, reason: str, on: date, now: datetime, death_stands: bool = False
) -> ClaimPayment:
    """Take a payment back that did not arrive, so that it can be made again by a new reference.

    A payment that ended cover is only void where the death stands. Raises ConflictError that says
    what to do instead.
    """
    why = require_reason(reason)
    with transaction() as session:
        payment = queries.get_payment(session, payment_id)
        held = hold(session, payment.claim_id, on=on, now=now)
        session.refresh(payment)
        if payment.status is PaymentStatus.VOID:
            raise ConflictError("This payment is void already.")
        if held.claim.closed_at is not None:
            raise ConflictError("This claim is closed; reopen it first.")
        if not death_stands and ended_by_claim(held):
            raise ConflictError(DEATH_STANDS, field="death_stands")
        require_other_than_who_undid(held)
        void_step(held, payment, why)
        return payment


def void_step(held: Held, payment: ClaimPayment, why: str) -> None:
    """Take one payment back: its money, the premiums it settled, and the claim's status."""
    items = {item.id: item for item in held.items}
    for line in queries.list_payment_lines(held.session, payment.id):
        _unpay(held, payment, items[line.item_id], line.amount)
    _reverse(held, payment)
    payment.status, payment.voided_at = PaymentStatus.VOID, held.now
    payment.voided_by, payment.void_reason = current_actor().email, why
    set_status(held, _status(items.values()))
    tell(
        held,
        "CLAIM_PAYMENT_VOIDED",
        f"Payment {payment.reference} of {format_money(payment.gross_amount)} is void",
        reason=why,
        payload={"payment_id": payment.id, "reference": payment.reference},
    )


def _unpay(held: Held, payment: ClaimPayment, item: ClaimItem, amount: Decimal) -> None:
    why = f"Void, {payment.reference}"
    for kind, change in (
        (EntryKind.PAID, -amount),
        (EntryKind.APPROVED, amount),
        (EntryKind.RESERVE, amount),
    ):
        add_entry(held, item, kind, change, why, payment=payment)
    item.paid_amount -= amount


def _reverse(held: Held, payment: ClaimPayment) -> None:
    session = held.session
    reverse_transfers(
        session,
        (LedgerTransfer.policy_id == held.policy.id)
        & (LedgerTransfer.reference == payment.reference)
        & (LedgerTransfer.type == TransferType.CLAIM_PAID),
        on=held.on,
        now=held.now,
        why="Void",
    )
    start = f"{payment.reference}/ARREARS-"
    for receipt in billing.list_receipts(session, held.policy.id, limit=10_000):
        if receipt.reference.startswith(start) and receipt.status == "POSTED":
            premiums.reverse_receipt(
                session, receipt, on=held.on, reason_code="CLAIM_VOID", now=held.now
            )
