"""Reading the mail log."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.core.errors import DomainError
from insurance.core.paging import Page, decode_cursor, page_of
from insurance.core.reading import read_rows
from insurance.core.records import get_record
from insurance.core.tenancy import current_org
from insurance.notifications.models import Mail, MailState
from insurance.notifications.texts import PERSONAL

_FAILED = "SELECT count(*) FROM ins.mails WHERE org_id = %(org)s AND failed_at IS NOT NULL"


def list_mails(
    session: Session, *, cursor: str | None = None, limit: int = 50, state: MailState | None = None
) -> Page[Mail]:
    """Return the organization's mails, newest first; those in one state where one is given."""
    query = select(Mail).where(Mail.org_id == current_org()).order_by(Mail.id.desc())
    if state is MailState.SENT:
        query = query.where(Mail.sent_at.is_not(None))
    elif state is MailState.FAILED:
        query = query.where(Mail.failed_at.is_not(None))
    elif state is MailState.WAITING:
        query = query.where(Mail.sent_at.is_(None), Mail.failed_at.is_(None))
    if cursor:
        query = query.where(Mail.id < _position(cursor))
    return page_of(session.scalars(query.limit(limit + 1)).all(), limit, lambda mail: (mail.id,))


def list_failed(session: Session, *, lock: bool = False) -> Sequence[Mail]:
    """Return every mail that was given up and whose words still hold."""
    query = select(Mail).where(
        Mail.org_id == current_org(), Mail.failed_at.is_not(None), Mail.kind.not_in(PERSONAL)
    )
    return session.scalars(query.with_for_update() if lock else query).all()


def count_failed(session: Session) -> int:
    """Return how many mails were given up."""
    ((failed,),) = read_rows(session, _FAILED, {"org": current_org()})
    return int(failed)


def get_mail(session: Session, mail_id: UUID, *, lock: bool = False) -> Mail:
    """Return a mail of the organization in scope. Raises NotFoundError."""
    return get_record(session, Mail, mail_id, lock=lock)


def _position(cursor: str) -> UUID:
    try:
        return UUID(decode_cursor(cursor, 1)[0])
    except ValueError as error:
        raise DomainError("This page link is not valid.", field="cursor") from error
