"""Finding one record of the organization in scope."""

from typing import TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.core.db import TenantRecord
from insurance.core.errors import NotFoundError
from insurance.core.tenancy import current_org

R = TypeVar("R", bound=TenantRecord)


def get_record(
    session: Session, model: type[R], record_id: UUID, *, lock: bool = False, called: str = ""
) -> R:
    """Return a record; held and read anew if asked, so that nothing older is believed.

    One that the session has read and that is in use still is not read again. Raises NotFoundError,
    "There is no such …" where it is `called` something.
    """
    key = (current_org(), record_id)
    found = session.get(model, key, with_for_update=lock or None, populate_existing=lock)
    if found is None:
        raise NotFoundError(f"There is no such {called}.") if called else NotFoundError
    return found
