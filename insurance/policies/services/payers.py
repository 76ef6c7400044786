"""Who pays a policy's premiums: its holder, or a customer in the holder's place.

Mandates are the payer's, and refunds go to the payer.
"""

from uuid import UUID

from sqlalchemy.orm import Session

from insurance.core.errors import DomainError, NotFoundError
from insurance.customers.queries import get_customer


def payer_of(session: Session, payer_id: UUID | None, holder_id: UUID) -> UUID | None:
    """Return who pays in the holder's place, or None where the holder does.

    Raises DomainError at `payer_id` for somebody who is no customer here.
    """
    if payer_id is None or payer_id == holder_id:
        return None
    try:
        return get_customer(session, payer_id).id
    except NotFoundError as error:
        raise DomainError("Choose a customer who is captured here.", field="payer_id") from error
