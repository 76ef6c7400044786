"""Looking somebody up by the whole ID number: counted for each person, and in the audit log.

Whoever may ask without limit whether a number is here can guess the number of a person they know.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from insurance.audit_logs.models import Outcome
from insurance.audit_logs.services import record
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.crypto import blind_index
from insurance.core.db import transaction
from insurance.core.errors import TooManyError
from insurance.core.tenancy import current_org
from insurance.customers.models import Customer, NumberSearches
from insurance.customers.refusals import DuplicateCustomerError
from insurance.customers.rules import HOUR, searches_left
from insurance.organizations.queries import get_organization

_ACTION = "customers.search_number"


def find_by_number(digits: str) -> UUID | None:
    """Return which customer has an ID number of 13 digits, as one counted and recorded search.

    The same number again within the hour is not counted again. Raises TooManyError for a person
    who has searched for as many numbers within an hour as the organization allows.
    """
    index = blind_index(current_org(), "id_number", digits)
    now = clock.now()
    with transaction() as session:
        next_at = _count(session, index.hex(), now)
        found = None
        if next_at is None:
            found = session.scalar(
                select(Customer.id).where(
                    Customer.org_id == current_org(), Customer.id_number_index == index
                )
            )
        record(
            session,
            action=_ACTION,
            resource="customers",
            resource_id=found,
            after={"found": found is not None},
            outcome=Outcome.OK if next_at is None else Outcome.REFUSED,
        )
    if next_at is not None:
        minutes = -(-int((next_at - now).total_seconds()) // 60)
        raise TooManyError(
            "You have searched for as many ID numbers within an hour as are allowed."
            f" The next is possible in {minutes} minutes; search by name, telephone or policy.",
            field="id_number",
        )
    return found


def number_in(text: str) -> str | None:
    """Return the ID number that a search text is, however it is spaced, or None."""
    digits = re.sub(r"[\s-]", "", text)
    return digits if re.fullmatch(r"[0-9]{13}", digits, re.ASCII) else None


@contextmanager
def counting_known_number(id_number: str | None) -> Iterator[None]:
    """Count it as a search where a command says that somebody with this number is here."""
    try:
        yield
    except DuplicateCustomerError:
        digits = number_in(id_number or "")
        if digits is not None:
            find_by_number(digits)
        raise


def _count(session: Session, number: str, now: datetime) -> datetime | None:
    """Count a search under a lock; return when the next is possible where none is left."""
    user_id = current_actor().user_id
    if user_id is None:
        return None
    claim = insert(NumberSearches).values(
        org_id=current_org(), user_id=user_id, recent={}, searched_at=now
    )
    held = session.scalars(
        claim.on_conflict_do_update(
            index_elements=["org_id", "user_id"], set_={"searched_at": now}
        ).returning(NumberSearches),
        execution_options={"populate_existing": True},
    ).one()
    recent = {key: datetime.fromisoformat(at) for key, at in held.recent.items()}
    kept, is_allowed = searches_left(
        recent, number, now, limit=get_organization(session).number_searches_per_hour
    )
    held.recent = {key: at.isoformat() for key, at in kept.items()}
    return None if is_allowed else min(kept.values(), default=now) + HOUR
