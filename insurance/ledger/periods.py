"""Closing the books month by month. What lies in a closed month takes no postings."""

from datetime import date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError
from insurance.core.tenancy import current_org
from insurance.ledger.models import LedgerClose
from insurance.ledger.queries import closed_through, find_last_close
from insurance.organizations.queries import get_organization

LONGEST_REASON = 500
_HELD_BOOKS = "held_books"
_HOLD = text("SELECT org_id FROM ins.organizations WHERE org_id = :org FOR SHARE")


def close_books(through: date, *, reason: str, on: date, now: datetime) -> LedgerClose:
    """Close the books up to and including a month's last day before the month of `on`.

    Waits for postings under way; those that come after are refused for the closed days.
    """
    with transaction() as session:
        get_organization(session, lock=True)
        last = find_last_close(session)
        _check_month_end(through)
        if through >= on.replace(day=1):
            raise DomainError(
                "Only a month that is over can be closed. "
                f"The last one ended on {in_words(on.replace(day=1) - timedelta(days=1))}.",
                field="through",
            )
        if last is not None and last.closed_through and through <= last.closed_through:
            raise ConflictError(
                f"The books are closed to {in_words(last.closed_through)} already.",
                field="through",
            )
        return _write(session, last, through, reason=reason, reopens=False, now=now)


def reopen_books(through: date | None, *, reason: str, now: datetime) -> LedgerClose:
    """Reopen what follows an earlier month's last day, or everything with None."""
    with transaction() as session:
        get_organization(session, lock=True)
        last = find_last_close(session)
        if last is None or last.closed_through is None:
            raise ConflictError("Nothing is closed, so there is nothing to reopen.")
        if through is not None:
            _check_month_end(through)
            if through >= last.closed_through:
                raise DomainError(
                    f"Choose a day before {in_words(last.closed_through)}, "
                    "to which the books are closed.",
                    field="through",
                )
        return _write(session, last, through, reason=reason, reopens=True, now=now)


def check_open(session: Session, on: date, *, field: str = "payment_date") -> None:
    """Refuse a posting dated in a closed month. Raises DomainError at `field`.

    The books cannot be closed until the caller's transaction ends.
    """
    closed = _hold_books(session)
    if closed is not None and on <= closed:
        raise DomainError(
            f"The books are closed to {in_words(closed)}; use a later date.", field=field
        )


def _hold_books(session: Session) -> date | None:
    """Return the day the books are closed to, which stays so until the transaction ends."""
    transaction = session.get_transaction()
    held_by, closed = session.info.get(_HELD_BOOKS, (None, None))
    if transaction is not None and held_by is transaction:
        return closed
    # The lock comes first, in a statement of its own: only the next one sees what a close that it
    # waited for has written.
    session.execute(_HOLD, {"org": current_org()})
    closed = closed_through(session)
    # What is held since a savepoint is let go where the work goes back to it.
    if not session.in_nested_transaction():
        session.info[_HELD_BOOKS] = (session.get_transaction(), closed)
    return closed


def in_words(day: date) -> str:
    """Return a day as in a sentence: `31 October 2026`."""
    return f"{day.day} {day:%B %Y}"


def _check_month_end(through: date) -> None:
    if (through + timedelta(days=1)).day != 1:
        raise DomainError("Choose the last day of a month.", field="through")


def _write(
    session: Session,
    last: LedgerClose | None,
    through: date | None,
    *,
    reason: str,
    reopens: bool,
    now: datetime,
) -> LedgerClose:
    close = LedgerClose(
        sequence=last.sequence + 1 if last else 1,
        closed_through=through,
        closed_at=now,
        closed_by=current_actor().email,
        reason=_checked(reason),
        reopens=reopens,
    )
    session.add(close)
    session.flush()
    record(
        session,
        action="ledger.reopen" if reopens else "ledger.close",
        resource="ledger_closes",
        resource_id=close.id,
        before={"closed_through": last.closed_through if last else None},
        after={"closed_through": through},
        reason=close.reason,
    )
    return close


def _checked(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise DomainError("Give a reason.", field="reason")
    if len(reason) > LONGEST_REASON:
        raise DomainError(f"At most {LONGEST_REASON} characters.", field="reason")
    return reason
