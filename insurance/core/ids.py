"""Identifiers: UUIDv7, made here and never by the database, so that they sort by time."""

from uuid import UUID

import uuid_utils
from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Return a new time-ordered identifier."""
    return uuid7()


def new_id_text() -> str:
    """Return a new time-ordered identifier as text, for rows that are written as JSON."""
    return str(uuid_utils.uuid7())
