"""The reference by which a bank reports a debit back: at most 30 characters."""

import re
import unicodedata

_NAME, _NUMBER, _SEQUENCE = 10, 14, 6


def item_reference(short_name: str, policy_number: str, sequence: int) -> str:
    """Return the insurer's short name (10), the policy's number (14) and a sequence (6).

    Of a longer policy number the last 14 characters stand: they tell policies apart. The sequence
    counts the debits of one policy, so that no two of its references are alike.
    """
    if not 0 < sequence < 10**_SEQUENCE:
        raise ValueError("A policy has at most 999 999 debits.")
    return f"{short_form(short_name)}{policy_number[-_NUMBER:]}{sequence:0{_SEQUENCE}d}"


def short_form(name: str) -> str:
    """Return up to ten capitals and digits of a name, as a bank statement shows them."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Z0-9]", "", plain.upper())[:_NAME]
