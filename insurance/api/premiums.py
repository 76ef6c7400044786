"""Premiums in the API: the schedule, payments and their reversal, the ledger of a policy."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from insurance.api.edge import Answer, Body, ListQuery, Reply, endpoint, listing
from insurance.api.policies import PATH, SummaryAnswer, summary_of
from insurance.billing import queries as billing
from insurance.billing.models import LineKind, LineStatus, ReceiptKind, ReceiptStatus
from insurance.billing.permissions import PremiumsMay
from insurance.core import clock
from insurance.core.db import db
from insurance.core.paging import decode_cursor
from insurance.ledger import queries as ledger
from insurance.policies import queries, services
from insurance.policies.permissions import PoliciesMay
from insurance.web.business import business_day
from insurance.web.parsing import Amount, Day, Money, Words

LINE = f"{PATH}/premiums/<uuid:line_id>"
Reference = Annotated[Words, Field(min_length=1, max_length=60)]


class PremiumAnswer(Answer):
    """A premium of the schedule."""

    id: UUID
    kind: LineKind
    sequence: int
    due_date: Day
    period_end: Day
    amount: Money
    paid_amount: Money
    outstanding: Money
    status: LineStatus
    paid_date: Day | None
    payment_reference: str | None


class TransferAnswer(Answer):
    """Money from one account to another."""

    id: UUID
    posted_at: datetime
    effective_date: Day
    type: str
    description: str
    debit_account: str
    credit_account: str
    amount: Money
    reference: str | None
    request_id: str | None
    reverses_id: UUID | None


class PaymentBody(Body):
    """A payment that came in.

    Where a payment with its reference was recorded before, or where it is far more than is due,
    409 asks: send it again with the field that the problem points at. `is_another_payment` false
    is the payment of before and posts nothing.
    """

    payment_date: Day
    payment_reference: Reference
    amount: Amount
    is_another_payment: bool | None = None
    amount_is_right: bool = False


class ReversalBody(Body):
    """A payment that a bank took back: by its id or reference; without, the newest of the line."""

    reason_code: Annotated[Words, Field(min_length=1, max_length=20, pattern="^[A-Z0-9_-]+$")]
    reference: Reference | None = None
    receipt_id: UUID | None = None


class ShareAnswer(Answer):
    """What of a payment settled a premium."""

    line_id: UUID
    amount: Money


class PaidAnswer(Answer):
    """What became of a payment; `credit` is kept for the next premium.

    With `approval_id` it is above the tenant's limit: nothing is posted until another person
    agrees.
    """

    receipt_id: UUID | None
    reference: str
    amount: Money
    shares: list[ShareAnswer]
    credit: Money
    is_duplicate: bool
    approval_id: UUID | None


class ReceiptAnswer(Answer):
    """Credit for a policy: money, or a decision of the insurer."""

    id: UUID
    reference: str
    kind: ReceiptKind
    status: ReceiptStatus
    amount: Money
    received_on: Day
    recorded_at: datetime
    recorded_by: str
    detail: str | None
    reversed_on: Day | None
    reason_code: str | None


@endpoint(
    "GET", f"{PATH}/premiums", may=PoliciesMay.VIEW, answer=list[PremiumAnswer], tag="Premiums"
)
def list_premiums(policy_id: UUID):
    """List the premium schedule of a policy."""
    queries.get_policy(db.session(), policy_id)
    return billing.list_premium_lines(db.session(), policy_id)


@endpoint(
    "GET", f"{PATH}/premium-summary", may=PoliciesMay.VIEW, answer=SummaryAnswer, tag="Premiums"
)
def get_premiumsummary_of(policy_id: UUID):
    """Return the schedule in figures."""
    return summary_of(queries.get_policy_line(db.session(), policy_id), business_day())


@endpoint(
    "GET",
    f"{PATH}/transactions",
    may=PoliciesMay.VIEW,
    query=ListQuery,
    answer=list[TransferAnswer],
    tag="Premiums",
)
def list_transactions(policy_id: UUID, query: ListQuery):
    """List the ledger transfers of a policy, newest first."""
    queries.get_policy(db.session(), policy_id)
    after = decode_cursor(query.cursor, 1, UUID)[0] if query.cursor else None
    return listing(
        ledger.list_policy_transfers(db.session(), policy_id, limit=query.limit, after=after)
    )


@endpoint(
    "POST", f"{LINE}/pay", may=PremiumsMay.PAY, body=PaymentBody, answer=PaidAnswer, tag="Premiums"
)
def pay_premium(policy_id: UUID, line_id: UUID, body: PaymentBody):
    """Record a payment for a premium; what is more settles the oldest others."""
    return services.pay_premium(
        policy_id,
        line_id,
        amount=body.amount,
        reference=body.payment_reference,
        paid_on=body.payment_date,
        on=business_day(),
        now=clock.now(),
        answers=_answers(body),
    )


def _answers(body: PaymentBody) -> services.Answers:
    return services.Answers(body.is_another_payment, body.amount_is_right)


@endpoint(
    "POST",
    f"{LINE}/reverse",
    may=PremiumsMay.REVERSE,
    body=ReversalBody,
    answer=ReceiptAnswer,
    tag="Premiums",
)
def reverse_premium(policy_id: UUID, line_id: UUID, body: ReversalBody):
    """Reverse the payment of a premium: everything it settled opens again."""
    return services.reverse_payment(
        policy_id,
        line_id,
        reason_code=body.reason_code,
        reference=body.reference,
        receipt_id=body.receipt_id,
        on=business_day(),
        now=clock.now(),
    )


@endpoint(
    "GET", f"{PATH}/receipts", may=PoliciesMay.VIEW, answer=list[ReceiptAnswer], tag="Premiums"
)
def list_receipts(policy_id: UUID):
    """List the receipts of a policy, newest first."""
    queries.get_policy(db.session(), policy_id)
    return billing.list_receipts(db.session(), policy_id)


@endpoint(
    "POST",
    f"{PATH}/payments",
    may=PremiumsMay.PAY,
    body=PaymentBody,
    answer=PaidAnswer,
    tag="Premiums",
    status=201,
)
def receive_payment(policy_id: UUID, body: PaymentBody) -> Reply:
    """Record a payment for a policy: the oldest premium first, what is left over is credit."""
    paid = services.receive_payment(
        policy_id,
        amount=body.amount,
        reference=body.payment_reference,
        paid_on=body.payment_date,
        on=business_day(),
        now=clock.now(),
        answers=_answers(body),
    )
    return Reply(paid)
