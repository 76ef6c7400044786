"""Keyset paging: a page is read from a position in the order, never by counting off rows."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from insurance.core.errors import DomainError

T = TypeVar("T")
DEFAULT_LIMIT = 50
MAX_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items in order, and where the next page starts (None at the end)."""

    items: Sequence[T]
    next_cursor: str | None = None


def page_of(rows: Sequence[T], limit: int, position: Callable[[T], Sequence[object]]) -> Page[T]:
    """Make a page from up to `limit` + 1 rows; the extra one only shows that there is more."""
    kept = rows[:limit]
    more = len(rows) > limit
    return Page(kept, encode_cursor(*position(kept[-1])) if more and kept else None)


def every_item(read: Callable[[str | None], Page[T]]) -> list[T]:
    """Return the items of all pages of a list that is short by nature."""
    found = read(None)
    items = list(found.items)
    while found.next_cursor is not None:
        found = read(found.next_cursor)
        items += found.items
    return items


def page_after(
    items: Sequence[T], cursor: str | None, limit: int, id_of: Callable[[T], Any]
) -> Page[T]:
    """Return the page of a list at hand that follows the item of a cursor."""
    ids = [str(id_of(item)) for item in items]
    start = decode_cursor(cursor, 1, ids.index)[0] + 1 if cursor else 0
    return page_of(items[start : start + limit + 1], limit, lambda item: (id_of(item),))


def encode_cursor(*values: object) -> str:
    """Return an opaque, URL-safe text for a position."""
    packed = json.dumps([str(value) for value in values], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def decode_cursor(cursor: str, parts: int, read: Callable[..., Any] = str) -> list[Any]:
    """Return the position's values. Raises DomainError for anything this did not make."""
    try:
        packed = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        values = json.loads(packed)
        if not isinstance(values, list) or len(values) != parts:
            raise ValueError
        return [read(value) for value in values if isinstance(value, str)] + [
            _refuse(value) for value in values if not isinstance(value, str)
        ]
    except (ValueError, TypeError, UnicodeError, ArithmeticError, RecursionError) as error:
        raise DomainError("This page link is not valid.", field="cursor") from error


def _refuse(_value: object) -> Any:
    raise ValueError
