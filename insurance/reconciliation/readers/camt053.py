"""CAMT.053 (and .054), the statement of ISO 20022: an Ntry for each movement, or for a batch.

The payer's reference is EndToEndId, the bank's own number AcctSvcrRef; NOTPROVIDED is neither.
"""

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from insurance.core.money import CENT, ZERO
from insurance.reconciliation.readers.document import LARGEST_WHOLE, Document, refusal
from insurance.reconciliation.readers.movements import (
    account_number,
    drop_shared_numbers,
    is_nothing,
    movement,
    own_number,
)
from insurance.reconciliation.rules import FileFormat, LineType, RawRow

_DOCTYPE = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
_MOST = Decimal(10) ** 13
_FEE_FAMILIES = ("CHRG", "COMM", "FEES")


def recognises(document: Document) -> bool:
    """Tell a statement by its root: bank to customer, statement or notification."""
    return not document.is_workbook and (
        re.search(r"<(\w+:)?(BkToCstmrStmt|BkToCstmrDbtCdtNtfctn)[\s>]", document.head) is not None
    )


def read(document: Document) -> tuple[FileFormat, Iterator[RawRow]]:
    """Return the movements. Raises DomainError for XML that is damaged or declares entities."""
    return FileFormat.CAMT053, iter(_movements(document))


def _movements(document: Document) -> list[RawRow]:
    root = _parse(document.content)
    document.facts.encoding = ""
    rows: list[RawRow] = []
    for statement in root.iterfind(".//{*}Stmt"):
        rows += _of_statement(document, statement, len(rows))
    for notification in root.iterfind(".//{*}Ntfctn"):
        rows += _of_statement(document, notification, len(rows))
    if not rows:
        raise refusal("The statement has no movements.")
    return drop_shared_numbers(rows)


def _parse(content: bytes) -> Any:
    # Loaded here: few files are of this kind.
    from lxml import etree

    if len(content) > LARGEST_WHOLE:
        raise refusal("A file of this kind has at most 30 MB.")
    # The other encodings of XML put a NUL beside each letter.
    if _DOCTYPE.search(content.replace(b"\0", b"")):
        raise refusal("This XML declares entities, which no statement needs.")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False
    )
    try:
        return etree.fromstring(content.lstrip(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise refusal("This XML is damaged.") from error


def _of_statement(document: Document, statement: Any, before: int) -> list[RawRow]:
    account = account_number(
        _text(statement, "{*}Acct/{*}Id/{*}IBAN", "{*}Acct/{*}Id/{*}Othr/{*}Id")
    )
    _take_balances(document, statement, account)
    rows: list[RawRow] = []
    for entry in statement.iterfind("{*}Ntry"):
        rows += _of_entry(document, entry, account, before + len(rows))
    return rows


def _take_balances(document: Document, statement: Any, account: str) -> None:
    facts = document.facts
    balances = {
        _text(one, "{*}Tp/{*}CdOrPrtry/{*}Cd"): _signed(one) for one in statement.iterfind("{*}Bal")
    }
    if facts.account and facts.account != account:
        facts.opening = facts.closing = None
        facts.account = "several"
    elif facts.account != "several":
        if not facts.account:
            facts.opening = balances.get("OPBD", balances.get("PRCD"))
        facts.account, facts.closing = account, balances.get("CLBD")


def _of_entry(document: Document, entry: Any, account: str, before: int) -> list[RawRow]:
    line = before + 1
    amount = _signed(entry)
    currency = _currency(entry)
    if amount is None:
        return [RawRow(line, fault="The amount cannot be read.")]
    if currency and currency != document.currency:
        return [RawRow(line, fault=f"This is in {currency}, not in {document.currency}.")]
    day = _text(
        entry, "{*}BookgDt/{*}Dt", "{*}BookgDt/{*}DtTm", "{*}ValDt/{*}Dt", "{*}ValDt/{*}DtTm"
    )[:10]
    type_ = _type_of(entry)
    number = own_number(_text(entry, "{*}AcctSvcrRef"), account)
    details = entry.findall("{*}NtryDtls/{*}TxDtls")
    parts = [part for detail in details if (part := _signed(detail, entry)) is not None]
    if len(details) > 1 and len(parts) == len(details) and sum(parts, ZERO) == amount:
        return [
            _row(line + place, part, day, one, entry, account, None, type_, document)
            for place, (one, part) in enumerate(zip(details, parts, strict=True))
        ]
    first = details[0] if len(details) == 1 else None
    return [_row(line, amount, day, first, entry, account, number, type_, document)]


def _row(
    line: int,
    amount: Decimal | None,
    day: str,
    details: Any,
    entry: Any,
    account: str,
    number: str | None,
    type_: LineType | None,
    document: Document,
) -> RawRow:
    end_to_end, text, payer = "", [_text(entry, "{*}AddtlNtryInf")], ""
    if details is not None:
        own = own_number(_text(details, "{*}Refs/{*}AcctSvcrRef"), account)
        number = number or own
        end_to_end = _text(details, "{*}Refs/{*}EndToEndId")
        structured = _text(details, "{*}RmtInf/{*}Strd/{*}CdtrRefInf/{*}Ref")
        if is_nothing(end_to_end):
            end_to_end = structured
        words = [
            " ".join(str(one.text or "").split()) for one in details.iterfind("{*}RmtInf/{*}Ustrd")
        ]
        payer = _text(details, "{*}RltdPties/{*}Dbtr/{*}Nm", "{*}RltdPties/{*}Dbtr/{*}Pty/{*}Nm")
        text = [*words, structured, payer, _text(details, "{*}AddtlTxInf"), *text]
    return movement(
        line,
        day=day,
        amount=amount,
        description=" ".join(one for one in text if one),
        reference=end_to_end,
        bank_reference=number,
        line_type=type_,
        policy_number=document.policy_number,
    )


def _type_of(entry: Any) -> LineType | None:
    status = _text(entry, "{*}Sts/{*}Cd", "{*}Sts")
    if status and status != "BOOK":
        return LineType.PENDING
    family = _text(entry, "{*}BkTxCd/{*}Domn/{*}Fmly/{*}SubFmlyCd")
    if family in _FEE_FAMILIES or family.startswith("CHR"):
        return LineType.FEE
    return LineType.INTEREST if family == "INTR" else None


def _signed(element: Any, entry: Any = None) -> Decimal | None:
    """Return an amount in rand, less than nothing where money went out; None for what is none."""
    written = _text(element, "{*}Amt", "{*}AmtDtls/{*}TxAmt/{*}Amt")
    try:
        amount = Decimal(written)
    except InvalidOperation:
        return None
    if not amount.is_finite() or abs(amount) >= _MOST or amount != amount.quantize(CENT):
        return None
    way = _text(element, "{*}CdtDbtInd") or (
        _text(entry, "{*}CdtDbtInd") if entry is not None else ""
    )
    return -amount if way == "DBIT" else amount


def _currency(entry: Any) -> str:
    amount = entry.find("{*}Amt")
    return str(amount.get("Ccy") or "") if amount is not None else ""


def _text(element: Any, *paths: str) -> str:
    """Return the text at the first path that has any."""
    for path in paths:
        found = element.find(path)
        if found is not None and found.text and found.text.strip():
            return str(found.text).strip()
    return ""
