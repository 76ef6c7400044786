"""Movements of a bank's account: which may be premiums, which are fees, interest, or money out."""

import re
from dataclasses import replace
from decimal import Decimal

from insurance.core.money import ZERO
from insurance.reconciliation.rules import LineType, RawRow, policy_number_in
from insurance.reconciliation.rules.rows import LONGEST_REFERENCE, read_amount

NO_REFERENCE = "No reference"
_NOTHING = re.compile(r"(NONREF|NON REF|NOTPROVIDED|NOT PROVIDED|NONE|N/A|[0\s]*)", re.IGNORECASE)
_FEE = re.compile(r"\b(fees?|charges?|koste|commission|vat)\b|^#", re.IGNORECASE)
_INTEREST = re.compile(r"\b(interest|rente)\b", re.IGNORECASE)
_INTEREST_EARNED = re.compile(
    r"^(credit )?interest\b|\binterest (earned|received|paid|capitali[sz]ed|on)\b|\bkredietrente\b",
    re.IGNORECASE,
)
_CAME_BACK = re.compile(r"\b(unpaid|returned|reversal|reversed|disputed|r/d)\b", re.IGNORECASE)
_SIGNED = re.compile(r"(?P<text>.*?)\s*(?P<sign>cr|dr|-|\+)?", re.IGNORECASE | re.DOTALL)


def signed_amount(text: str) -> Decimal | None:
    """Return what a bank writes of a movement: `-85.00`, `85.00-`, `(85.00)`, `85.00 Dr`; or None."""
    plain = re.sub(r"[\s\u00a0\u202f]+", " ", text).strip()
    is_out = False
    if plain.startswith("(") and plain.endswith(")"):
        plain, is_out = plain[1:-1], True
    found = _SIGNED.fullmatch(plain)
    if found is not None and found["sign"]:
        plain, is_out = found["text"], is_out or found["sign"].lower() in ("dr", "-")
    amount = read_amount(plain.removeprefix("+"))
    return -amount if amount is not None and is_out else amount


def own_number(text: str | None, account: str) -> str | None:
    """Return a bank's own number of a movement with its account; None for what is no number."""
    plain = " ".join((text or "").split())
    if _NOTHING.fullmatch(plain):
        return None
    return f"{account} {plain}".strip()


def account_number(text: str) -> str:
    """Return the account of what a file calls it: without the bank before a slash, and blanks."""
    return re.sub(r"[\s\-]", "", text.split("/")[-1])


def is_nothing(text: str) -> bool:
    """Tell whether a reference says that there is none."""
    return _NOTHING.fullmatch(text.strip()) is not None


def movement(
    line: int,
    *,
    day: str,
    amount: Decimal | None,
    description: str,
    reference: str = "",
    bank_reference: str | None = None,
    line_type: LineType | None = None,
    policy_number: str | None = None,
) -> RawRow:
    """Return a movement as a row: money in may be a premium, money out is none.

    `line_type` says what the bank itself calls it; else its words decide. The payer's reference is
    the description where there is no other.
    """
    if amount is None:
        return RawRow(line, fault="The amount cannot be read.")
    words = " ".join(description.split())
    given = "" if is_nothing(reference) else " ".join(reference.split())
    named = policy_number_in(given, words)
    type_ = line_type or _type_of(amount, words, named)
    row = RawRow(
        line,
        policy_number=named or policy_number or "",
        paid_date=day,
        amount=f"{amount:.2f}",
        reference=(given or words or NO_REFERENCE)[:LONGEST_REFERENCE],
        description=words,
        bank_reference=bank_reference,
        line_type=type_,
    )
    if type_ is LineType.DEBIT and named and _CAME_BACK.search(words):
        words = f"It names {named}: if a debit came back, upload the bank's file of unpaids too."
        return replace(row, caution=words)
    return row


def _type_of(amount: Decimal, words: str, named: str) -> LineType:
    if amount == ZERO:
        return LineType.NOTE
    if amount > ZERO:
        is_interest = not named and _INTEREST_EARNED.search(words)
        return LineType.INTEREST if is_interest else LineType.PREMIUM
    if _INTEREST.search(words):
        return LineType.INTEREST
    return LineType.FEE if _FEE.search(words) else LineType.DEBIT


def drop_shared_numbers(rows: list[RawRow]) -> list[RawRow]:
    """Return rows without the bank's numbers that several movements of the file carry.

    A number that two movements share is a batch's or a statement's, and identifies neither.
    """
    seen: dict[str, int] = {}
    for row in rows:
        if row.bank_reference:
            seen[row.bank_reference] = seen.get(row.bank_reference, 0) + 1
    return [
        replace(row, bank_reference=None) if seen.get(row.bank_reference or "", 0) > 1 else row
        for row in rows
    ]
