"""OFX, of banks and of bookkeeping programs: a STMTTRN for each movement, FITID its own number."""

import html
import io
import logging
import re
from collections.abc import Iterator
from typing import Any

from insurance.reconciliation.readers.document import Document, refusal
from insurance.reconciliation.readers.movements import (
    drop_shared_numbers,
    movement,
    own_number,
    signed_amount,
)
from insurance.reconciliation.rules import FileFormat, LineType, RawRow

_LARGEST = 5 * 1024 * 1024
_TYPES = {
    "FEE": LineType.FEE,
    "SRVCHG": LineType.FEE,
    "INT": LineType.INTEREST,
    "DIV": LineType.INTEREST,
}


def recognises(document: Document) -> bool:
    """Tell an OFX file by its header."""
    start = document.head.lstrip()[:2000]
    return start.startswith(("OFXHEADER", "<OFX>")) or "<?OFX" in start


def read(document: Document) -> tuple[FileFormat, Iterator[RawRow]]:
    """Return the movements of every account in the file."""
    return FileFormat.OFX, iter(_movements(document))


def _movements(document: Document) -> list[RawRow]:
    root = _parse(document.content)
    rows: list[RawRow] = []
    for statement in [*root.iter("STMTRS"), *root.iter("CCSTMTRS")]:
        account = _text(statement, ".//ACCTID")
        document.facts.account = "several" if document.facts.account else account
        currency = _text(statement, "CURDEF") or document.currency
        for one in statement.iter("STMTTRN"):
            rows.append(_movement(len(rows) + 1, one, account, currency, document))
    if not rows:
        raise refusal("The file has no movements.")
    return drop_shared_numbers(rows)


def _parse(content: bytes) -> Any:
    # Loaded here: few files are of this kind, and it takes a while.
    from ofxtools.Parser import OFXTree

    if len(content) > _LARGEST:
        raise refusal("A file of this kind has at most 5 MB.")
    if re.search(rb"<!\s*(DOCTYPE|ENTITY)", content, re.IGNORECASE):
        raise refusal("This file declares entities, which no statement needs.")
    if not content.rstrip().upper().endswith(b"</OFX>"):
        raise refusal("This OFX file is damaged: its end is missing.")
    logging.getLogger("ofxtools").setLevel(logging.WARNING)
    tree = OFXTree()
    try:
        return tree.parse(io.BytesIO(content.lstrip()))
    except Exception as error:
        raise refusal("This OFX file is damaged.") from error


def _movement(line: int, one: Any, account: str, currency: str, document: Document) -> RawRow:
    if currency != document.currency:
        return RawRow(line, fault=f"This is in {currency}, not in {document.currency}.")
    name, memo = _text(one, "NAME"), _text(one, "MEMO")
    words = [name, *([memo] if memo != name else [])]
    return movement(
        line,
        day=_text(one, "DTPOSTED")[:8],
        amount=signed_amount(_text(one, "TRNAMT")),
        description=" ".join(word for word in words if word),
        reference=_text(one, "REFNUM") or _text(one, "CHECKNUM"),
        bank_reference=own_number(_text(one, "FITID"), account),
        line_type=_TYPES.get(_text(one, "TRNTYPE").upper()),
        policy_number=document.policy_number,
    )


def _text(element: Any, path: str) -> str:
    return html.unescape(str(element.findtext(path) or "")).strip()
