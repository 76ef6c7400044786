"""How much of a form is kept, for how long, and when somebody is said to be at it."""

from collections.abc import Iterable
from datetime import timedelta

KEPT_FOR = timedelta(days=30)
"""A draft that nobody goes on with for so long is deleted."""
AT_IT_FOR = timedelta(minutes=30)
"""Somebody who typed within this time is said to be changing a record."""
MOST_DRAFTS = 100
"""How many drafts one person may have."""
LONGEST_ADDRESS = 500
LONGEST_TITLE = 200
_MOST_FIELDS = 1000
_LONGEST = 48_000

Typed = tuple[tuple[str, str], ...]
"""The fields of a form with what was typed, in their order; a name may come more than once."""


def kept_fields(fields: Iterable[tuple[str, str]]) -> Typed | None:
    """Return what is kept of a form's fields; None where that is more than any form has.

    Passwords, tokens and what a page adds for itself (all that begins with `_`) are not kept.
    """
    kept = tuple((name, text) for name, text in fields if _is_kept(name))
    size = sum(len(name) + len(text) for name, text in kept)
    return kept if len(kept) <= _MOST_FIELDS and size <= _LONGEST else None


def _is_kept(name: str) -> bool:
    return not (
        name.startswith("_") or "password" in name or name in ("", "csrf_token", "act", "then")
    )
