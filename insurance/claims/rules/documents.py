"""Which documents a claim needs before it can be approved."""

from datetime import date

DOCUMENTS = {
    "DEATH_CERTIFICATE": "Death certificate",
    "DHA_1663": "Notice of death (DHA-1663)",
    "ID_OF_DECEASED": "ID of the deceased",
    "ID_OF_CLAIMANT": "ID of the claimant",
    "BANK_LETTER": "Bank letter, not older than three months",
    "POLICE_REPORT": "Police report",
    "MEDICAL_REPORT": "Medical report",
    "EMPLOYER_STATEMENT": "Statement of the employer",
    "RETRENCHMENT_LETTER": "Letter of retrenchment",
    "HOSPITAL_ACCOUNT": "Hospital account",
    "CLAIM_FORM": "Claim form, signed",
    "QUOTATION": "Quotation or invoice",
    "PHOTOGRAPH": "Photograph of the damage",
    "DEMAND_LETTER": "Letter of demand",
    "CREDIT_STATEMENT": "Statement of the credit agreement",
    "BOOKING": "Booking and proof of payment",
    "OTHER": "Another document",
}
"""Every type of document, in words."""

_OF_A_DEATH = frozenset({"DEATH_CERTIFICATE", "DHA_1663", "ID_OF_DECEASED"})


def documents_for(*, insures_persons: bool) -> dict[str, str]:
    """Return the types of documents that a claim may have, in words: none of a death on things."""
    if insures_persons:
        return DOCUMENTS
    return {code: words for code, words in DOCUMENTS.items() if code not in _OF_A_DEATH}


BANK_LETTER_DAYS = 92
"""How long a bank letter speaks for an account: three months."""

_LIFE_ENDED = ("DEATH_CERTIFICATE", "DHA_1663", "ID_OF_DECEASED", "ID_OF_CLAIMANT", "BANK_LETTER")
_HEALTH = ("CLAIM_FORM", "MEDICAL_REPORT", "ID_OF_CLAIMANT", "BANK_LETTER")
_REQUIRED: dict[str, tuple[str, ...]] = {
    "DEATH": _LIFE_ENDED,
    "ACCIDENTAL_DEATH": _LIFE_ENDED,
    "FUNERAL": _LIFE_ENDED,
    "STILLBIRTH": ("DHA_1663", "ID_OF_CLAIMANT", "BANK_LETTER"),
    "DISABILITY": (*_HEALTH, "EMPLOYER_STATEMENT"),
    "TEMPORARY_DISABILITY": (*_HEALTH, "EMPLOYER_STATEMENT"),
    "INCOME_PROTECTION": (*_HEALTH, "EMPLOYER_STATEMENT"),
    "CRITICAL_ILLNESS": _HEALTH,
    "TERMINAL_ILLNESS": _HEALTH,
    "RETRENCHMENT": ("RETRENCHMENT_LETTER", "ID_OF_CLAIMANT", "BANK_LETTER"),
    "HOSPITAL_CASH": ("CLAIM_FORM", "HOSPITAL_ACCOUNT", "BANK_LETTER"),
    "MEDICAL_EXPENSES": ("CLAIM_FORM", "HOSPITAL_ACCOUNT", "BANK_LETTER"),
    "PROPERTY_DAMAGE": ("CLAIM_FORM", "QUOTATION", "PHOTOGRAPH"),
    "THEFT": ("CLAIM_FORM", "POLICE_REPORT", "QUOTATION"),
    "THIRD_PARTY_LIABILITY": ("CLAIM_FORM", "DEMAND_LETTER"),
    "LEGAL_EXPENSES": ("CLAIM_FORM", "QUOTATION"),
    "BUSINESS_INTERRUPTION": ("CLAIM_FORM", "QUOTATION"),
    "CREDIT_DEFAULT": ("CLAIM_FORM", "CREDIT_STATEMENT"),
    "TRIP_CANCELLATION": ("CLAIM_FORM", "BOOKING"),
}
_UNNATURAL = frozenset({"ACCIDENT", "SUICIDE", "VIOLENCE", "MALICE"})


def document_types(claim_type: str, cause: str) -> tuple[str, ...]:
    """Return what a claim needs: the police's report too where a life did not end naturally."""
    needed = _REQUIRED.get(claim_type, ("CLAIM_FORM", "ID_OF_CLAIMANT", "BANK_LETTER"))
    is_death = "DEATH_CERTIFICATE" in needed
    return (*needed, "POLICE_REPORT") if is_death and cause in _UNNATURAL else needed


def is_there(status: str, expires_on: date | None, on: date) -> bool:
    """Tell whether a required document, by its status, is there and still good on a day."""
    if status == "WAIVED":
        return True
    return status in ("RECEIVED", "ACCEPTED") and (expires_on is None or expires_on >= on)
