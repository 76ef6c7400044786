"""Reading the mail log."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from insurance.core.paging import Page, page_of
from insurance.core.reading import read_rows
from insurance.core.records import get_record
from insurance.core.tenancy import current_org
from insurance.notifications.models import Mail, MailState
from insurance.notifications.texts import PERSONAL

_FAILED = """
    SELECT count(*) FROM ins.mails
    WHERE org_id = %(org)s AND failed_at IS NOT NULL AND kind <> ALL(%(personal)s)"""


def list_mails(
    session: Session,
    *,
    after: UUID | None = None,
    limit: int = 50,
    state: MailState | str | None = None,
    found: Sequence[UUID] | None = None,
) -> Page[Mail]:
    """Return mails, newest first: those in one state, or found by id, where that is given."""
    query = select(Mail).where(Mail.org_id == current_org()).order_by(Mail.id.desc())
    if state == MailState.SENT:
        query = query.where(Mail.sent_at.is_not(None))
    elif state == MailState.FAILED:
        query = query.where(Mail.failed_at.is_not(None))
    elif state == MailState.WAITING:
        query = query.where(Mail.sent_at.is_(None), Mail.failed_at.is_(None))
    if found is not None:
        query = query.where(Mail.id.in_(found))
    if after is not None:
        query = query.where(Mail.id < after)
    return page_of(session.scalars(query.limit(limit + 1)).all(), limit, lambda mail: (mail.id,))


def list_failed(session: Session, *, lock: bool = False) -> Sequence[Mail]:
    """Return every mail that was given up and whose words still hold."""
    query = select(Mail).where(
        Mail.org_id == current_org(), Mail.failed_at.is_not(None), Mail.kind.not_in(PERSONAL)
    )
    return session.scalars(query.with_for_update() if lock else query).all()


def count_failed(session: Session) -> int:
    """Return how many mails were given up."""
    ((failed,),) = read_rows(session, _FAILED, {"org": current_org(), "personal": sorted(PERSONAL)})
    return int(failed)


def find_oldest_waiting(session: Session) -> datetime | None:
    """Return since when the oldest mail that is still tried waits."""
    return session.scalar(
        select(func.min(Mail.tried_from)).where(
            Mail.org_id == current_org(), Mail.sent_at.is_(None), Mail.failed_at.is_(None)
        )
    )


def get_mail(session: Session, mail_id: UUID, *, lock: bool = False) -> Mail:
    """Return a mail of the organization in scope. Raises NotFoundError."""
    return get_record(session, Mail, mail_id, lock=lock)
