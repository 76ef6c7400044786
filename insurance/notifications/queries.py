"""Reading the mail log."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.core.paging import Page, page_of
from insurance.core.tenancy import current_org
from insurance.notifications.models import Mail


def list_mails(session: Session, *, limit: int, after: UUID | None = None) -> Page[Mail]:
    """Return the organization's mails, newest first."""
    query = select(Mail).where(Mail.org_id == current_org()).order_by(Mail.id.desc())
    if after is not None:
        query = query.where(Mail.id < after)
    return page_of(session.scalars(query.limit(limit + 1)).all(), limit, lambda mail: (mail.id,))
