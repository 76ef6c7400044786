"""Who holds a record that somebody else waits for.

Each transaction of an organization names itself to the database: the organization and the person,
or nobody for a job. Whoever waited for a row in vain can so be told for whom.
"""

import base64
import re
from uuid import UUID

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from insurance.core.context import current_actor

_NOT_AVAILABLE, _DEADLOCK, _SERIALIZATION = "55P03", "40P01", "40001"
_CANCELLED = "57014"
_JOB = "job"
_HOLDERS = text(
    "SELECT a.application_name FROM pg_stat_activity a"
    " JOIN pg_locks l ON l.pid = a.pid AND l.granted"
    " WHERE l.relation = to_regclass('ins.' || quote_ident(:table))"
    " AND l.mode IN ('RowShareLock', 'RowExclusiveLock')"
    " AND a.pid <> pg_backend_pid() AND starts_with(a.application_name, :organization)"
    " ORDER BY a.xact_start LIMIT 1"
)


def signature(org_id: UUID) -> str:
    """Return what the running transaction calls itself: at most 63 characters, no quotes."""
    person = current_actor().user_id
    return f"{_organization(org_id)}{_short(person) if person else _JOB}"


def is_conflict(error: BaseException) -> bool:
    """Tell whether a statement failed because somebody else was changing the same rows."""
    return _state(error) in (_NOT_AVAILABLE, _DEADLOCK, _SERIALIZATION)


def was_too_slow(error: BaseException) -> bool:
    """Tell whether a statement was stopped because it ran for too long."""
    return _state(error) == _CANCELLED


def find_holder(connection: Connection, error: BaseException, org_id: UUID) -> UUID | str | None:
    """Return who holds the rows that a statement waited for: a person's id, `job`, or None.

    The longest running transaction of the organization that has rows of the table locked.
    """
    table = _table(error)
    if table is None:
        return None
    start = _organization(org_id)
    name = connection.scalar(_HOLDERS, {"table": table, "organization": start})
    if name is None:
        return None
    holder = name.removeprefix(start)
    return _JOB if holder == _JOB else UUID(bytes=base64.urlsafe_b64decode(holder + "=="))


def _organization(org_id: UUID) -> str:
    return f"ins/{_short(org_id)}/"


def _short(identifier: UUID) -> str:
    return base64.urlsafe_b64encode(identifier.bytes).decode().rstrip("=")


def _state(error: BaseException) -> str | None:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return getattr(cause, "sqlstate", None)


def _table(error: BaseException) -> str | None:
    """Return the table that PostgreSQL names in the context of the error."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    context = getattr(getattr(cause, "diag", None), "context", None) or ""
    named = re.search(r'in relation "([^"]+)"', context)
    return named.group(1) if named else None
