"""Each kind of mail: who gets it, what its values mean, and which of them it may not leave out."""

from collections.abc import Mapping
from dataclasses import dataclass

from insurance.core.errors import NotFoundError
from insurance.notifications.languages import Language
from insurance.notifications.texts import PERSONAL, TEXTS
from insurance.notifications.wordings import shipped_wording

HOLDER, CLAIMANT, ASKER = "The policyholder", "The claimant", "Who asked for it"
_RECIPIENTS = {
    "alerts_digest": "Who has alerts that are not read",
    "approval_delegated": "Who decides in a colleague's place",
    "approval_expired": ASKER,
    "approval_reminder": "Who may decide",
    "access_offered": "Who is invited",
    "invitation": "Who is invited",
    "letter": "The customer or claimant",
    "message": "The customer or claimant",
    "mfa_changed": "Whose login it is",
    "month_end_ended": "Who ran the month-end",
    "month_end_failed": "Who ran the month-end",
    "password_changed": "Whose login it is",
    "password_reset": "Whose login it is",
    "quote": "The customer",
    "sender_confirmation": "The sender's address",
    "sender_test": ASKER,
}
_REQUIRED = {
    "alerts_digest": ("lines",),
    "claim_approved": ("number", "amount"),
    "claim_comment": ("words",),
    "claim_complete": ("number",),
    "claim_documents": ("number", "documents"),
    "claim_paid": ("number", "amount", "deducted"),
    "claim_received": ("number", "documents"),
    "claim_repudiated": ("number",),
    "message": ("words",),
    "mfa_changed": ("state",),
    "non_payment_notice": ("number", "amount", "due_date", "grace_end", "organization"),
    "policy_cancelled": ("number", "day", "money"),
    "policy_cancelled_at_start": ("number", "day", "money"),
    "policy_expired": ("number", "day"),
    "policy_lapse_set_aside": ("number", "day"),
    "policy_lapsed": ("number", "day", "money"),
    "policy_not_taken_up": ("number",),
    "policy_suspended": ("number", "day"),
    "premium_reminder": ("number", "amount", "due_date"),
}
_MEANINGS = {
    "address": ("the address that is to be confirmed", "claims@ubuntulife.example"),
    "amount": ("the amount in rand", "R\u00a0305,00"),
    "asked_by": ("who asked", "Nomsa Dlamini"),
    "asked_on": ("the day it was asked for", "2026/11/18"),
    "book": ("how many policies there are", "4 210"),
    "count": ("how many alerts are new", "3"),
    "day": ("the day from which it holds", "2026/12/01"),
    "deducted": ("a sentence on what was deducted, or nothing", ""),
    "delegator": ("in whose place it is decided", "Sipho Nkosi"),
    "documents": ("the documents that are still needed, a line each", "- Death certificate"),
    "due_date": ("the day the premium is due", "2026/12/01"),
    "due_on": ("the day by which the claim is decided", "2026/12/15"),
    "error": ("what went wrong", "The bank account has no code."),
    "expires_at": ("when it expires", "2026/11/25 16:00"),
    "expires_on": ("the last day of the quote", "2026/12/31"),
    "first_day": ("the first day", "2026/12/01"),
    "grace_end": ("the last day on which it can be paid", "2026/12/31"),
    "last_day": ("the last day", "2026/12/14"),
    "law": (
        "the rule that asks for the notice",
        "Rule 15A of the Policyholder Protection Rules (Long-term Insurance)",
    ),
    "left_out": ("how many policies were left out", "2"),
    "lines": ("what is new, a line each", "- Claim CLM-2026-000001 is yours to assess"),
    "money": ("a sentence on money to be paid back, or nothing", "We pay back R\u00a0305,00."),
    "name": ("the recipient's name", "Thandi Mokoena"),
    "number": ("the number of the policy", "PL-2026-000001"),
    "organization": ("your organization's name", "Ubuntu Life"),
    "paid_on": ("the day of the payment", "2026/12/03"),
    "policies": ("how many policies were processed", "4 208"),
    "policy": ("the number of the policy", "PL-2026-000001"),
    "premium": ("the premium a month", "R\u00a0305,00"),
    "product": ("the product's name", "Funeral Family Plan"),
    "reason": ("why", "On leave"),
    "reference": ("the reference on the bank statement", "CLM-2026-000001"),
    "role": ("what the sender is for", "Claims"),
    "state": ("on or off", "on"),
    "subject": ("what was written as the subject", "Your new address"),
    "title": ("what it is about", "Confirmation of cover"),
    "what": ("what changes, in a sentence", "the premium is R\u00a0320,00"),
    "words": ("what was written to them", "We have noted your new address."),
}
_ELSEWHERE = {
    ("alerts_digest", "link"): ("the address of all alerts", "https://insurer.example/alerts"),
    ("letter", "number"): ("the number of what it is about", "PL-2026-000001"),
    ("month_end_ended", "status"): ("how it ended", "applied"),
    ("sender_test", "of"): ("a sentence on what else the sender sends, or nothing", ""),
}
_LINK = ("the personal link", "https://insurer.example/welcome/personal-link")
_PERSON = ("name of the person who invites", "Nomsa Dlamini")
_NUMBERS = {
    "claim": ("the number of the claim", "CLM-2026-000001"),
    "quote": ("the number of the quote", "QT-2026-000001"),
}
_RESOURCES = {"claim": "claims", "policy": "policies", "quote": "quotes"}


@dataclass(frozen=True, slots=True)
class Variable:
    """A value that a kind of mail has a place for, what it means, and one it may have."""

    name: str
    meaning: str
    example: str
    is_required: bool = False


def check_kind(kind: str) -> None:
    """Raise NotFoundError for a kind of mail that the product does not send."""
    if kind not in TEXTS:
        raise NotFoundError("There is no such kind of mail.")


def language_of(kind: str, code: str) -> Language:
    """Return the language with a code. Raises NotFoundError for one, or a kind, that is not there."""
    check_kind(kind)
    try:
        return Language(code)
    except ValueError as error:
        raise NotFoundError("Mail is not written in this language.") from error


def recipient_of(kind: str) -> str:
    """Return who gets a kind of mail."""
    return _RECIPIENTS.get(kind) or (CLAIMANT if kind.startswith("claim_") else HOLDER)


def resource_of(kind: str) -> str:
    """Return the kind of record that a kind of mail is about, or nothing."""
    if kind in ("premium_reminder", "non_payment_notice"):
        return "policies"
    return _RESOURCES.get(kind.partition("_")[0], "")


def variables_of(kind: str) -> Mapping[str, Variable]:
    """Return what may stand in a kind of mail, by name: what its sender always knows."""
    wording = shipped_wording(kind)
    names = wording.names if wording else frozenset[str]()
    required = _REQUIRED.get(kind, ()) + (("link",) if kind in PERSONAL else ())
    return {
        name: Variable(name, *_meaning_of(kind, name), is_required=name in required)
        for name in sorted(names)
    }


def samples_of(kind: str) -> dict[str, str]:
    """Return a value for each place that a kind of mail may have."""
    return {name: variable.example for name, variable in variables_of(kind).items()}


def _meaning_of(kind: str, name: str) -> tuple[str, str]:
    if name == "link" and kind in PERSONAL:
        return _LINK
    if name == "inviter":
        return _PERSON
    area = kind.partition("_")[0]
    if name == "number" and area in _NUMBERS:
        return _NUMBERS[area]
    return _ELSEWHERE.get((kind, name)) or _MEANINGS[name]
