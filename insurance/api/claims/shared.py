"""What endpoints of claims share: the claim as an answer, and its parts."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from insurance.api.edge import (
    Answer,
)
from insurance.claims import queries
from insurance.claims.models import (
    Claim,
    ClaimItem,
    ClaimStatus,
    Decision,
    DocumentStatus,
    PaymentStatus,
)
from insurance.claims.queries import ClaimLine, ClaimView
from insurance.claims.rules.payees import HUNDRED, PayeeKind
from insurance.core.db import db
from insurance.correspondence.models import NoteKind
from insurance.web.parsing import Day, Money, Words

TAG = "Claims"
ONE = "/claims/<uuid:claim_id>"
Name = Annotated[Words, Field(min_length=1, max_length=200)]
Reason = Annotated[Words, Field(min_length=1, max_length=1000)]
Text = Annotated[Words, Field(max_length=4000)]
Code = Annotated[Words, Field(min_length=1, max_length=60)]
Share = Annotated[Decimal, Field(gt=0, le=100, decimal_places=2)]
Reference = Annotated[Words, Field(min_length=1, max_length=60)]


class PayeeFields(Answer):
    """Who is paid, what share in per cent, and into which account."""

    name: Name
    share: Share = HUNDRED
    relationship: Annotated[Words, Field(max_length=60)] = ""
    date_of_birth: Day | None = Field(None, description="Tells a namesake from who has died")
    bank: Annotated[Words, Field(max_length=60)] | None = None
    branch_code: Annotated[Words, Field(max_length=10)] | None = None
    account_number: Annotated[Words, Field(max_length=24)] | None = Field(
        None, description="Without one a payee who stays keeps theirs"
    )
    payee_id: UUID | None = Field(None, description="Of a payee who stays under another name")


class SubmittedItem(Answer):
    """A benefit claimed on, as at the event date."""

    id: UUID
    policy_benefit_id: UUID
    benefit_name: str
    requested_amount: Money
    claimed_amount: Money = Field(description="After the cap at the remaining cover")
    capped: bool
    base_benefit_amount: Money = Field(description="Cover on the event date")
    remaining_cover: Money
    within_waiting_period: bool
    excess: Money = Field(description="What the policyholder bears of the loss")
    payable: Money


class ClaimItemAnswer(SubmittedItem):
    """An item with its decision and its money."""

    reserve: Money
    decision: Decision | None
    approved_amount: Money
    paid_amount: Money
    recovered_amount: Money
    decision_reason: str | None
    notes: str | None
    findings: str | None


class ClaimCheckAnswer(Answer):
    """One line of the checklist."""

    code: str
    passed: bool
    detail: str


class DocumentAnswer(Answer):
    """A document that a claim needs, or that somebody sent."""

    id: UUID
    document_type: str
    is_required: bool
    status: DocumentStatus
    rejection_reason: str | None
    expires_on: Day | None
    file_name: str | None
    content_type: str | None
    size: int | None
    uploaded_at: datetime | None


class FlagAnswer(Answer):
    """Something to look at twice."""

    id: UUID
    code: str
    detail: str
    cleared_at: datetime | None
    clearing_note: str | None


class ClaimEventAnswer(Answer):
    """Something that happened to a claim."""

    id: UUID
    sequence: int
    event_type: str
    status: ClaimStatus
    description: str
    reason: str | None
    recorded_at: datetime
    actor: str


class ClaimNoteAnswer(Answer):
    """A note, comment or task."""

    id: UUID
    kind: NoteKind
    text: str
    due_on: Day | None
    done_at: datetime | None
    created_at: datetime
    created_by: str


class ClaimPayeeAnswer(Answer):
    """Who is paid of a claim, and what share in per cent."""

    id: UUID
    kind: PayeeKind
    name: str
    date_of_birth: Day | None
    relationship: str
    share: Money
    note: str
    bank: str | None
    branch_code: str | None
    account_masked: str | None
    verified_at: datetime | None
    verified_by: str | None


class ClaimPaymentAnswer(Answer):
    """A payment of a claim to one payee. `batch_reference` is that of all paid at once."""

    id: UUID
    payee_id: UUID | None
    batch_reference: str
    reference: str
    status: PaymentStatus
    payment_date: Day
    gross_amount: Money
    arrears_deducted: Money
    net_amount: Money
    payee_name: str
    payee_account_masked: str | None
    paid_by_email: str


class ClaimRow(Answer):
    """A claim as the list shows it."""

    id: UUID
    claim_number: str
    policy_id: UUID
    policy_number: str
    customer_name: str
    product_name: str
    claim_type: str
    status: ClaimStatus
    claim_date: Day
    event_date: Day
    cause: str
    life_name: str
    gestation_weeks: int | None
    claimant_name: str
    total_claimed: Money
    assigned_to: UUID | None
    due_at: datetime | None
    version: int


class ClaimAnswer(ClaimRow):
    """A claim with everything about it."""

    description: str
    claimant_email: str | None
    payee_name: str | None
    payee_account_masked: str | None
    payees: list[ClaimPayeeAnswer]
    items: list[ClaimItemAnswer]
    checks: list[ClaimCheckAnswer]
    documents: list[DocumentAnswer]
    flags: list[FlagAnswer]
    notes: list[ClaimNoteAnswer]
    payments: list[ClaimPaymentAnswer]
    events: list[ClaimEventAnswer]


def row_answer(line: ClaimLine) -> dict[str, Any]:
    """Return a claim as a list shows it."""
    names = set(ClaimRow.model_fields) - {"policy_number", "customer_name", "product_name"}
    return {name: getattr(line.claim, name) for name in names} | {
        "policy_number": line.policy_number,
        "customer_name": line.customer_name,
        "product_name": line.product_name,
    }


def _items(view: ClaimView) -> list[dict[str, Any]]:
    rows = []
    for item in view.items:
        money = view.money.get(item.id, queries.ItemMoney())
        rows.append(
            item_answer(item)
            | {
                "reserve": money.reserve + money.expense_reserve,
                "recovered_amount": money.recovered,
                "decision_reason": item.reason_code,
            }
        )
    return rows


def item_answer(item: ClaimItem) -> dict[str, Any]:
    """Return an item of a claim, without its money."""
    return {name: getattr(item, name) for name in _SAME} | {
        "capped": item.is_capped,
        "base_benefit_amount": item.cover,
        "payable": item.payable_amount,
    }


_SAME = (
    "id", "policy_benefit_id", "benefit_name", "requested_amount", "claimed_amount", "excess",
    "remaining_cover", "within_waiting_period", "decision", "approved_amount", "paid_amount",
    "notes", "findings",
)  # fmt: skip


def claim_answer(claim_id: UUID) -> dict[str, Any]:
    """Return a claim with all that belongs to it. Raises NotFoundError."""
    view = queries.get_view(db.session(), claim_id)
    claim: Claim = view.claim
    names = ("description", "claimant_email")
    first = view.payees[0] if view.payees else None
    return (
        row_answer(view.line)
        | {name: getattr(claim, name) for name in names}
        | {
            "payee_name": "; ".join(payee.name for payee in view.payees) or None,
            "payee_account_masked": first.account_masked if first else None,
            "payees": view.payees,
            "items": _items(view),
            "checks": view.checks,
            "documents": view.documents,
            "flags": view.flags,
            "notes": view.notes,
            "payments": view.payments,
            "events": view.events,
        }
    )
