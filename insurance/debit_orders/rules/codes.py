"""What an unpaid debit's reason code means, and what happens to the mandate."""

import re
from dataclasses import dataclass
from enum import StrEnum


class MandateStatus(StrEnum):
    """Whether an account may be debited."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    CANCELLED = "CANCELLED"


class Treatment(StrEnum):
    """What is to be done about an unpaid debit."""

    REPRESENT = "REPRESENT"
    NEW_MANDATE = "NEW_MANDATE"
    NEW_DETAILS = "NEW_DETAILS"
    UPDATE_DETAILS = "UPDATE_DETAILS"
    REFER = "REFER"
    POSSIBLE_CLAIM = "POSSIBLE_CLAIM"
    REVERSE = "REVERSE"
    INTERNAL = "INTERNAL"
    CONTACT = "CONTACT"
    ASK = "ASK"

    @property
    def advice(self) -> str:
        """Return what a clerk should do, in words."""
        return _ADVICE[self]


@dataclass(frozen=True, slots=True)
class UnpaidCode:
    """One reason the banks give for a debit that was not paid."""

    code: str
    meaning: str
    treatment: Treatment


CODES: tuple[UnpaidCode, ...] = (
    UnpaidCode("02", "Not provided for", Treatment.REPRESENT),
    UnpaidCode("03", "Debits not allowed to this account", Treatment.NEW_DETAILS),
    UnpaidCode("04", "Payment stopped", Treatment.NEW_MANDATE),
    UnpaidCode("05", "Account dormant", Treatment.NEW_DETAILS),
    UnpaidCode("06", "Account frozen", Treatment.REFER),
    UnpaidCode("08", "Account in sequestration", Treatment.REFER),
    UnpaidCode("10", "Account in liquidation", Treatment.REFER),
    UnpaidCode("12", "Account closed", Treatment.NEW_DETAILS),
    UnpaidCode("14", "Account redirected", Treatment.UPDATE_DETAILS),
    UnpaidCode("16", "Account moved to another bank", Treatment.NEW_DETAILS),
    UnpaidCode("18", "Account holder deceased", Treatment.POSSIBLE_CLAIM),
    UnpaidCode("22", "Effects not cleared", Treatment.REPRESENT),
    UnpaidCode("26", "No such account", Treatment.NEW_DETAILS),
    UnpaidCode("28", "Recalled by the user", Treatment.INTERNAL),
    UnpaidCode("30", "No authority to debit", Treatment.REVERSE),
    UnpaidCode("32", "Debit in contravention of the payer's authority", Treatment.REVERSE),
    UnpaidCode("34", "Authority cancelled", Treatment.REVERSE),
    UnpaidCode("36", "Previously stopped", Treatment.NEW_MANDATE),
    UnpaidCode("56", "Not FICA compliant", Treatment.CONTACT),
)
_BY_CODE = {one.code: one for one in CODES}
_ADVICE = {
    Treatment.REPRESENT: "Present once more; after a second time running, get a new mandate.",
    Treatment.NEW_MANDATE: "Stop at once; get a new mandate.",
    Treatment.NEW_DETAILS: "Stop; get new bank details and a mandate for them.",
    Treatment.UPDATE_DETAILS: "Update the bank details.",
    Treatment.REFER: "Stop; refer to a senior.",
    Treatment.POSSIBLE_CLAIM: "Stop; open a task for a possible claim.",
    Treatment.REVERSE: "Reverse the receipt; get a new mandate before any debit; check for a complaint.",
    Treatment.INTERNAL: "Nothing: the insurer recalled it.",
    Treatment.CONTACT: "Contact the customer.",
    Treatment.ASK: "Ask the bank what this means; the mandate stays as it is.",
}
_MANDATE_AFTER = {
    Treatment.NEW_MANDATE: MandateStatus.CANCELLED,
    Treatment.REVERSE: MandateStatus.CANCELLED,
    Treatment.NEW_DETAILS: MandateStatus.SUSPENDED,
    Treatment.REFER: MandateStatus.SUSPENDED,
    Treatment.POSSIBLE_CLAIM: MandateStatus.SUSPENDED,
}
_NOT_PROVIDED_FOR = "02"
_SUCCESS = frozenset({"00", "ACCEPTED", "PAID", "SUCCESS", "SUCCESSFUL"})
_DIGITS = re.compile(r"(?:[A-Z .:#/_-]*[ .:#/_-])?([0-9]{1,6})(?:\.0+)?(?:[ .:#/_-].*)?", re.ASCII)


def plain_code(text: str | None) -> str | None:
    """Return an unpaid code as it is kept: digits, padded to two; None for none.

    `2`, `002`, `2.0` and `Code: 02` are `02`. What has no digits of its own (`AC04`) stays as it
    is, in capitals.
    """
    written = (text or "").strip().upper()
    found = _DIGITS.fullmatch(written)
    return f"{int(found[1]):02}" if found else written or None


def says_success(code: str | None) -> bool:
    """Tell whether a code says that a debit was paid, so that it cannot be why it was not."""
    return plain_code(code) in _SUCCESS


def treatment(reason_code: str | None, *, previous: str | None = None) -> Treatment:
    """Return what to do about an unpaid debit; a code nobody knows, or none, asks.

    `previous` is the code of the debit before it: not provided for twice running asks for a new
    mandate.
    """
    code = plain_code(reason_code)
    if code == _NOT_PROVIDED_FOR == plain_code(previous):
        return Treatment.NEW_MANDATE
    found = _BY_CODE.get(code or "")
    return found.treatment if found else Treatment.ASK


def meaning(reason_code: str | None) -> str:
    """Return a code in words."""
    found = _BY_CODE.get(plain_code(reason_code) or "")
    return found.meaning if found else "Unknown code"


def mandate_after(what: Treatment) -> MandateStatus | None:
    """Return the status that a treatment gives an active mandate; None leaves it active."""
    return _MANDATE_AFTER.get(what)
