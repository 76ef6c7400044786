"""Until when a note may be corrected or taken back, and by whom."""

import re
from datetime import datetime, timedelta

from insurance.core.errors import ConflictError, DomainError, ForbiddenError

CORRECTABLE = timedelta(hours=24)
"""How long its author may correct a note or take it back; after that a further note is written."""
LONGEST_NOTE = 4000


_NAMED = re.compile(r"(?<![\w@.])@([\w][\w.-]*)")


def named_in(text: str) -> frozenset[str]:
    """Return whom a note names after an @, in lower case: `@sipho`, `@sipho.dlamini`."""
    return frozenset(name.rstrip(".-").lower() for name in _NAMED.findall(text))


def is_named(names: frozenset[str], name: str, email: str) -> bool:
    """Tell whether a colleague is one of those: by first name, whole name or address."""
    parts = name.lower().split()
    ways = {email.lower().partition("@")[0], ".".join(parts), "".join(parts), *parts[:1]}
    return not names.isdisjoint(ways)


def check_changeable(*, author: str, actor: str, written_at: datetime, now: datetime) -> None:
    """Let the author of a note change it for a day.

    Raises ForbiddenError for somebody else and ConflictError afterwards.
    """
    if author != actor:
        raise ForbiddenError("Only who wrote a note may correct it or take it back.")
    if now - written_at >= CORRECTABLE:
        raise ConflictError(
            "A note stays as it is once it is a day old. Write another that says what is right."
        )


def read_text(text: str, field: str = "text") -> str:
    """Return the words of a note or message, trimmed. Raises DomainError where there are none."""
    words = text.strip()
    if not words:
        raise DomainError("Write something.", field=field)
    if len(words) > LONGEST_NOTE:
        raise DomainError(f"Write at most {LONGEST_NOTE} characters.", field=field)
    return words
