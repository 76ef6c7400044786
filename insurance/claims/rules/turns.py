"""Whose turn it is."""

from collections.abc import Collection
from uuid import UUID


def next_in_turn(people: Collection[UUID], last: UUID | None) -> UUID:
    """Return who follows the last one, round and round; one who has left is passed over.

    The order is that of the ids, which is the order in which people came.
    """
    later = [person for person in people if last is not None and person > last]
    return min(later) if later else min(people)
