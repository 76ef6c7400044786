"""Customers in the API."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from insurance.api.edge import (
    Answer,
    Body,
    ListQuery,
    Query,
    created,
    endpoint,
    listing,
)
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.paging import decode_cursor
from insurance.customers import queries, services
from insurance.customers.models import AddressKind, Customer, CustomerKind, Gender
from insurance.customers.permissions import CustomersMay
from insurance.customers.privacy import HIDDEN, may_see_identity
from insurance.organizations.queries import get_organization
from insurance.web.parsing import Day, Words

Short = Annotated[Words, Field(max_length=200)]
Number = Annotated[Words, Field(max_length=40)]


class AccountType(StrEnum):
    """What kind of account it is."""

    CURRENT = "CURRENT"
    SAVINGS = "SAVINGS"
    TRANSMISSION = "TRANSMISSION"


class AddressBody(Answer):
    """An address."""

    model_config = {"extra": "forbid", "from_attributes": True}

    kind: AddressKind
    line1: Short
    line2: Short = ""
    suburb: Short = ""
    city: Short
    province: Short = ""
    postal_code: Annotated[Words, Field(max_length=10)]


class CustomerBody(Body):
    """A person (names, and an ID number, passport or date of birth) or another holder.

    Somebody with one name has it as `last_name`. A company, trust, club, burial society or
    partnership has a `company_name`, the `registration_number` of its kind (a trust: the Master's
    reference; the last three perhaps none) and a contact person.
    """

    kind: CustomerKind = CustomerKind.PERSON
    first_name: Short | None = None
    last_name: Short | None = None
    company_name: Short | None = None
    registration_number: Number | None = None
    contact_name: Short | None = None
    contact_role: Short | None = None
    email: Annotated[Words, Field(max_length=254)] | None = None
    phone: Number | None = None
    id_number: Number | None = None
    passport_number: Number | None = None
    passport_country: Annotated[Words, Field(max_length=2)] | None = None
    date_of_birth: Day | None = None
    gender: Gender | None = None
    consents: dict[Annotated[str, Field(max_length=40)], bool] = Field(default_factory=dict)
    addresses: list[AddressBody] = Field(default_factory=list, max_length=2)


class EditCustomerBody(CustomerBody):
    """A customer's new details; `version` is the one that was read."""

    version: int = Field(ge=1, le=2**31)


class CustomerAnswer(Answer):
    """A customer. Callers who may not see ID numbers get the birth year, no date and no gender."""

    id: UUID
    kind: CustomerKind
    first_name: str | None
    last_name: str | None
    company_name: str | None
    registration_number: str | None
    contact_name: str | None
    contact_role: str | None
    email: str | None
    phone: str | None
    id_number: str | None
    passport_number: str | None
    passport_country: str | None
    date_of_birth: Day | None
    birth_year: int | None
    gender: Gender | None
    consents: dict[str, bool]
    addresses: list[AddressBody] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)
    version: int
    created_at: datetime
    updated_at: datetime


class SearchQuery(Query):
    """A name, e-mail address, phone or ID number; names may be misspelt.

    Two characters or more, or one that is a name of its own, such as a Chinese one.
    """

    q: str = Field(min_length=1, max_length=100)
    limit: int = Field(20, ge=1, le=50)


@endpoint(
    "GET",
    "/customers",
    may=CustomersMay.VIEW,
    query=ListQuery,
    answer=list[CustomerAnswer],
    tag="Customers",
)
def list_customers(query: ListQuery):
    """List customers, newest first."""
    after = decode_cursor(query.cursor, 1, UUID)[0] if query.cursor else None
    found = queries.list_customers(db.session(), limit=query.limit, after=after)
    return listing(found, _answer)


@endpoint(
    "GET",
    "/customers/search",
    may=CustomersMay.VIEW,
    query=SearchQuery,
    answer=list[CustomerAnswer],
    tag="Customers",
)
def search_customers(query: SearchQuery):
    """Find customers by name, e-mail address, phone or ID number."""
    if len(query.q.strip()) < 2 and query.q.isascii():
        raise DomainError("Enter two characters or more.", field="q")
    found = queries.list_customers(db.session(), q=query.q, limit=query.limit)
    return [_answer(customer) for customer in found.items]


@endpoint(
    "POST",
    "/customers",
    may=CustomersMay.EDIT,
    body=CustomerBody,
    answer=CustomerAnswer,
    status=201,
    tag="Customers",
)
def create_customer(body: CustomerBody):
    """Capture a customer; an ID number that is already here is refused with `existing_id`."""
    session = db.session()
    on = clock.today(get_organization(session).timezone)
    customer = services.create_customer(_details(body), on=on, now=clock.now())
    alike = queries.find_look_alikes(
        session, customer.kind, customer.display_name, customer.date_of_birth, customer.phone
    )
    warnings = [
        f"{found.why}: {found.customer.id}" for found in alike if found.customer.id != customer.id
    ]
    return created(
        _answer(customer, full=True, warnings=warnings), "get_customer", customer_id=customer.id
    )


@endpoint(
    "GET",
    "/customers/<uuid:customer_id>",
    may=CustomersMay.VIEW,
    answer=CustomerAnswer,
    tag="Customers",
)
def get_customer(customer_id: UUID):
    """Return one customer with addresses."""
    return _answer(queries.get_customer(db.session(), customer_id), full=True)


@endpoint(
    "PUT",
    "/customers/<uuid:customer_id>",
    may=CustomersMay.EDIT,
    body=EditCustomerBody,
    answer=CustomerAnswer,
    tag="Customers",
)
def edit_customer(customer_id: UUID, body: EditCustomerBody):
    """Change a customer's details; an ID number left out stays as it is."""
    on = clock.today(get_organization(db.session()).timezone)
    customer = services.edit_customer(
        customer_id, _details(body), version=body.version, on=on, now=clock.now()
    )
    return _answer(customer, full=True)


def _details(body: CustomerBody) -> services.CustomerDetails:
    values = body.model_dump(exclude={"org_id", "version", "addresses"})
    addresses = tuple(services.Address(**address.model_dump()) for address in body.addresses)
    return services.CustomerDetails(**values, addresses=addresses)


def _answer(
    customer: Customer, *, full: bool = False, warnings: list[str] | None = None
) -> dict[str, Any]:
    """Return a customer; one at a time, those who may see the ID number get it whole."""
    names = set(CustomerAnswer.model_fields) - {
        "id_number",
        "passport_number",
        "birth_year",
        "addresses",
        "warnings",
    }
    answer = {name: getattr(customer, name) for name in names}
    answer["id_number"] = HIDDEN if customer.id_number_cipher else None
    answer["passport_number"] = HIDDEN if customer.passport_cipher else None
    answer["birth_year"] = customer.date_of_birth.year if customer.date_of_birth else None
    if full:
        if may_see_identity():
            number = services.read_number(customer)
            answer["id_number" if customer.id_number_cipher else "passport_number"] = number
        answer["addresses"] = queries.list_addresses(db.session(), customer.id)
    return answer | {"warnings": warnings or []}


class BankAccountBody(Body):
    """An account to debit or to pay into."""

    holder: Annotated[Short, Field(min_length=1)]
    bank: Annotated[Words, Field(min_length=1, max_length=60)]
    branch_code: Annotated[Words, Field(min_length=6, max_length=6)]
    account_type: AccountType
    account_number: Annotated[Words, Field(min_length=1, max_length=30)]


class BankAccountAnswer(Answer):
    """A bank account of a customer. Of its number the last digits are shown."""

    id: UUID
    customer_id: UUID
    holder: str
    bank: str
    branch_code: str
    account_type: AccountType
    account_number: str = Field(validation_alias="account_number_masked")
    created_at: datetime


@endpoint(
    "GET",
    "/customers/<uuid:customer_id>/bank-accounts",
    may=CustomersMay.VIEW,
    answer=list[BankAccountAnswer],
    tag="Customers",
)
def list_bank_accounts(customer_id: UUID):
    """List a customer's bank accounts, the oldest first."""
    session = db.session()
    queries.get_customer(session, customer_id)
    return list(queries.list_bank_accounts(session, customer_id))


@endpoint(
    "POST",
    "/customers/<uuid:customer_id>/bank-accounts",
    may=CustomersMay.EDIT,
    body=BankAccountBody,
    answer=BankAccountAnswer,
    status=201,
    tag="Customers",
)
def add_bank_account(customer_id: UUID, body: BankAccountBody):
    """Add a bank account to a customer."""
    account = services.add_bank_account(
        customer_id,
        holder=body.holder,
        bank=body.bank,
        branch_code=body.branch_code,
        account_type=body.account_type.value,
        account_number=body.account_number,
        now=clock.now(),
    )
    return created(account, "list_bank_accounts", customer_id=customer_id)
