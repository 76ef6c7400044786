"""Policies: the current state, its benefits in layers, and the append-only events and versions."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from insurance.core.db import AppendOnly, TenantRecord, TenantTable, tenant_key
from insurance.products.models import ObjectKind


class PolicyStatus(StrEnum):
    """The life of a contract."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    LAPSED = "lapsed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class PremiumFrequency(StrEnum):
    """How often a premium falls due."""

    MONTHLY = "MONTHLY"
    QUARTERLY = "QUARTERLY"
    HALF_YEARLY = "HALF_YEARLY"
    ANNUAL = "ANNUAL"


class Policy(TenantRecord):
    """The current state of a contract. `current_version` counts its versions.

    `ended_on` is the first day without cover of a policy that lapsed, was cancelled or expired.
    """

    __tablename__ = "policies"
    __table_args__ = (
        UniqueConstraint("org_id", "policy_number"),
        UniqueConstraint("org_id", "quote_id"),
        Index("policies_status_ix", "org_id", "status", "id"),
        Index(
            "policies_number_search_ix",
            "org_id",
            "policy_number",
            postgresql_ops={"policy_number": "text_pattern_ops"},
        ),
        Index("policies_customer_ix", "org_id", "customer_id", "id"),
        Index("policies_product_ix", "org_id", "product_id", "id"),
        Index("policies_version_ix", "org_id", "product_version_id"),
        Index("policies_premium_ix", "org_id", "premium", "id"),
        Index("policies_cover_ix", "org_id", "coverage_amount", "id"),
        Index("policies_start_ix", "org_id", "effective_date", "id"),
        tenant_key("products", "product_id"),
        tenant_key("product_versions", "product_version_id"),
        tenant_key("customers", "customer_id"),
        tenant_key("quotes", "quote_id"),
        tenant_key("customers", "payer_id"),
        Index(
            "policies_payer_ix",
            "org_id",
            "payer_id",
            postgresql_where=text("payer_id IS NOT NULL"),
        ),
        tenant_key("customer_bank_accounts", "bank_account_id"),
        Index(
            "policies_bank_account_ix",
            "org_id",
            "bank_account_id",
            postgresql_where=text("bank_account_id IS NOT NULL"),
        ),
        CheckConstraint("effective_date < expiry_date", name="term_not_empty"),
        CheckConstraint("due_day BETWEEN 1 AND 31", name="due_day"),
        CheckConstraint("premium >= 0", name="premium"),
        CheckConstraint("instalment >= 0", name="instalment"),
    )

    policy_number: Mapped[str]
    status: Mapped[PolicyStatus]
    product_id: Mapped[UUID]
    product_version_id: Mapped[UUID]
    customer_id: Mapped[UUID]
    quote_id: Mapped[UUID | None]
    effective_date: Mapped[date]
    expiry_date: Mapped[date | None]
    term_years: Mapped[int]
    due_day: Mapped[int]
    frequency: Mapped[PremiumFrequency]
    premium: Mapped[Decimal]
    instalment: Mapped[Decimal]
    coverage_amount: Mapped[Decimal]
    rating: Mapped[dict[str, Any]]
    payer_id: Mapped[UUID | None]
    bank_account_id: Mapped[UUID | None]
    ended_on: Mapped[date | None]
    current_version: Mapped[int] = mapped_column(default=1)
    issued_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    @property
    def paid_by(self) -> UUID:
        """Return who pays the premiums and is paid refunds: the payer, else the holder."""
        return self.payer_id or self.customer_id


class PolicyMember(TenantRecord):
    """A life insured by a policy, from its effective date until its end date.

    Its ID and passport number are referred to; an infant may have neither.
    """

    __tablename__ = "policy_members"
    __table_args__ = (
        Index("policy_members_policy_ix", "org_id", "policy_id"),
        Index("policy_members_birth_ix", "org_id", "date_of_birth"),
        tenant_key("policies", "policy_id"),
        tenant_key("life_numbers", "id_number_ref"),
        Index(
            "policy_members_id_number_ix",
            "org_id",
            "id_number_ref",
            postgresql_where=text("id_number_ref IS NOT NULL"),
        ),
        tenant_key("life_numbers", "passport_ref"),
        Index(
            "policy_members_passport_ix",
            "org_id",
            "passport_ref",
            postgresql_where=text("passport_ref IS NOT NULL"),
        ),
    )

    policy_id: Mapped[UUID]
    role: Mapped[str]
    first_name: Mapped[str]
    last_name: Mapped[str]
    date_of_birth: Mapped[date | None]
    gender: Mapped[str | None]
    id_number_ref: Mapped[UUID | None]
    passport_ref: Mapped[UUID | None]
    effective_date: Mapped[date]
    end_date: Mapped[date | None]

    @property
    def has_number(self) -> bool:
        """Tell whether an ID or passport number is on file."""
        return self.id_number_ref is not None or self.passport_ref is not None


class LifeLock(TenantTable):
    """What whoever changes the funeral cover of a life holds meanwhile: a birth date or a number.

    Two policies for one life are so counted one after the other, under whatever holders.
    """

    __tablename__ = "life_locks"

    life: Mapped[str] = mapped_column(primary_key=True)


class LifeMatch(TenantRecord):
    """What somebody said of two lives on two policies: the same person, or two."""

    __tablename__ = "life_matches"
    __table_args__ = (
        Index("life_matches_member_ix", "org_id", "member_id"),
        Index("life_matches_other_ix", "org_id", "other_member_id"),
        tenant_key("policy_members", "member_id", ondelete="CASCADE"),
        tenant_key("policy_members", "other_member_id", ondelete="CASCADE"),
    )

    member_id: Mapped[UUID]
    other_member_id: Mapped[UUID]
    is_same: Mapped[bool]
    answered_by: Mapped[str]
    answered_at: Mapped[datetime]


class InsuredObject(TenantRecord):
    """A vehicle, building, contents or item that a policy insures, until its end date.

    `value` is its sum insured in rand. `details` has its facts, drivers and rating inputs;
    `registration_key` is a vehicle's registration in capitals and digits alone, for search.
    """

    __tablename__ = "policy_objects"
    __table_args__ = (
        Index("policy_objects_policy_ix", "org_id", "policy_id"),
        Index(
            "policy_objects_registration_ix",
            "org_id",
            "registration_key",
            postgresql_ops={"registration_key": "text_pattern_ops"},
            postgresql_where=text("registration_key IS NOT NULL"),
        ),
        tenant_key("policies", "policy_id"),
        CheckConstraint("value > 0", name="value"),
        CheckConstraint("effective_date <= end_date", name="dates"),
    )

    policy_id: Mapped[UUID]
    kind: Mapped[ObjectKind]
    name: Mapped[str]
    registration_key: Mapped[str | None]
    value: Mapped[Decimal]
    details: Mapped[dict[str, Any]]
    effective_date: Mapped[date]
    end_date: Mapped[date | None]


class BenefitStatus(StrEnum):
    """Whether a benefit gives cover."""

    ACTIVE = "ACTIVE"
    ENDED = "ENDED"


class PolicyBenefit(TenantRecord):
    """A benefit of a policy on one life or object. Its cover is the sum of its layers.

    The cover of the main benefit is the policy's headline cover; on objects, what it covers of all.
    """

    __tablename__ = "policy_benefits"
    __table_args__ = (
        Index("policy_benefits_policy_ix", "org_id", "policy_id"),
        Index("policy_benefits_member_ix", "org_id", "member_id"),
        Index(
            "policy_benefits_main_key",
            "org_id",
            "policy_id",
            unique=True,
            postgresql_where=text("is_main"),
        ),
        tenant_key("policies", "policy_id"),
        tenant_key("policy_members", "member_id"),
        tenant_key("policy_objects", "object_id"),
        Index(
            "policy_benefits_object_ix",
            "org_id",
            "object_id",
            postgresql_where=text("object_id IS NOT NULL"),
        ),
    )

    policy_id: Mapped[UUID]
    member_id: Mapped[UUID | None]
    object_id: Mapped[UUID | None]
    benefit_code: Mapped[str]
    benefit_name: Mapped[str]
    benefit_type_code: Mapped[str]
    sum_assured: Mapped[Decimal]
    premium: Mapped[Decimal]
    status: Mapped[BenefitStatus]
    display_order: Mapped[int]
    is_main: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    worksheet: Mapped[dict[str, Any]]


class BenefitLayer(TenantRecord):
    """Cover added on one day, with its own waiting period for natural causes."""

    __tablename__ = "policy_benefit_layers"
    __table_args__ = (
        UniqueConstraint("org_id", "policy_benefit_id", "number", name="benefit_layers_number_key"),
        tenant_key("policy_benefits", "policy_benefit_id"),
        CheckConstraint("amount >= 0", name="amount"),
    )

    policy_benefit_id: Mapped[UUID]
    number: Mapped[int]
    amount: Mapped[Decimal]
    starts_on: Mapped[date]
    waiting_days: Mapped[int]
    waiting_until: Mapped[date]
    reason: Mapped[str]


class BeneficiaryKind(StrEnum):
    """Who is paid first, and who where nobody of those is left."""

    PRIMARY = "PRIMARY"
    CONTINGENT = "CONTINGENT"


class Beneficiary(TenantRecord):
    """Who is paid when a life ends. The shares of a kind add up to 100.00 per cent."""

    __tablename__ = "policy_beneficiaries"
    __table_args__ = (
        Index("policy_beneficiaries_policy_ix", "org_id", "policy_id"),
        tenant_key("policies", "policy_id"),
        CheckConstraint("share > 0 AND share <= 100", name="share"),
    )

    policy_id: Mapped[UUID]
    kind: Mapped[BeneficiaryKind]
    first_name: Mapped[str]
    last_name: Mapped[str]
    date_of_birth: Mapped[date | None]
    relationship: Mapped[str]
    share: Mapped[Decimal]
    guardian_name: Mapped[str | None]
    display_order: Mapped[int]


class EndorsementType(StrEnum):
    """What may be changed of a policy in force."""

    CHANGE_COVER = "CHANGE_COVER"
    ADD_MEMBER = "ADD_MEMBER"
    REMOVE_MEMBER = "REMOVE_MEMBER"
    CHANGE_BENEFICIARIES = "CHANGE_BENEFICIARIES"
    CHANGE_PREMIUM_DUE_DAY = "CHANGE_PREMIUM_DUE_DAY"
    CHANGE_FREQUENCY = "CHANGE_FREQUENCY"
    CHANGE_BANK_DETAILS = "CHANGE_BANK_DETAILS"
    CHANGE_PAYER = "CHANGE_PAYER"
    CORRECT_DETAILS = "CORRECT_DETAILS"
    CHANGE_VEHICLE = "CHANGE_VEHICLE"
    ADD_OBJECT = "ADD_OBJECT"
    REMOVE_OBJECT = "REMOVE_OBJECT"
    CHANGE_OBJECT = "CHANGE_OBJECT"
    CHANGE_ADDRESS = "CHANGE_ADDRESS"
    CHANGE_DRIVERS = "CHANGE_DRIVERS"
    ANNIVERSARY = "ANNIVERSARY"
    MAIN_MEMBER_DIED = "MAIN_MEMBER_DIED"


class EndorsementStatus(StrEnum):
    """Draft, priced, issued; an issued one is never edited, only superseded or undone."""

    DRAFT = "DRAFT"
    PRICED = "PRICED"
    ISSUED = "ISSUED"
    STALE = "STALE"
    SUPERSEDED = "SUPERSEDED"
    UNDONE = "UNDONE"
    DISCARDED = "DISCARDED"


class Endorsement(TenantRecord):
    """A change of a policy. Issued ones, in the order they take effect, make the contract."""

    __tablename__ = "endorsements"
    __table_args__ = (
        Index("endorsements_policy_ix", "org_id", "policy_id", "id"),
        Index("endorsements_event_ix", "org_id", "event_id"),
        Index(
            "endorsements_coming_ix",
            "org_id",
            "effective_date",
            postgresql_where=text("status = 'ISSUED' AND applied_at IS NULL"),
        ),
        Index(
            "endorsements_main_death_ix",
            "org_id",
            "policy_id",
            postgresql_where=text("type = 'MAIN_MEMBER_DIED'"),
        ),
        Index(
            "endorsements_anniversary_key",
            "org_id",
            "policy_id",
            "effective_date",
            unique=True,
            postgresql_where=text("type = 'ANNIVERSARY'"),
        ),
        tenant_key("policies", "policy_id"),
        tenant_key("policy_events", "event_id"),
        CheckConstraint("(status = 'ISSUED') <= (issued_at IS NOT NULL)", name="issued"),
    )

    policy_id: Mapped[UUID]
    type: Mapped[EndorsementType]
    status: Mapped[EndorsementStatus]
    effective_date: Mapped[date]
    change: Mapped[dict[str, Any]]
    reason: Mapped[str | None]
    priced_on_version: Mapped[int | None]
    priced: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    issued_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    applied_at: Mapped[datetime | None]
    event_id: Mapped[UUID | None]
    version_number: Mapped[int | None]

    @property
    def adjustment(self) -> Decimal | None:
        """Return what the change adds to the next debit, in rand; None before it is priced."""
        return Decimal(self.priced["adjustment"]) if self.priced else None


class EventCategory(StrEnum):
    """What kind of happening an event is."""

    LIFECYCLE = "LIFECYCLE"
    ENDORSEMENT = "ENDORSEMENT"
    CLAIM = "CLAIM"
    FINANCIAL = "FINANCIAL"


class PolicyEvent(AppendOnly, TenantRecord):
    """Something that happened to a policy. Appended, never changed."""

    __tablename__ = "policy_events"
    __table_args__ = (
        UniqueConstraint("org_id", "policy_id", "sequence", name="policy_events_sequence_key"),
        tenant_key("policies", "policy_id"),
    )

    policy_id: Mapped[UUID]
    sequence: Mapped[int]
    category: Mapped[EventCategory]
    event_type: Mapped[str]
    effective_date: Mapped[date]
    recorded_at: Mapped[datetime]
    description: Mapped[str]
    reason: Mapped[str | None]
    payload: Mapped[dict[str, Any]]
    actor: Mapped[str]
    request_id: Mapped[str | None]

    @property
    def notes_the_calendar(self) -> bool:
        """Tell whether a day that came brought it, and nobody's act: nothing rests on that."""
        return self.event_type in _OF_THE_CALENDAR


_OF_THE_CALENDAR = frozenset({"PREMIUM_DUE", "PREMIUM_OVERDUE"})


class PolicyVersion(AppendOnly, TenantRecord):
    """The full state of a policy after an event. Appended, never changed."""

    __tablename__ = "policy_versions"
    __table_args__ = (
        UniqueConstraint(
            "org_id", "policy_id", "version_number", name="policy_versions_number_key"
        ),
        Index("policy_versions_event_ix", "org_id", "event_id"),
        tenant_key("policies", "policy_id"),
        tenant_key("policy_events", "event_id"),
    )

    policy_id: Mapped[UUID]
    version_number: Mapped[int]
    event_id: Mapped[UUID]
    effective_date: Mapped[date]
    snapshot_date: Mapped[datetime]
    change_reason: Mapped[str]
    change_description: Mapped[str]
    policy_snapshot: Mapped[dict[str, Any]]


class PortfolioCount(TenantTable):
    """How many policies a tenant has per product and status, with their premium and cover.

    Kept by the commands that change policies, spread over shards so that they do not queue up
    behind each other; the dashboard and the list's tabs read it instead of counting the book.
    """

    __tablename__ = "portfolio_counts"

    product_id: Mapped[UUID] = mapped_column(primary_key=True)
    status: Mapped[PolicyStatus] = mapped_column(primary_key=True)
    shard: Mapped[int] = mapped_column(primary_key=True)
    policies: Mapped[int]
    monthly_premium: Mapped[Decimal]
    cover: Mapped[Decimal]


class PortfolioDay(TenantTable):
    """How the book stood when a business day ended, or stands by now: what a trend starts from."""

    __tablename__ = "portfolio_days"

    day: Mapped[date] = mapped_column(primary_key=True)
    active_policies: Mapped[int]
    monthly_premium: Mapped[Decimal]
    cover: Mapped[Decimal]
    customers: Mapped[int]
    quotes: Mapped[int]
    taken_at: Mapped[datetime]
