"""Lines of a bank's file that are money of no policy: listed with their type, never posted."""

from decimal import Decimal, InvalidOperation

from insurance.reconciliation.rules.rows import MOST_MONEY, LineType, RawRow
from insurance.reconciliation.rules.verdicts import RowDecision, RowVerdict

_WORDS = {
    LineType.DEBIT: "Money that went out: no premium.",
    LineType.FEE: "A fee of the bank or bureau: no premium.",
    LineType.INTEREST: "Interest: no premium.",
    LineType.TRANSFER: "A transfer between the bureau and us: no premium.",
    LineType.REDIRECT: "The payer's account moved: no money, update the bank details.",
    LineType.PENDING: "The bank has not booked it yet: it comes again once it has.",
    LineType.NOTE: "A note of the bank: no money moved.",
}


def is_premium(raw: RawRow) -> bool:
    """Tell whether a line may be money of a policy; a line that cannot be read may be."""
    return raw.fault is not None or raw.line_type is LineType.PREMIUM


def ignore(raw: RawRow) -> RowDecision:
    """Return the verdict of a line that is no premium, with its type in words."""
    return RowDecision(RowVerdict.IGNORED, _WORDS[raw.line_type])


def amount_of(raw: RawRow) -> Decimal | None:
    """Return what an ignored line moved, in rand, less than nothing where money went out."""
    if is_premium(raw):
        return None
    try:
        amount = Decimal(raw.amount)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and abs(amount) < MOST_MONEY else None
