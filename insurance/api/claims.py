"""Claims in the API: submit, documents, assess, pay, and the work around them."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from flask import Response
from pydantic import Field, StrictBool

from insurance.api.edge import (
    Answer,
    Body,
    ListQuery,
    Reply,
    Sent,
    created,
    endpoint,
    listing,
)
from insurance.api.endorsements import LifeAnswer, answers_by_question
from insurance.api.policies import PATH
from insurance.claims import letters, queries, services
from insurance.claims.models import (
    Claim,
    ClaimItem,
    ClaimStatus,
    CostType,
    Decision,
    DocumentStatus,
    NoteKind,
    PaymentStatus,
)
from insurance.claims.queries import ClaimLine, ClaimView
from insurance.claims.rules import TABS, Limits, reasons_for
from insurance.claims.rules.payees import HUNDRED, PayeeKind
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.paging import decode_cursor
from insurance.core.permissions import May
from insurance.policies.queries import get_policy
from insurance.products.queries import load_terms
from insurance.web.business import business_day
from insurance.web.documents import send_claim_document
from insurance.web.parsing import Amount, Day, Money, Words

TAG = "Claims"
ONE = "/claims/<uuid:claim_id>"
Name = Annotated[Words, Field(min_length=1, max_length=200)]
Reason = Annotated[Words, Field(min_length=1, max_length=1000)]
Text = Annotated[Words, Field(max_length=4000)]
Code = Annotated[Words, Field(min_length=1, max_length=60)]
Share = Annotated[Decimal, Field(gt=0, le=100, decimal_places=2)]
Reference = Annotated[Words, Field(min_length=1, max_length=60)]


class ClaimantBody(Answer):
    """Who claims."""

    name: Name
    email: Annotated[Words, Field(max_length=200)] | None = None
    phone: Annotated[Words, Field(max_length=40)] | None = None
    relationship: Annotated[Words, Field(max_length=60)] | None = None


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


class BenefitClaim(Answer):
    """A benefit claimed on, and how much of it."""

    policy_benefit_id: UUID
    claimed_amount: Money
    policy_member_id: UUID | None = Field(
        None,
        description="Whose, where a benefit covers several lives; refused where it is on another",
    )
    policy_object_id: UUID | None = Field(
        None, description="Refused where the benefit is on another"
    )


class NewClaimBody(Body):
    """What is notified. Without an event date, the claim date; without a claimant, the holder."""

    claim_type: Code
    claim_date: Day | None = None
    event_date: Day | None = None
    cause: Code | None = Field(
        None, description="UNKNOWN where it is not stated; a description never decides it"
    )
    gestation_weeks: int | None = Field(
        None, ge=1, le=45, description="Of a stillbirth, whose parent is the life of its benefit"
    )
    description: Text = ""
    benefit_claims: Annotated[list[BenefitClaim], Field(min_length=1, max_length=50)]
    claimant: ClaimantBody | None = None
    payee: PayeeFields | None = None
    payees: Annotated[list[PayeeFields], Field(max_length=20)] = Field(
        default_factory=list,
        description="By shares; without any those whom the policy names are paid",
    )


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


class SubmittedAnswer(Answer):
    """A claim as it was registered."""

    claim_id: UUID
    claim_number: str
    status: ClaimStatus
    claim_date: Day
    event_date: Day
    total_claimed: Money
    benefit_items: list[SubmittedItem]
    items: list[SubmittedItem]
    checks: list[ClaimCheckAnswer]
    flags: list[FlagAnswer]
    documents: list[DocumentAnswer]


class AssessmentBody(Answer):
    """What is made of an item. Nought refuses it."""

    claim_benefit_item_id: UUID
    approved_amount: Amount
    decision_reason: Annotated[Words, Field(min_length=1, max_length=200)]
    notes: Text | None = None
    findings: Text | None = None


class AssessBody(Body):
    """What is made of a claim's items."""

    benefit_assessments: Annotated[list[AssessmentBody], Field(min_length=1, max_length=50)]
    cause: Code | None = Field(None, description="States or corrects the cause of the event")
    documents_waived: StrictBool = False
    waiver_reason: Annotated[Words, Field(max_length=1000)] = ""
    version: int | None = Field(None, ge=0, le=10**9, description="Refused if no longer current")


class BenefitPayment(Answer):
    """What is paid of an item."""

    claim_benefit_item_id: UUID
    paid_amount: Money


class PayeePayment(Answer):
    """One of those who are paid; with a reference of their own, or the common one numbered."""

    payee_id: UUID
    payment_reference: Reference | None = None


class PayClaimBody(Body):
    """A payment to the claim's payees by their shares. The same reference again pays nothing."""

    payment_date: Day | None = None
    payment_reference: Reference
    benefit_payments: Annotated[list[BenefitPayment], Field(min_length=1, max_length=50)]
    payees: Annotated[list[PayeePayment], Field(max_length=20)] = Field(
        default_factory=list, description="Only these are paid; without any, all of them"
    )
    replaces_reference: Reference | None = None
    successor_member_id: UUID | None = Field(
        None, description="Who takes a dead main member's place; else the spouse, else the oldest"
    )


class PayClaimAnswer(Answer):
    """A claim after a payment, or with `approval_id` while a second person is asked.

    `payments` has one for each payee; `payment` is the first.
    """

    claim: ClaimAnswer
    payment: ClaimPaymentAnswer | None
    payments: list[ClaimPaymentAnswer]
    approval_id: UUID | None


class ClaimsQuery(ListQuery):
    """Which claims. What waits for a decision comes by deadline."""

    tab: str | None = Field(None, description=", ".join(TABS), max_length=30)
    policy_id: UUID | None = None
    assigned_to: UUID | None = None
    q: str = Field("", max_length=100, description="Number, policy number, life or customer")


class DocumentBody(Body):
    """What the file is."""

    document_type: Code
    issued_on: Day | None = None


class RequestDocumentBody(Body):
    """What is needed."""

    document_type: Code
    reason: Annotated[Words, Field(max_length=500)] = ""


class ReviewBody(Body):
    """Whether a document will do."""

    accept: StrictBool
    reason: Annotated[Words, Field(max_length=500)] = ""


class ClaimNoteBody(Body):
    """A note, a comment, words to the claimant, or a task."""

    kind: NoteKind = NoteKind.COMMENT
    text: Annotated[Words, Field(min_length=1, max_length=4000)]
    due_on: Day | None = None


class AssignBody(Body):
    """Who works on it; nobody puts it back into the queue."""

    user_id: UUID | None


class WhyBody(Body):
    """Why."""

    reason: Reason


class UndoDeathBody(WhyBody):
    """Why. Is a life the one on another policy that was asked about?"""

    life_answers: Annotated[list[LifeAnswer], Field(max_length=100)] = []


class VoidBody(WhyBody):
    """Why a payment is void; one that ended cover only where the death stands."""

    death_stands: bool = False


class UndoAnswer(Answer):
    """The request that a second person decides."""

    approval_id: UUID


class PayeeBody(Body):
    """A new payee, and why."""

    payee: PayeeFields
    reason: Reason


class PayeesBody(Body):
    """Who is paid from now on, by shares that add up to 100 per cent, and why."""

    payees: Annotated[list[PayeeFields], Field(min_length=1, max_length=20)]
    reason: Reason


class DeadHeir(Answer):
    """A beneficiary who has died, and when."""

    name: Name
    died_on: Day


class ByPolicyBody(Body):
    """Which beneficiaries have died, where the policy says again who is paid, and why."""

    died: Annotated[list[DeadHeir], Field(max_length=20)] = Field(default_factory=list)
    reason: Reason


class VerifyBody(Body):
    """How an account was checked."""

    how: Reason


class ReserveBody(Body):
    """What the reserve of an item shall be, and why."""

    claim_benefit_item_id: UUID
    cost_type: CostType = CostType.INDEMNITY
    amount: Amount
    reason: Reason


class RecoveryBody(Body):
    """Money that came back."""

    claim_benefit_item_id: UUID
    amount: Money
    reference: Reference
    reason: Reason


class ClearBody(Body):
    """Why a flag does not matter."""

    note: Reason


class ReasonAnswer(Answer):
    """A reason that may be given."""

    code: str
    words: str
    rejects: bool
    clause: str


class LimitBody(Body):
    """What a role at a level may approve or pay."""

    role: Code
    level: int = Field(ge=1, le=5)
    transaction_limit: Amount
    benefit_limit: Amount
    claim_limit: Amount


class LimitAnswer(Answer):
    """What a role at a level may approve or pay: at once, of a benefit, of a claim."""

    role: str
    level: int
    transaction_limit: Money
    benefit_limit: Money
    claim_limit: Money


class LevelBody(Body):
    """The level of a colleague."""

    user_id: UUID
    level: int = Field(ge=1, le=5)


@endpoint("POST", f"{PATH}/claims", may=May.CLAIMS_SUBMIT, body=NewClaimBody,
          answer=SubmittedAnswer, status=201, tag=TAG)  # fmt: skip
def submit_claim(policy_id: UUID, body: NewClaimBody) -> Reply:
    """Register a claim: checked as at the event date, capped at what is left of the cover."""
    new = services.NewClaim(
        claim_type=body.claim_type,
        items=[
            services.NewItem(
                policy_benefit_id=one.policy_benefit_id,
                claimed_amount=one.claimed_amount,
                policy_member_id=one.policy_member_id,
                policy_object_id=one.policy_object_id,
            )
            for one in body.benefit_claims
        ],
        claim_date=body.claim_date,
        event_date=body.event_date,
        cause=body.cause,
        gestation_weeks=body.gestation_weeks,
        description=body.description,
        claimant=services.Claimant(**body.claimant.model_dump()) if body.claimant else None,
        payees=_payees([*([body.payee] if body.payee else []), *body.payees]),
    )
    claim = services.submit_claim(policy_id, new, on=business_day(), now=clock.now())
    return created(_submitted(claim.id), "get_claim", claim_id=claim.id)


@endpoint("GET", f"{PATH}/claims", may=May.CLAIMS_VIEW, answer=list[ClaimRow], tag=TAG)
def list_policy_claims(policy_id: UUID) -> list[dict[str, Any]]:
    """List the claims of a policy, newest first."""
    session = db.session()
    get_policy(session, policy_id)
    found = queries.list_claims(session, limit=200, now=clock.now(), policy_id=policy_id)
    return [_row(one) for one in found.items]


@endpoint("GET", "/claims", may=May.CLAIMS_VIEW, query=ClaimsQuery, answer=list[ClaimRow],
          tag=TAG)  # fmt: skip
def list_claims(query: ClaimsQuery) -> Reply:
    """List claims by tab."""
    if query.tab is not None and query.tab not in TABS:
        raise DomainError(f"Choose one of: {', '.join(TABS)}.", field="tab")
    found = queries.list_claims(
        db.session(),
        limit=query.limit,
        tab=query.tab,
        now=clock.now(),
        after=position(query.cursor) if query.cursor else None,
        policy_id=query.policy_id,
        assigned_to=query.assigned_to,
        q=query.q,
    )
    return listing(found, _row)


def position(cursor: str) -> tuple[datetime, UUID]:
    """Read where a page of the list starts. Raises DomainError for what is no position."""
    due, claim_id = decode_cursor(cursor, 2)
    try:
        return datetime.fromisoformat(due), UUID(claim_id)
    except ValueError as error:
        raise DomainError("This page link is not valid.", field="cursor") from error


@endpoint("GET", ONE, may=May.CLAIMS_VIEW, answer=ClaimAnswer, tag=TAG)
def get_claim(claim_id: UUID) -> dict[str, Any]:
    """Return a claim with its items, checks, documents, flags, money and history."""
    return _claim(claim_id)


@endpoint("PUT", f"{ONE}/assess", may=May.CLAIMS_ASSESS, body=AssessBody, answer=ClaimAnswer,
          tag=TAG)  # fmt: skip
def assess_claim(claim_id: UUID, body: AssessBody) -> dict[str, Any]:
    """Approve or refuse items; above your limit the claim waits for somebody who may."""
    services.assess_claim(
        claim_id,
        [
            services.Assessment(
                item_id=one.claim_benefit_item_id,
                approved_amount=one.approved_amount,
                reason=one.decision_reason,
                notes=one.notes,
                findings=one.findings,
            )
            for one in body.benefit_assessments
        ],
        cause=body.cause,
        documents_waived=body.documents_waived,
        waiver_reason=body.waiver_reason,
        version=body.version,
        on=business_day(),
        now=clock.now(),
    )
    return _claim(claim_id)


@endpoint("POST", f"{ONE}/pay", may=May.CLAIMS_PAY, body=PayClaimBody, answer=PayClaimAnswer,
          may_wait=True, tag=TAG)  # fmt: skip
def pay_claim(claim_id: UUID, body: PayClaimBody) -> Reply:
    """Pay what was approved to the payees by their shares; premiums owed are deducted.

    202 while a second person is asked.
    """
    outcome = services.pay_claim(
        claim_id,
        services.NewPayment(
            reference=body.payment_reference,
            lines=[(one.claim_benefit_item_id, one.paid_amount) for one in body.benefit_payments],
            payment_date=body.payment_date,
            replaces_reference=body.replaces_reference,
            payees=[one.payee_id for one in body.payees],
            successor=body.successor_member_id,
            references={
                one.payee_id: one.payment_reference for one in body.payees if one.payment_reference
            },
        ),
        on=business_day(),
        now=clock.now(),
    )
    content = {
        "claim": _claim(claim_id),
        "payment": outcome.payment,
        "payments": outcome.payments,
        "approval_id": outcome.approval_id,
    }
    return Reply(content, status=None if outcome.approval_id is None else 202)


@endpoint("POST", f"{ONE}/undo-death", may=May.CLAIMS_PAY, body=UndoDeathBody, answer=UndoAnswer,
          status=202, tag=TAG)  # fmt: skip
def undo_claim_death(claim_id: UUID, body: UndoDeathBody) -> dict[str, Any]:
    """Ask a second person to restore a policy that was ended for a death that was none."""
    found = services.undo_death(
        claim_id,
        reason=body.reason,
        life_answers=answers_by_question(body.life_answers),
        on=business_day(),
        now=clock.now(),
    )
    return {"approval_id": found}


@endpoint("POST", "/claim-payments/<uuid:payment_id>/void", may=May.CLAIMS_PAY, body=VoidBody,
          answer=ClaimPaymentAnswer, tag=TAG)  # fmt: skip
def void_claim_payment(payment_id: UUID, body: VoidBody) -> Any:
    """Take a payment back that did not arrive."""
    return services.void_payment(
        payment_id,
        reason=body.reason,
        death_stands=body.death_stands,
        on=business_day(),
        now=clock.now(),
    )


@endpoint("POST", f"{ONE}/documents", may=May.CLAIMS_SUBMIT, upload=DocumentBody,
          answer=DocumentAnswer, status=201, tag=TAG)  # fmt: skip
def add_claim_document(claim_id: UUID, body: DocumentBody, sent: Sent) -> Any:
    """Send a PDF, JPEG or PNG of at most 20 MB as a document of a claim."""
    return services.add_document(
        claim_id,
        document_type=body.document_type,
        name=sent.name,
        content=sent.content,
        issued_on=body.issued_on,
        on=business_day(),
        now=clock.now(),
    )


@endpoint("POST", f"{ONE}/documents/request", may=May.CLAIMS_ASSESS, body=RequestDocumentBody,
          answer=DocumentAnswer, status=201, tag=TAG)  # fmt: skip
def request_claim_document(claim_id: UUID, body: RequestDocumentBody) -> Any:
    """Ask the claimant for one more document; the clock stops until it comes."""
    return services.request_document(
        claim_id,
        document_type=body.document_type,
        reason=body.reason,
        on=business_day(),
        now=clock.now(),
    )


@endpoint("PUT", "/claim-documents/<uuid:document_id>", may=May.CLAIMS_ASSESS, body=ReviewBody,
          answer=DocumentAnswer, tag=TAG)  # fmt: skip
def review_claim_document(document_id: UUID, body: ReviewBody) -> Any:
    """Accept a document, or send it back with why."""
    return services.review_document(
        document_id, accept=body.accept, reason=body.reason, on=business_day(), now=clock.now()
    )


@endpoint("GET", "/claim-documents/<uuid:document_id>/file", may=May.CLAIMS_VIEW, answer=bytes,
          media=("application/pdf", "image/jpeg", "image/png"), tag=TAG)  # fmt: skip
def get_claim_document_file(document_id: UUID) -> Response:
    """Return a document's file; the look is audited."""
    return send_claim_document(document_id)


@endpoint("GET", f"{ONE}/letter", may=May.CLAIMS_VIEW, answer=bytes,
          media=("application/pdf",), tag=TAG)  # fmt: skip
def get_claim_letter(claim_id: UUID) -> Response:
    """Return the letter that says what was refused and why, as PDF."""
    response = Response(
        letters.repudiation_letter(db.session(), claim_id), mimetype="application/pdf"
    )
    response.headers.set("Content-Disposition", "attachment", filename="decision.pdf")
    response.headers["Cache-Control"] = "no-store"
    return response


@endpoint("POST", f"{ONE}/notes", may=May.CLAIMS_SUBMIT, body=ClaimNoteBody,
          answer=ClaimNoteAnswer, status=201, tag=TAG)  # fmt: skip
def add_claim_note(claim_id: UUID, body: ClaimNoteBody) -> Any:
    """Add a note, a comment, a task, or words that the claimant gets by mail."""
    return services.add_note(
        claim_id,
        kind=body.kind,
        text=body.text,
        due_on=body.due_on,
        on=business_day(),
        now=clock.now(),
    )


@endpoint("POST", "/claim-notes/<uuid:note_id>/done", may=May.CLAIMS_SUBMIT,
          answer=ClaimNoteAnswer, tag=TAG)  # fmt: skip
def finish_claim_task(note_id: UUID) -> Any:
    """Mark a task as done."""
    return services.finish_task(note_id, on=business_day(), now=clock.now())


@endpoint("PUT", f"{ONE}/assign", may=May.CLAIMS_ASSESS, body=AssignBody, answer=ClaimAnswer,
          tag=TAG)  # fmt: skip
def assign_claim(claim_id: UUID, body: AssignBody) -> dict[str, Any]:
    """Give a claim to a colleague who assesses, or back to the queue."""
    services.assign_claim(claim_id, body.user_id, on=business_day(), now=clock.now())
    return _claim(claim_id)


@endpoint("POST", f"{ONE}/reopen", may=May.CLAIMS_ASSESS, body=WhyBody, answer=ClaimAnswer,
          tag=TAG)  # fmt: skip
def reopen_claim(claim_id: UUID, body: WhyBody) -> dict[str, Any]:
    """Open a decided claim again: what was not approved is assessed anew."""
    services.reopen_claim(claim_id, reason=body.reason, on=business_day(), now=clock.now())
    return _claim(claim_id)


@endpoint("POST", f"{ONE}/close", may=May.CLAIMS_ASSESS, body=WhyBody, answer=ClaimAnswer,
          tag=TAG)  # fmt: skip
def close_claim(claim_id: UUID, body: WhyBody) -> dict[str, Any]:
    """Close a claim and release what is reserved and not paid."""
    services.close_claim(claim_id, reason=body.reason, on=business_day(), now=clock.now())
    return _claim(claim_id)


@endpoint("PUT", f"{ONE}/payee", may=May.CLAIMS_SUBMIT, body=PayeeBody, answer=ClaimAnswer,
          tag=TAG)  # fmt: skip
def change_claim_payee(claim_id: UUID, body: PayeeBody) -> dict[str, Any]:
    """Pay one person from now on; a payment soon after needs a second person."""
    return _change_payees(claim_id, [body.payee], body.reason)


@endpoint("PUT", f"{ONE}/payees", may=May.CLAIMS_SUBMIT, body=PayeesBody, answer=ClaimAnswer,
          tag=TAG)  # fmt: skip
def change_claim_payees(claim_id: UUID, body: PayeesBody) -> dict[str, Any]:
    """Change who is paid, and by which shares; a payment soon after needs a second person."""
    return _change_payees(claim_id, body.payees, body.reason)


@endpoint("POST", f"{ONE}/payees/by-policy", may=May.CLAIMS_SUBMIT, body=ByPolicyBody,
          answer=ClaimAnswer, tag=TAG)  # fmt: skip
def pay_claim_by_policy(claim_id: UUID, body: ByPolicyBody) -> dict[str, Any]:
    """Let those be paid whom the policy names: beneficiaries by shares, else the estate."""
    services.pay_by_policy(
        claim_id,
        died={one.name: one.died_on for one in body.died},
        reason=body.reason,
        on=business_day(),
        now=clock.now(),
    )
    return _claim(claim_id)


@endpoint("POST", "/claim-payees/<uuid:payee_id>/verify", may=May.CLAIMS_ASSESS,
          body=VerifyBody, answer=ClaimPayeeAnswer, tag=TAG)  # fmt: skip
def verify_claim_account(payee_id: UUID, body: VerifyBody) -> Any:
    """Record that a payee's account was checked, by somebody who did not enter it."""
    return services.verify_account(payee_id, how=body.how, on=business_day(), now=clock.now())


def _change_payees(claim_id: UUID, payees: list[PayeeFields], reason: str) -> dict[str, Any]:
    services.change_payees(
        claim_id, _payees(payees), reason=reason, on=business_day(), now=clock.now()
    )
    return _claim(claim_id)


def _payees(payees: list[PayeeFields]) -> list[services.Payee]:
    return [services.Payee(**one.model_dump()) for one in payees]


@endpoint("PUT", f"{ONE}/reserve", may=May.CLAIMS_ASSESS, body=ReserveBody, answer=ClaimAnswer,
          tag=TAG)  # fmt: skip
def change_claim_reserve(claim_id: UUID, body: ReserveBody) -> dict[str, Any]:
    """Set the reserve of an item, with why."""
    services.change_reserve(
        claim_id,
        item_id=body.claim_benefit_item_id,
        cost_type=body.cost_type,
        amount=body.amount,
        reason=body.reason,
        on=business_day(),
        now=clock.now(),
    )
    return _claim(claim_id)


@endpoint("POST", f"{ONE}/recoveries", may=May.CLAIMS_PAY, body=RecoveryBody, answer=ClaimAnswer,
          tag=TAG)  # fmt: skip
def record_claim_recovery(claim_id: UUID, body: RecoveryBody) -> dict[str, Any]:
    """Record salvage, or what somebody liable paid."""
    services.record_recovery(
        claim_id,
        item_id=body.claim_benefit_item_id,
        amount=body.amount,
        reference=body.reference,
        reason=body.reason,
        on=business_day(),
        now=clock.now(),
    )
    return _claim(claim_id)


@endpoint("POST", "/claim-flags/<uuid:flag_id>/clear", may=May.CLAIMS_ASSESS, body=ClearBody,
          answer=ClaimAnswer, tag=TAG)  # fmt: skip
def clear_claim_flag(flag_id: UUID, body: ClearBody) -> dict[str, Any]:
    """Clear a flag, saying why it does not matter."""
    claim = services.clear_flag(flag_id, note=body.note, on=business_day(), now=clock.now())
    return _claim(claim.id)


@endpoint("GET", f"{ONE}/reasons", may=May.CLAIMS_VIEW, answer=list[ReasonAnswer], tag=TAG)
def list_claim_reasons(claim_id: UUID) -> list[Any]:
    """List the reasons that a claim of this class may be decided by."""
    session = db.session()
    policy = get_policy(session, queries.get_claim(session, claim_id).policy_id)
    terms = load_terms(session, policy.product_version_id)
    return list(reasons_for(terms.class_code, terms.category))


@endpoint("GET", "/claim-authority", may=May.CLAIMS_VIEW, answer=list[LimitAnswer], tag=TAG)
def list_claim_limits() -> list[dict[str, Any]]:
    """List what each role at each level may approve or pay."""
    table = queries.authority_table(db.session())
    return [
        {
            "role": one.role,
            "level": one.level,
            "transaction_limit": limits.transaction,
            "benefit_limit": limits.benefit,
            "claim_limit": limits.claim,
        }
        for one, limits in table.items()
    ]


@endpoint("PUT", "/claim-authority", may=May.SETTINGS_EDIT, body=LimitBody, answer=LimitAnswer,
          tag=TAG)  # fmt: skip
def set_claim_limit(body: LimitBody) -> Any:
    """Set what a role at a level may approve or pay."""
    limits = Limits(body.transaction_limit, body.benefit_limit, body.claim_limit)
    return services.set_limit(role=body.role, level=body.level, limits=limits, now=clock.now())


@endpoint("PUT", "/claim-authority/levels", may=May.PEOPLE_MANAGE, body=LevelBody, answer=None,
          status=204, tag=TAG)  # fmt: skip
def set_claim_level(body: LevelBody) -> None:
    """Put a colleague at a level, 1 to 5."""
    services.set_level(body.user_id, body.level)


def _row(line: ClaimLine) -> dict[str, Any]:
    names = set(ClaimRow.model_fields) - {"policy_number", "customer_name", "product_name"}
    return {name: getattr(line.claim, name) for name in names} | {
        "policy_number": line.policy_number,
        "customer_name": line.customer_name,
        "product_name": line.product_name,
    }


def _items(view: ClaimView) -> list[dict[str, Any]]:
    rows = []
    for one in view.items:
        money = view.money.get(one.id, queries.ItemMoney())
        rows.append(
            _item(one)
            | {
                "reserve": money.reserve + money.expense_reserve,
                "recovered_amount": money.recovered,
                "decision_reason": one.reason_code,
            }
        )
    return rows


def _item(item: ClaimItem) -> dict[str, Any]:
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


def _claim(claim_id: UUID) -> dict[str, Any]:
    view = queries.get_view(db.session(), claim_id)
    claim: Claim = view.claim
    names = ("description", "claimant_email")
    first = view.payees[0] if view.payees else None
    return (
        _row(view.line)
        | {name: getattr(claim, name) for name in names}
        | {
            "payee_name": "; ".join(one.name for one in view.payees) or None,
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


def _submitted(claim_id: UUID) -> dict[str, Any]:
    view = queries.get_view(db.session(), claim_id)
    claim, items = view.claim, [_item(one) for one in view.items]
    return {
        "claim_id": claim.id,
        "claim_number": claim.claim_number,
        "status": claim.status,
        "claim_date": claim.claim_date,
        "event_date": claim.event_date,
        "total_claimed": claim.total_claimed,
        "benefit_items": items,
        "items": items,
        "checks": view.checks,
        "flags": view.flags,
        "documents": view.documents,
    }
