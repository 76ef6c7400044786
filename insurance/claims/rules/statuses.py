"""The way of a claim: which status follows which, and what a claim may be about."""

from collections.abc import Sequence
from decimal import Decimal

from insurance.core.errors import ConflictError, DomainError
from insurance.core.money import ZERO

TRANSITIONS: dict[str, tuple[str, ...]] = {
    "SUBMITTED": (
        "PENDING_DOCUMENTS",
        "UNDER_ASSESSMENT",
        "APPROVED",
        "PARTIALLY_APPROVED",
        "REJECTED",
        "CLOSED",
    ),
    "PENDING_DOCUMENTS": (
        "UNDER_ASSESSMENT",
        "APPROVED",
        "PARTIALLY_APPROVED",
        "REJECTED",
        "CLOSED",
    ),
    "UNDER_ASSESSMENT": (
        "PENDING_DOCUMENTS",
        "PART_PAID",
        "PAID",
        "APPROVED",
        "PARTIALLY_APPROVED",
        "REJECTED",
        "CLOSED",
    ),
    "APPROVED": ("PAID", "PART_PAID", "CLOSED"),
    "PARTIALLY_APPROVED": ("PAID", "PART_PAID", "CLOSED", "UNDER_ASSESSMENT"),
    "REJECTED": ("CLOSED", "UNDER_ASSESSMENT"),
    "PART_PAID": ("PAID", "CLOSED", "APPROVED", "PARTIALLY_APPROVED", "UNDER_ASSESSMENT"),
    "PAID": ("CLOSED", "PART_PAID", "APPROVED", "PARTIALLY_APPROVED", "UNDER_ASSESSMENT"),
    "CLOSED": ("UNDER_ASSESSMENT",),
}
"""From each status, where a claim may go. Voiding a payment leads back to the decision."""

UNDECIDED = ("SUBMITTED", "PENDING_DOCUMENTS", "UNDER_ASSESSMENT")
PAYABLE = ("APPROVED", "PARTIALLY_APPROVED", "PART_PAID")
REOPENABLE = ("REJECTED", "PARTIALLY_APPROVED", "PART_PAID", "PAID", "CLOSED")

QUIET = frozenset(
    {
        "CLAIM_ACCOUNT_VERIFIED",
        "CLAIM_ASSIGNED",
        "CLAIM_ASSIGNMENT_UNDONE",
        "CLAIM_COVER_RESTORED",
        "CLAIM_DOCUMENT_ACCEPTED",
        "CLAIM_DOCUMENT_RECEIVED",
        "CLAIM_DUE_SOON",
        "CLAIM_FLAG_CLEARED",
        "CLAIM_FLAG_STANDS_AGAIN",
        "CLAIM_NOTE_ADDED",
        "CLAIM_NOTE_UNDONE",
        "CLAIM_OVERDUE",
        "CLAIM_PAYMENT_REQUESTED",
        "CLAIM_TASK_DONE",
        "CLAIM_TASK_OPEN_AGAIN",
        "CLAIM_UNDO_REQUESTED",
    }
)
"""Events that leave the money, decision, payees and status of a claim as they were."""

TABS = {
    "open": "Open",
    "pending_documents": "Pending documents",
    "sla_breaches": "SLA breaches",
    "pending_approval": "Pending approval",
    "approved": "Approved",
    "paid": "Paid",
    "rejected": "Rejected",
}
"""The tabs of the list of claims."""

CLAIM_TYPES: dict[str, frozenset[str]] = {
    "DEATH": frozenset({"DEATH", "ACCIDENTAL_DEATH", "FUNERAL", "PREMIUM_WAIVER"}),
    "ACCIDENTAL_DEATH": frozenset({"DEATH", "ACCIDENTAL_DEATH", "FUNERAL", "PREMIUM_WAIVER"}),
    "FUNERAL": frozenset({"DEATH", "ACCIDENTAL_DEATH", "FUNERAL", "PREMIUM_WAIVER"}),
    "STILLBIRTH": frozenset({"STILLBIRTH"}),
    "DISABILITY": frozenset(
        {"DISABILITY", "TEMPORARY_DISABILITY", "INCOME_PROTECTION", "PREMIUM_WAIVER"}
    ),
    "TEMPORARY_DISABILITY": frozenset({"TEMPORARY_DISABILITY", "INCOME_PROTECTION"}),
    "INCOME_PROTECTION": frozenset({"INCOME_PROTECTION", "TEMPORARY_DISABILITY"}),
    "CRITICAL_ILLNESS": frozenset({"CRITICAL_ILLNESS", "TERMINAL_ILLNESS"}),
    "TERMINAL_ILLNESS": frozenset({"TERMINAL_ILLNESS", "CRITICAL_ILLNESS"}),
    "RETRENCHMENT": frozenset({"RETRENCHMENT", "PREMIUM_WAIVER"}),
    "PREMIUM_WAIVER": frozenset({"PREMIUM_WAIVER"}),
    "ANNUITY_INCOME": frozenset({"ANNUITY_INCOME"}),
    "MATURITY": frozenset({"MATURITY"}),
    "HOSPITAL_CASH": frozenset({"HOSPITAL_CASH", "MEDICAL_EXPENSES"}),
    "MEDICAL_EXPENSES": frozenset({"MEDICAL_EXPENSES", "HOSPITAL_CASH"}),
    "PROPERTY_DAMAGE": frozenset({"PROPERTY_DAMAGE", "THIRD_PARTY_LIABILITY"}),
    "THEFT": frozenset({"THEFT", "PROPERTY_DAMAGE"}),
    "THIRD_PARTY_LIABILITY": frozenset({"THIRD_PARTY_LIABILITY", "PROPERTY_DAMAGE"}),
    "LEGAL_EXPENSES": frozenset({"LEGAL_EXPENSES"}),
    "BUSINESS_INTERRUPTION": frozenset({"BUSINESS_INTERRUPTION"}),
    "CREDIT_DEFAULT": frozenset({"CREDIT_DEFAULT"}),
    "TRIP_CANCELLATION": frozenset({"TRIP_CANCELLATION"}),
}
"""What a claim may be about, and which benefits answer to it."""

UNKNOWN = "UNKNOWN"
"""No cause was stated. What waits, waits as for a natural cause; a description decides nothing."""

_LIFE_CAUSES = ("NATURAL", "ACCIDENT", "SUICIDE", "VIOLENCE", "RETRENCHMENT")
_NON_LIFE_CAUSES = (
    "ACCIDENT",
    "COLLISION",
    "FIRE",
    "THEFT",
    "WEATHER",
    "WATER",
    "MALICE",
    "ILLNESS",
    "NON_PAYMENT",
    "OTHER",
)
CAUSES = tuple(dict.fromkeys((UNKNOWN, *_LIFE_CAUSES, *_NON_LIFE_CAUSES)))
"""Every cause that a claim may have."""
ACCIDENTAL = frozenset({"ACCIDENT", "VIOLENCE", *_NON_LIFE_CAUSES} - {"ILLNESS"})
"""Causes that no waiting period holds back."""

_ENDS_LIFE = frozenset({"DEATH", "ACCIDENTAL_DEATH", "FUNERAL"})


def causes_for(category: str) -> tuple[str, ...]:
    """Return the causes that a claim of a category, LIFE or NON_LIFE, may have."""
    return (UNKNOWN, *(_LIFE_CAUSES if category == "LIFE" else _NON_LIFE_CAUSES))


def read_cause(cause: str | None, category: str, field: str = "cause") -> str:
    """Return a stated cause, UNKNOWN where none is. Raises DomainError with those there are."""
    causes = causes_for(category)
    if cause is not None and cause not in causes:
        raise DomainError(f"Choose one of: {', '.join(causes)}.", field=field)
    return cause or UNKNOWN


def ends_life(claim_type: str) -> bool:
    """Tell whether a claim says that a life has ended."""
    return claim_type in _ENDS_LIFE


def check_move(status: str, wanted: str) -> None:
    """Refuse a move that the table does not have. Raises ConflictError with the allowed ones."""
    allowed = TRANSITIONS[status]
    if wanted not in allowed:
        raise ConflictError(
            f"A claim that is {_words(status)} cannot become {_words(wanted)}.",
            detail={"current_status": status, "allowed_transitions": list(allowed)},
        )


def status_after_assessment(items: Sequence[tuple[Decimal, Decimal | None]]) -> str:
    """Return where a claim stands by (due, approved or None while undecided) of its items.

    Due is the loss less its excess; more than that is approved ex gratia.
    """
    if any(approved is None for _due, approved in items):
        return "UNDER_ASSESSMENT"
    if all(approved == ZERO for _due, approved in items):
        return "REJECTED"
    if all(approved is not None and approved >= due for due, approved in items):
        return "APPROVED"
    return "PARTIALLY_APPROVED"


def status_after_payment(decided: str, items: Sequence[tuple[Decimal, Decimal]]) -> str:
    """Return where a claim stands by (approved, paid) of its items; `decided` with nothing paid."""
    if all(paid == ZERO for _approved, paid in items):
        return decided
    return "PAID" if all(approved == paid for approved, paid in items) else "PART_PAID"


def _words(status: str) -> str:
    return status.replace("_", " ").lower()
