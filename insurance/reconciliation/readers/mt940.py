"""MT940, the statement message of banks: a :61: for each movement, with its :86: text.

The payer's reference is the first one of :61:, the bank's own number the one after //. What :20:
says is the message's, never a movement's.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from insurance.reconciliation.readers.document import LARGEST_WHOLE, Document, refusal
from insurance.reconciliation.readers.movements import (
    account_number,
    drop_shared_numbers,
    is_nothing,
    movement,
    own_number,
)
from insurance.reconciliation.rules import FileFormat, LineType, RawRow

_TAG = re.compile(r"^:(20|25|28C?|60[FM]):", re.MULTILINE)
_TYPES = {
    "CHG": LineType.FEE,
    "COM": LineType.FEE,
    "INT": LineType.INTEREST,
}


def recognises(document: Document) -> bool:
    """Tell a statement message by its tags."""
    return not document.is_workbook and (len({tag[:2] for tag in _TAG.findall(document.head)}) >= 3)


def read(document: Document) -> tuple[FileFormat, Iterator[RawRow]]:
    """Return the movements of every message in the file."""
    return FileFormat.MT940, iter(_movements(document))


def _movements(document: Document) -> list[RawRow]:
    rows: list[RawRow] = []
    for message in _messages(document):
        rows += _of_message(document, message)
    if not rows:
        raise refusal("The statement has no movements.")
    return drop_shared_numbers(rows)


def _messages(document: Document) -> Iterator[list[tuple[int, str]]]:
    """Yield the lines of each message, which begins with its :20:."""
    if len(document.content) > LARGEST_WHOLE:
        raise refusal("A file of this kind has at most 30 MB.")
    message: list[tuple[int, str]] = []
    for line, text in document.lines():
        if text.startswith(":20:") and message:
            yield message
            message = []
        message.append((line, text))
    yield message


def _of_message(document: Document, message: list[tuple[int, str]]) -> list[RawRow]:
    # Loaded here: few files are of this kind.
    import mt940

    lines = [line for line, text in message if text.startswith(":61:")]
    relaxed = mt940.tags.StatementGLS()
    try:
        found = mt940.models.Transactions(tags={relaxed.id: relaxed})
        found.parse("\n".join(text for _line, text in message))
    except Exception:
        return [
            RawRow(line, fault="The statement message around this movement cannot be read.")
            for line in lines or [message[0][0]]
        ]
    movements = [
        transaction
        for transaction in found.transactions
        if transaction.data.get("amount") is not None
    ]
    if len(movements) != len(lines):
        raise refusal("A movement of this statement cannot be read.")
    account = account_number(str(found.data.get("account_identification") or ""))
    _take_balances(document, found.data, account)
    return [
        _movement(line, one.data, account, document)
        for line, one in zip(lines, movements, strict=True)
    ]


def _take_balances(document: Document, data: dict[str, Any], account: str) -> None:
    facts = document.facts
    opening = _balance(
        data.get("final_opening_balance") or data.get("intermediate_opening_balance")
    )
    closing = _balance(
        data.get("final_closing_balance") or data.get("intermediate_closing_balance")
    )
    if facts.account and facts.account != account:
        facts.opening = facts.closing = None  # several accounts: their sums say nothing
        facts.account = "several"
        return
    if not facts.account:
        facts.account, facts.opening = account, opening
    facts.closing = closing
    if closing is None:
        facts.notes.append("A message has no closing balance: it may be cut off.")


def _balance(balance: Any) -> Decimal | None:
    amount = getattr(getattr(balance, "amount", None), "amount", None)
    return Decimal(amount) if amount is not None else None


def _movement(line: int, data: dict[str, Any], account: str, document: Document) -> RawRow:
    amount = Decimal(data["amount"].amount)
    currency = str(data.get("currency") or document.currency)
    if currency != document.currency:
        return RawRow(line, fault=f"This is in {currency}, not in {document.currency}.")
    status = str(data.get("status") or "")
    if status.startswith("R"):  # a reversed credit takes money back, a reversed debit returns it
        amount = -abs(amount) if status == "RC" else abs(amount)
    reference = str(data.get("customer_reference") or "")
    details = str(data.get("transaction_details") or "")
    extra = str(data.get("extra_details") or "")
    if is_nothing(reference):
        reference, extra = "", extra
    kind = str(data.get("id") or "")[1:]
    return movement(
        line,
        day=data["date"].isoformat(),
        amount=amount,
        description=" ".join(one for one in (extra, details) if one),
        reference=reference,
        bank_reference=own_number(data.get("bank_reference"), account),
        line_type=_TYPES.get(kind),
        policy_number=document.policy_number,
    )
