"""Claims with their items, checks, documents, flags and history, and the money in entries."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Index, Numeric, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from insurance.claims.rules.payees import PayeeKind
from insurance.core.db import AppendOnly, TenantRecord, TenantTable, tenant_key
from insurance.core.figures import Grain
from insurance.core.sealed import sealed


class ClaimStatus(StrEnum):
    """The way of a claim."""

    SUBMITTED = "SUBMITTED"
    PENDING_DOCUMENTS = "PENDING_DOCUMENTS"
    UNDER_ASSESSMENT = "UNDER_ASSESSMENT"
    APPROVED = "APPROVED"
    PARTIALLY_APPROVED = "PARTIALLY_APPROVED"
    REJECTED = "REJECTED"
    PART_PAID = "PART_PAID"
    PAID = "PAID"
    CLOSED = "CLOSED"


class Claim(TenantRecord):
    """A claim on a policy. `version` counts its changes.

    The clock runs from `documents_complete_at` to `due_at` and stands still while there is none.
    `life_name` is the life the claim is on, or the objects; of a stillbirth, after
    `gestation_weeks`, the parent is the life. `closed_from` is the status that a closed claim had; `proposal` an assessment that waits for
    somebody with more authority.
    """

    __tablename__ = "claims"
    __table_args__ = (
        UniqueConstraint("org_id", "claim_number"),
        Index("claims_policy_ix", "org_id", "policy_id", "id"),
        Index("claims_member_ix", "org_id", "member_id", "event_date"),
        Index("claims_status_ix", "org_id", "status", "id"),
        Index("claims_event_ix", "org_id", "submitted_on", "id"),
        Index("claims_size_ix", "org_id", "total_claimed", "id"),
        Index(
            "claims_queue_ix",
            "org_id",
            "due_at",
            "id",
            postgresql_where=text(
                "status IN ('SUBMITTED', 'PENDING_DOCUMENTS', 'UNDER_ASSESSMENT')"
            ),
        ),
        Index(
            "claims_number_search_ix",
            "org_id",
            "claim_number",
            postgresql_ops={"claim_number": "text_pattern_ops"},
        ),
        Index(
            "claims_life_search_ix",
            text("lower(life_name) gin_trgm_ops"),
            postgresql_using="gin",
        ),
        Index(
            "claims_escalated_ix",
            "org_id",
            "id",
            postgresql_where=text("escalated_at IS NOT NULL"),
        ),
        tenant_key("policies", "policy_id"),
        CheckConstraint("event_date <= submitted_on", name="event_not_ahead"),
        CheckConstraint(
            "(claim_type = 'STILLBIRTH') = (gestation_weeks IS NOT NULL)", name="stillbirth"
        ),
        CheckConstraint("(status = 'CLOSED') = (closed_at IS NOT NULL)", name="closed"),
        CheckConstraint("(due_at IS NULL) = (documents_complete_at IS NULL)", name="clock"),
    )

    claim_number: Mapped[str]
    policy_id: Mapped[UUID]
    product_id: Mapped[UUID]
    class_code: Mapped[str]
    claim_type: Mapped[str]
    status: Mapped[ClaimStatus]
    event_date: Mapped[date]
    claim_date: Mapped[date]
    submitted_on: Mapped[date]
    submitted_at: Mapped[datetime]
    submitted_by: Mapped[str]
    cause: Mapped[str]
    description: Mapped[str]
    member_id: Mapped[UUID | None]
    life_name: Mapped[str]
    gestation_weeks: Mapped[int | None]
    claimant_name: Mapped[str]
    claimant_email: Mapped[str | None]
    claimant_phone: Mapped[str | None]
    claimant_relationship: Mapped[str | None]
    payee_changed_at: Mapped[datetime | None]
    payee_changed_by: Mapped[str | None]
    total_claimed: Mapped[Decimal]
    assigned_to: Mapped[UUID | None]
    assigned_to_email: Mapped[str | None]
    documents_complete_at: Mapped[datetime | None]
    documents_waived_by: Mapped[str | None]
    warn_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    warned_at: Mapped[datetime | None]
    breached_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    decided_on: Mapped[date | None]
    escalated_at: Mapped[datetime | None]
    escalated_by: Mapped[UUID | None]
    proposal: Mapped[dict[str, Any] | None]
    closed_at: Mapped[datetime | None]
    closed_from: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime]

    @property
    def last_moment(self) -> datetime | None:
        """Return the last minute in which a decision is in time; `due_at` is the one after it."""
        return self.due_at - timedelta(minutes=1) if self.due_at else None


class ClaimPayee(TenantRecord):
    """Who is paid of a claim, and what share in per cent. Those of a claim add up to 100.00.

    `note` says what is unusual; a verified account was checked by somebody who did not enter it.
    Whoever is paid no more is kept, with `removed_at`, for what they have been paid.
    """

    __tablename__ = "claim_payees"
    __table_args__ = (
        Index("claim_payees_claim_ix", "org_id", "claim_id", "position"),
        Index("claim_payees_account_ix", "org_id", "account_index"),
        tenant_key("claims", "claim_id"),
        CheckConstraint("share > 0 AND share <= 100", name="share"),
        CheckConstraint("(account_cipher IS NULL) = (account_masked IS NULL)", name="account"),
        CheckConstraint("(verified_at IS NULL) = (verified_by IS NULL)", name="verified"),
        CheckConstraint("verified_at IS NULL OR account_cipher IS NOT NULL", name="verifiable"),
    )

    claim_id: Mapped[UUID]
    position: Mapped[int]
    kind: Mapped[PayeeKind]
    name: Mapped[str]
    date_of_birth: Mapped[date | None]
    relationship: Mapped[str]
    share: Mapped[Decimal]
    note: Mapped[str]
    bank: Mapped[str | None]
    branch_code: Mapped[str | None]
    account_cipher: Mapped[str | None] = mapped_column(info=sealed("claims", "payee_account"))
    account_masked: Mapped[str | None]
    account_index: Mapped[bytes | None]
    entered_by: Mapped[str]
    verified_at: Mapped[datetime | None]
    verified_by: Mapped[str | None]
    verified_how: Mapped[str | None]
    removed_at: Mapped[datetime | None]


class Decision(StrEnum):
    """What an assessor made of an item."""

    APPROVED = "APPROVED"
    PARTIALLY_APPROVED = "PARTIALLY_APPROVED"
    REJECTED = "REJECTED"


class ClaimItem(TenantRecord):
    """A benefit claimed on. Money is in rand. `excess` is what the policyholder bears of it.

    `claimed_amount` is what was asked for, cut to what was left of the cover; `payable_amount` is
    what the contract pays by the checks as last made. `approved_amount` includes what was paid.
    """

    __tablename__ = "claim_items"
    __table_args__ = (
        UniqueConstraint("org_id", "claim_id", "policy_benefit_id", name="claim_items_once_key"),
        Index("claim_items_benefit_ix", "org_id", "policy_benefit_id"),
        tenant_key("claims", "claim_id"),
        CheckConstraint("requested_amount > 0", name="requested"),
        CheckConstraint("excess BETWEEN 0 AND requested_amount", name="excess"),
        CheckConstraint("claimed_amount BETWEEN 0 AND requested_amount", name="claimed"),
        CheckConstraint("approved_amount BETWEEN 0 AND claimed_amount", name="approved"),
        CheckConstraint("paid_amount BETWEEN 0 AND approved_amount", name="paid"),
        CheckConstraint("(decision IS NULL) = (decided_by IS NULL)", name="decided"),
    )

    claim_id: Mapped[UUID]
    policy_benefit_id: Mapped[UUID]
    benefit_name: Mapped[str]
    benefit_type_code: Mapped[str]
    cover: Mapped[Decimal]
    remaining_cover: Mapped[Decimal]
    requested_amount: Mapped[Decimal]
    excess: Mapped[Decimal] = mapped_column(default=0, server_default="0")
    claimed_amount: Mapped[Decimal]
    payable_amount: Mapped[Decimal]
    within_waiting_period: Mapped[bool]
    decision: Mapped[Decision | None]
    approved_amount: Mapped[Decimal]
    paid_amount: Mapped[Decimal]
    reason_code: Mapped[str | None]
    notes: Mapped[str | None]
    findings: Mapped[str | None]
    decided_by: Mapped[UUID | None]
    decided_by_email: Mapped[str | None]
    decided_at: Mapped[datetime | None]

    @property
    def due_at_most(self) -> Decimal:
        """Return what the contract pays of the loss where it is all covered: less the excess."""
        return self.requested_amount - self.excess

    @property
    def is_cut(self) -> bool:
        """Tell whether it was decided to pay less than the loss after its excess."""
        if self.decision is None:
            return False
        return self.decision is Decision.REJECTED or self.approved_amount < self.due_at_most

    @property
    def is_capped(self) -> bool:
        """Tell whether less can be claimed than was asked for."""
        return self.claimed_amount < self.requested_amount


class ClaimCheck(TenantRecord):
    """One line of the checklist as at the event date."""

    __tablename__ = "claim_checks"
    __table_args__ = (
        UniqueConstraint("org_id", "claim_id", "position", name="claim_checks_position_key"),
        tenant_key("claims", "claim_id"),
    )

    claim_id: Mapped[UUID]
    position: Mapped[int]
    code: Mapped[str]
    item_id: Mapped[UUID | None]
    passed: Mapped[bool]
    detail: Mapped[str]


class EntryKind(StrEnum):
    """What an entry moves."""

    RESERVE = "RESERVE"
    APPROVED = "APPROVED"
    PAID = "PAID"
    RECOVERED = "RECOVERED"


class CostType(StrEnum):
    """What money is for: the benefit itself, or the cost of handling the claim."""

    INDEMNITY = "INDEMNITY"
    EXPENSE = "EXPENSE"


class ClaimEntry(AppendOnly, TenantRecord):
    """Money of an item, signed and dated. Appended, never changed.

    What is left of a benefit's cover is derived from these: APPROVED is set apart and not yet
    paid, PAID has left.
    """

    __tablename__ = "claim_entries"
    __table_args__ = (
        Index("claim_entries_benefit_ix", "org_id", "policy_benefit_id"),
        Index("claim_entries_item_ix", "org_id", "item_id"),
        Index("claim_entries_claim_ix", "org_id", "claim_id", "id"),
        Index(
            "claim_entries_payment_ix",
            "org_id",
            "payment_id",
            postgresql_where=text("payment_id IS NOT NULL"),
        ),
        tenant_key("claims", "claim_id"),
        tenant_key("claim_items", "item_id"),
        tenant_key("claim_payments", "payment_id"),
        CheckConstraint("amount <> 0", name="amount"),
    )

    claim_id: Mapped[UUID]
    item_id: Mapped[UUID]
    policy_benefit_id: Mapped[UUID]
    kind: Mapped[EntryKind]
    cost_type: Mapped[CostType]
    amount: Mapped[Decimal]
    effective_date: Mapped[date]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]
    reason: Mapped[str]
    payment_id: Mapped[UUID | None]


class PaymentStatus(StrEnum):
    """Whether a payment stands."""

    PAID = "PAID"
    VOID = "VOID"


class ClaimPayment(TenantRecord):
    """Money to one payee for items of one claim, known by its reference.

    `batch_reference` is what was typed for all that were paid at once.
    """

    __tablename__ = "claim_payments"
    __table_args__ = (
        UniqueConstraint("org_id", "reference"),
        Index("claim_payments_claim_ix", "org_id", "claim_id", "id"),
        Index("claim_payments_batch_ix", "org_id", "batch_reference"),
        Index("claim_payments_payee_ix", "org_id", "payee_id"),
        tenant_key("claims", "claim_id"),
        tenant_key("claim_payees", "payee_id"),
        CheckConstraint("gross_amount > 0", name="gross"),
        CheckConstraint("arrears_deducted BETWEEN 0 AND gross_amount", name="arrears"),
        CheckConstraint("(status = 'VOID') = (voided_at IS NOT NULL)", name="void"),
    )

    claim_id: Mapped[UUID]
    payee_id: Mapped[UUID | None]
    reference: Mapped[str]
    batch_reference: Mapped[str]
    status: Mapped[PaymentStatus]
    payment_date: Mapped[date]
    gross_amount: Mapped[Decimal]
    arrears_deducted: Mapped[Decimal]
    payee_name: Mapped[str]
    payee_account_masked: Mapped[str | None]
    paid_at: Mapped[datetime]
    paid_by: Mapped[UUID]
    paid_by_email: Mapped[str]
    approval_id: Mapped[UUID | None]
    replaces_reference: Mapped[str | None]
    voided_at: Mapped[datetime | None]
    voided_by: Mapped[str | None]
    void_reason: Mapped[str | None]

    @property
    def net_amount(self) -> Decimal:
        """Return what the payee gets."""
        return self.gross_amount - self.arrears_deducted


class ClaimPaymentLine(TenantRecord):
    """What a payment pays of an item. Who approved it never pays it."""

    __tablename__ = "claim_payment_lines"
    __table_args__ = (
        UniqueConstraint("org_id", "payment_id", "item_id", name="claim_payment_lines_once_key"),
        Index("claim_payment_lines_item_ix", "org_id", "item_id"),
        tenant_key("claim_payments", "payment_id"),
        tenant_key("claim_items", "item_id"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("approved_by <> paid_by", name="two_people"),
    )

    payment_id: Mapped[UUID]
    item_id: Mapped[UUID]
    amount: Mapped[Decimal]
    approved_by: Mapped[UUID]
    paid_by: Mapped[UUID]


class DocumentStatus(StrEnum):
    """Where a required document stands."""

    OUTSTANDING = "OUTSTANDING"
    RECEIVED = "RECEIVED"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    WAIVED = "WAIVED"


class ClaimDocument(TenantRecord):
    """A document that a claim needs or somebody sent. `file_key` finds its newest file."""

    __tablename__ = "claim_documents"
    __table_args__ = (
        Index("claim_documents_claim_ix", "org_id", "claim_id", "id"),
        tenant_key("claims", "claim_id"),
        CheckConstraint(
            "(status IN ('OUTSTANDING', 'WAIVED')) OR file_key IS NOT NULL", name="has_file"
        ),
        CheckConstraint(
            "(status = 'REJECTED') = (rejection_reason IS NOT NULL)", name="rejection_has_reason"
        ),
    )

    claim_id: Mapped[UUID]
    document_type: Mapped[str]
    is_required: Mapped[bool]
    status: Mapped[DocumentStatus]
    rejection_reason: Mapped[str | None]
    issued_on: Mapped[date | None]
    expires_on: Mapped[date | None]
    file_key: Mapped[str | None]
    file_name: Mapped[str | None]
    content_type: Mapped[str | None]
    size: Mapped[int | None]
    sha256: Mapped[str | None]
    uploaded_at: Mapped[datetime | None]
    uploaded_by: Mapped[str | None]
    reviewed_at: Mapped[datetime | None]
    reviewed_by: Mapped[str | None]


class ClaimFlag(TenantRecord):
    """Something that an assessor should look at. Cleared with a note, never silently."""

    __tablename__ = "claim_flags"
    __table_args__ = (
        UniqueConstraint("org_id", "claim_id", "code", name="claim_flags_code_key"),
        tenant_key("claims", "claim_id"),
        CheckConstraint("(cleared_at IS NULL) = (clearing_note IS NULL)", name="cleared"),
    )

    claim_id: Mapped[UUID]
    code: Mapped[str]
    detail: Mapped[str]
    raised_at: Mapped[datetime]
    cleared_at: Mapped[datetime | None]
    cleared_by: Mapped[str | None]
    clearing_note: Mapped[str | None]


class ClaimEvent(AppendOnly, TenantRecord):
    """Something that happened to a claim. Appended, never changed."""

    __tablename__ = "claim_events"
    __table_args__ = (
        UniqueConstraint("org_id", "claim_id", "sequence", name="claim_events_sequence_key"),
        tenant_key("claims", "claim_id"),
    )

    claim_id: Mapped[UUID]
    sequence: Mapped[int]
    event_type: Mapped[str]
    status: Mapped[ClaimStatus]
    description: Mapped[str]
    reason: Mapped[str | None]
    payload: Mapped[dict[str, Any]]
    recorded_at: Mapped[datetime]
    actor: Mapped[str]
    request_id: Mapped[str | None]


class AuthorityLimit(TenantRecord):
    """How much a role at a level may approve or pay: at once, of one benefit, of one claim."""

    __tablename__ = "claim_authority_limits"
    __table_args__ = (
        UniqueConstraint("org_id", "role", "level", name="claim_authority_limits_level_key"),
        CheckConstraint("level BETWEEN 1 AND 5", name="level"),
        CheckConstraint(
            "transaction_limit >= 0 AND benefit_limit >= 0 AND claim_limit >= 0", name="limits"
        ),
    )

    role: Mapped[str]
    level: Mapped[int]
    transaction_limit: Mapped[Decimal]
    benefit_limit: Mapped[Decimal]
    claim_limit: Mapped[Decimal]
    updated_at: Mapped[datetime]


class AuthorityLevel(TenantTable):
    """The level of a person, from 1 to 5; who has none is at 1."""

    __tablename__ = "claim_authority_levels"
    __table_args__ = (CheckConstraint("level BETWEEN 1 AND 5", name="level"),)

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    level: Mapped[int]


class Assignment(StrEnum):
    """How a new claim finds its assessor: somebody takes it, or it is given out."""

    BY_HAND = "BY_HAND"
    IN_TURN = "IN_TURN"
    FEWEST_OPEN = "FEWEST_OPEN"


class ClaimSettings(TenantTable):
    """What an organization decided about its claims; without a row the defaults hold.

    `verified_account_first`: nothing is paid before the payee's account is on file and verified.

    `last_assigned_to` had the latest claim that was given out in turn.
    """

    __tablename__ = "claim_settings"

    days_by_class: Mapped[dict[str, Any]]
    other_days: Mapped[int]
    payee_change_days: Mapped[int]
    early_claim_days: Mapped[int]
    large_loss: Mapped[Decimal]
    assignment: Mapped[Assignment]
    verified_account_first: Mapped[bool]
    last_assigned_to: Mapped[UUID | None]
    version: Mapped[int] = mapped_column(default=1)


class LossFigure(TenantTable):
    """What a product charged, earned and lost on a day or in a month, in rand: sums that are kept.

    They have every transfer but those in `ledger_uncounted`. `earned` is what of the premiums
    charged so far is earned in that time, reversals taken off, also where that is yet to come. A
    transfer of no policy counts under the product of zeros.
    """

    __tablename__ = "loss_figures"

    grain: Mapped[Grain] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    product_id: Mapped[UUID] = mapped_column(primary_key=True)
    charged: Mapped[Decimal]
    earned: Mapped[Decimal]
    claims: Mapped[Decimal]


class UncountedClaims(TenantRecord):
    """Claims that changed since the sums kept of claims were counted.

    Written by the command that changes a claim, deleted by what counts it again.
    """

    __tablename__ = "claims_uncounted"

    claim_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))


class ClaimSums(TenantTable):
    """What claims add up to: how many, and their money in rand.

    `approved` is what was approved or paid, `reserved` how many have a reserve, `overdue` how many
    ran over their time. Seconds are from notice to complete `documents`, on to the decision and on
    to the first payment that stands, of as many claims as have both ends.
    """

    __abstract__ = True

    product_id: Mapped[UUID]
    claim_type: Mapped[str]
    cause: Mapped[str]
    status: Mapped[ClaimStatus]
    claims: Mapped[int]
    claimed: Mapped[Decimal]
    approved: Mapped[Decimal]
    paid: Mapped[Decimal]
    reserve: Mapped[Decimal]
    reserved: Mapped[int]
    overdue: Mapped[int]
    documents: Mapped[int]
    document_seconds: Mapped[Decimal] = mapped_column(Numeric(24, 6))
    decisions: Mapped[int]
    decision_seconds: Mapped[Decimal] = mapped_column(Numeric(24, 6))
    payments: Mapped[int]
    payment_seconds: Mapped[Decimal] = mapped_column(Numeric(24, 6))
    in_time: Mapped[int]
    late: Mapped[int]


class CountedClaim(ClaimSums):
    """What the sums have of a claim, notified on `day`."""

    __tablename__ = "claims_counted"

    claim_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-99)
    day: Mapped[date] = mapped_column(sort_order=-98)


class ClaimFigure(ClaimSums):
    """What claims notified on a day or in a month add up to: sums that are kept.

    They have of each claim what `claims_counted` says.
    """

    __tablename__ = "claim_figures"

    grain: Mapped[Grain] = mapped_column(primary_key=True, sort_order=-99)
    day: Mapped[date] = mapped_column(primary_key=True, sort_order=-98)
    product_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-97)
    claim_type: Mapped[str] = mapped_column(primary_key=True, sort_order=-96)
    cause: Mapped[str] = mapped_column(primary_key=True, sort_order=-95)
    status: Mapped[ClaimStatus] = mapped_column(primary_key=True, sort_order=-94)
