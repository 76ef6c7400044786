"""What somebody may have meant by a policy number that does not exist."""

import re

_PARTS = re.compile(r"([A-Z]{2})\W*([0-9]{4})\W*([0-9]{6})", re.ASCII)
_LOOKALIKES = str.maketrans("OQIL|SBZ", "00111582")
_WORD = re.compile(r"\b[^\W\d_]{3,}\b")
_NO_NAMES = frozenset({"PAYMENT", "PREMIUM", "POLICY", "DEBIT", "ORDER", "CASH", "EFT", "REF"})
MOST = 600


def near_numbers(text: str) -> list[str]:
    """Return the policy numbers that a text may mean: as written, then one slip away.

    A slip is one wrong digit, two swapped, one left out or one too many.
    """
    plain = text.upper()
    exact = ["-".join(found) for found in _PARTS.findall(plain)]
    prefix = (re.match(r"\W*([A-Z]{2})\b", plain) or [None, "PL"])[1] or "PL"
    body = re.sub(r"^\W*[A-Z]{2}\b", "", plain).translate(_LOOKALIKES)
    digits = re.sub(r"[^0-9]", "", body)
    if not 9 <= len(digits) <= 11:
        return list(dict.fromkeys(exact))
    near = [_number(prefix, one) for one in [digits, *_slips(digits)] if len(one) == 10]
    return list(dict.fromkeys([*exact, *near]))[:MOST]


def _slips(digits: str) -> list[str]:
    found = [
        digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]
        for at in range(len(digits) - 1)
    ]
    for at in range(len(digits) + 1):
        found.append(digits[:at] + digits[at + 1 :])
        for digit in "0123456789":
            found.append(digits[:at] + digit + digits[at + 1 :])
            found.append(digits[:at] + digit + digits[at:])
    return found


def _number(prefix: str, digits: str) -> str:
    return f"{prefix}-{digits[:4]}-{digits[4:]}"


def search_words(text: str) -> str:
    """Return the words of a reference that may be somebody's name."""
    words = [word for word in _WORD.findall(text) if word.upper() not in _NO_NAMES]
    return " ".join(words)[:100]
