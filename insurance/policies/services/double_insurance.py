"""Asking before one vehicle is insured twice in the book."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from insurance.core.errors import ConflictError
from insurance.core.tenancy import current_org
from insurance.policies.models import InsuredObject, Policy, PolicyStatus
from insurance.quotes.rules import registration_key

_IN_FORCE = (PolicyStatus.ACTIVE, PolicyStatus.SUSPENDED)


class DuplicateRegistrationError(ConflictError):
    """A vehicle with this registration is insured already. To insure it again is to be confirmed."""


def find_insured(
    session: Session, registration: str, *, besides: UUID | None = None
) -> list[tuple[UUID, str]]:
    """Return the policies in force that insure a vehicle with a registration: id and number."""
    key = registration_key(registration)
    if not key:
        return []
    query = (
        select(Policy.id, Policy.policy_number)
        .join(
            InsuredObject,
            and_(InsuredObject.org_id == Policy.org_id, InsuredObject.policy_id == Policy.id),
        )
        .where(
            Policy.org_id == current_org(),
            InsuredObject.registration_key == key,
            InsuredObject.end_date.is_(None),
            Policy.status.in_(_IN_FORCE),
        )
        .distinct()
        .order_by(Policy.policy_number)
        .limit(5)
    )
    if besides is not None:
        query = query.where(Policy.id != besides)
    return [(row[0], row[1]) for row in session.execute(query)]


def check_registrations(
    session: Session,
    registrations: Iterable[tuple[str, str]],
    *,
    besides: UUID | None,
    confirmed: bool,
) -> None:
    """Ask about each registration that another policy insures, unless that was confirmed.

    `registrations` are (registration, field). Raises DuplicateRegistrationError with the numbers
    of the policies.
    """
    for registration, field in registrations if not confirmed else ():
        if found := find_insured(session, registration, besides=besides):
            numbers = [number for _policy, number in found]
            raise DuplicateRegistrationError(
                f"{registration} is insured on {', '.join(numbers)} already."
                " Confirm that it is to be insured twice, or correct the registration.",
                field=field,
                detail={"policies": numbers, "confirm_with": "confirms_duplicate"},
            )
