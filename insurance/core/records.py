"""Finding one record of the organization in scope."""

from typing import TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.core.db import TenantRecord
from insurance.core.errors import NotFoundError
from insurance.core.tenancy import current_org

R = TypeVar("R", bound=TenantRecord)


def get_record(
    session: Session, model: type[R], record_id: UUID, *, lock: bool = False, called: str = ""
) -> R:
    """Return a record; held and read anew if asked, so that nothing older is believed.

    Raises NotFoundError, "There is no such …" where it is `called` something.
    """
    query = select(model).where(model.org_id == current_org(), model.id == record_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.scalars(query).one_or_none()
    if found is None:
        raise NotFoundError(f"There is no such {called}.") if called else NotFoundError
    return found
