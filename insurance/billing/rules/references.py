"""How the references and payers of a movement of money are compared."""

import unicodedata
from functools import lru_cache


@lru_cache(maxsize=1 << 16)
def plain_reference(text: str) -> str:
    """Return a text as references are compared: its letters and digits alone, in capitals.

    `pl-2026 / 000001`, `PL-2026-000001` and `PL2026000001` are one. May be empty.
    """
    if text.isalnum() and text.isascii():
        return text.upper()
    written = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return "".join(filter(str.isalnum, written)).upper()
