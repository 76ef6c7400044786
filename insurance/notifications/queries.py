"""Reading the mail log."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.core.errors import DomainError
from insurance.core.paging import Page, decode_cursor, page_of
from insurance.core.records import get_record
from insurance.core.tenancy import current_org
from insurance.notifications.models import Mail


def list_mails(
    session: Session, *, cursor: str | None = None, limit: int = 50, waiting: bool = False
) -> Page[Mail]:
    """Return the organization's mails, newest first; `waiting` for those that have not left."""
    query = select(Mail).where(Mail.org_id == current_org()).order_by(Mail.id.desc())
    if waiting:
        query = query.where(Mail.sent_at.is_(None))
    if cursor:
        query = query.where(Mail.id < _position(cursor))
    return page_of(session.scalars(query.limit(limit + 1)).all(), limit, lambda mail: (mail.id,))


def get_mail(session: Session, mail_id: UUID, *, lock: bool = False) -> Mail:
    """Return a mail of the organization in scope. Raises NotFoundError."""
    return get_record(session, Mail, mail_id, lock=lock)


def _position(cursor: str) -> UUID:
    try:
        return UUID(decode_cursor(cursor, 1)[0])
    except ValueError as error:
        raise DomainError("This page link is not valid.", field="cursor") from error
