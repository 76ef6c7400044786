"""Why an item is approved or refused: a list, without what a class does not allow."""

from dataclasses import dataclass

from insurance.core.errors import DomainError

FUNERAL = "FUNERAL"


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason in words. `clause` names what in the contract or the law it rests on.

    `not_for` are the classes that may not use it.
    """

    code: str
    words: str
    rejects: bool
    clause: str = ""
    not_for: frozenset[str] = frozenset()
    only_for: str | None = None


_FUNERAL = frozenset({FUNERAL})
REASONS = (
    Reason("WITHIN_TERMS", "Within terms", False),
    Reason("APPROVED_WITH_EXCLUSIONS", "Approved with exclusions", False, "Exclusions"),
    Reason("PART_OF_LOSS", "Part of the loss is covered", False, "Extent of cover"),
    Reason("EX_GRATIA", "Ex gratia", False),
    Reason("NOT_IN_FORCE", "Policy not in force on the event date", True, "Period of cover"),
    Reason("WAITING_PERIOD", "Within the waiting period", True, "Waiting period"),
    Reason("NOT_INSURED", "Not insured by the policy", True, "What is insured"),
    Reason("EVENT_NOT_COVERED", "Event not covered by the benefit", True, "Insured events"),
    Reason("EXCLUSION", "Exclusion applies", True, "Exclusions"),
    Reason("COVER_EXHAUSTED", "Cover used up", True, "Extent of cover"),
    Reason("SUICIDE_EXCLUSION", "Suicide within the excluded period", True, "Exclusions",
           only_for="LIFE"),
    Reason("NO_PROOF", "Event not proved", True, "Proof of claim"),
    Reason("FRAUD", "Fraudulent claim", True, "Fraud"),
    Reason("PRE_EXISTING_CONDITION", "Pre-existing condition", True, "Exclusions", _FUNERAL,
           "LIFE"),
    Reason("NON_DISCLOSURE", "Non-disclosure of what was asked before inception", True,
           "Duty to disclose", _FUNERAL),
    Reason("ASKED_AND_UNTRUE", "Untrue answer to a question asked before inception", True,
           "LT PPR rule 2A.8: only what was asked before inception"),
    Reason("LATE_NOTICE", "Notified too late", True, "Notice of claim"),
    Reason("UNLICENSED_DRIVER", "Driver without a licence", True, "Exclusions",
           only_for="NON_LIFE"),
    Reason("WEAR_AND_TEAR", "Wear and tear", True, "Exclusions", only_for="NON_LIFE"),
    Reason("UNDER_EXCESS", "Loss below the excess", True, "Excess", only_for="NON_LIFE"),
)  # fmt: skip
"""Every reason there is."""


def reasons_for(class_code: str, category: str) -> list[Reason]:
    """Return the reasons that a class may use.

    A funeral claim may not be refused for what was never asked (LT PPR rule 2A.8).
    """
    return [
        one for one in REASONS if class_code not in one.not_for and one.only_for in (None, category)
    ]


def find_reason(
    text: str, class_code: str, category: str, *, rejects: bool, field: str = "decision_reason"
) -> Reason:
    """Return a reason by its code or words. Raises DomainError that names those allowed."""
    wanted = text.strip().upper().replace(" ", "_").replace("-", "_")
    allowed = [reason for reason in reasons_for(class_code, category) if reason.rejects == rejects]
    for one in allowed:
        if wanted in (one.code, one.words.upper().replace(" ", "_").replace("-", "_")):
            return one
    verb = "refused" if rejects else "approved"
    names = "; ".join(one.words for one in allowed)
    raise DomainError(f"A claim of this class is {verb} for one of: {names}.", field=field)
