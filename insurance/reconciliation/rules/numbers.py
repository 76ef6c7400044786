"""Policy numbers in what payers and banks write, and what somebody meant by one that is not."""

import re

_PARTS = re.compile(r"([A-Z]{2})\W*([0-9]{4})\W*([0-9]{6})", re.ASCII)
_WHOLE = re.compile(r"([A-Z]{2})[\W_]*([0-9]{4})[\W_]*([0-9]{6,})", re.ASCII)
_LOOKALIKES = str.maketrans("OQIL|SBZ", "00111582")
_WORD = re.compile(r"\b[^\W\d_]{3,}\b")
_NO_NAMES = frozenset({"PAYMENT", "PREMIUM", "POLICY", "DEBIT", "ORDER", "CASH", "EFT", "REF"})
MOST = 600
_IN_TEXT = re.compile(r"([A-Z]{2})[-/ ]?((?:19|20)[0-9]{2})[-/ ]?([0-9]{6,})", re.ASCII)
_DIGITS, _SEQUENCE = 6, 6
"""A policy's own digits, at least; and those of the debit that follow in a debit's reference."""


def policy_number_in(*texts: str) -> str:
    """Return the one policy number that texts name, with or without its dashes; else nothing.

    The first text that names any decides; one that names two policies names none. A debit's
    reference carries its policy's number, followed by the debit's six digits.
    """
    for text in texts:
        found = {
            f"{prefix}-{year}-{_own_digits(digits)}"
            for prefix, year, digits in _IN_TEXT.findall(text.upper())
        }
        if found:
            return found.pop() if len(found) == 1 else ""
    return ""


def _own_digits(digits: str) -> str:
    return digits[:-_SEQUENCE] if len(digits) >= _DIGITS + _SEQUENCE else digits


def policy_number_of(text: str) -> str:
    """Return a policy number as policies have it, however its parts were joined; else the text."""
    found = _WHOLE.fullmatch(text.strip().upper())
    return "-".join(found.groups()) if found else text.strip().upper()


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
