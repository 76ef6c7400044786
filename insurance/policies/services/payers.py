"""Who pays a policy's premiums: its holder, or a customer in the holder's place.

Mandates are the payer's, and refunds go to the payer, whose estate if they have died.
"""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.core.errors import DomainError, NotFoundError
from insurance.customers.models import Customer
from insurance.customers.queries import get_customer
from insurance.policies.models import Policy

DEATHS: list[Callable[[Session, Policy, Customer], bool]] = []
"""What an area above knows of deaths: each tells whether somebody of a policy has died."""


def refund_payee(session: Session, policy: Policy) -> str:
    """Return the name of who is paid what comes back: who pays, or that person's estate."""
    payee = get_customer(session, policy.paid_by)
    if any(has_died(session, policy, payee) for has_died in DEATHS):
        return f"Estate late {payee.display_name}"
    return payee.display_name


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
