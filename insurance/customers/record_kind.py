"""Customers as a kind of record with notes, documents, letters and messages."""

from uuid import UUID

from sqlalchemy.orm import Session

from insurance.correspondence.kinds import RecordFacts, RecordKind, register
from insurance.correspondence.letters import own_words
from insurance.customers.permissions import CustomersMay
from insurance.customers.queries import get_customer


def facts_of(session: Session, customer_id: UUID) -> RecordFacts:
    """Return a customer as letters name them. Raises NotFoundError."""
    customer = get_customer(session, customer_id)
    return RecordFacts(customer.display_name, customer_id, customer.display_name, customer.email)


CUSTOMERS = register(
    RecordKind(
        resource="customers",
        name="customer",
        id_name="customer_id",
        endpoint="customers.show",
        may_view=CustomersMay.VIEW,
        find=facts_of,
        letters=(own_words("customers"),),
    )
)
