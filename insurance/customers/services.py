"""Capturing and changing customers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core import crypto
from insurance.core.counts import count_change
from insurance.core.db import constraint_of, transaction
from insurance.core.errors import ConflictError, DomainError, StaleError, raise_all
from insurance.core.ids import new_id
from insurance.core.tenancy import current_org
from insurance.customers import queries, rules
from insurance.customers.models import (
    AddressKind,
    BankAccount,
    Customer,
    CustomerAddress,
    CustomerKind,
    Gender,
)
from insurance.customers.number_search import counting_known_number
from insurance.customers.privacy import as_shown
from insurance.customers.refusals import DuplicateCustomerError

_AUDITED = [
    "kind",
    "display_name",
    "first_name",
    "last_name",
    "company_name",
    "registration_number",
    "contact_name",
    "contact_role",
    "passport_country",
    "date_of_birth",
    "gender",
    "has_number",
    "email",
    "phone",
    "consents",
]
CONSENTS = ("marketing", "sms", "email", "data_sharing")


@dataclass(frozen=True, slots=True)
class Address:
    """An address as captured."""

    kind: str
    line1: str
    city: str
    postal_code: str
    line2: str = ""
    suburb: str = ""
    province: str = ""


@dataclass(frozen=True, slots=True)
class CustomerDetails:
    """What is captured of a customer. A person has an ID number, a passport or a birth date.

    Who is no person has a `company_name` and, but for a company, a person to talk to.
    """

    kind: str = "PERSON"
    first_name: str | None = None
    last_name: str | None = None
    company_name: str | None = None
    registration_number: str | None = None
    contact_name: str | None = None
    contact_role: str | None = None
    id_number: str | None = None
    passport_number: str | None = None
    passport_country: str | None = None
    date_of_birth: date | None = None
    gender: str | None = None
    email: str | None = None
    phone: str | None = None
    consents: dict[str, bool] = field(default_factory=dict)
    addresses: tuple[Address, ...] = ()


def create_customer(details: CustomerDetails, *, on: date, now: datetime) -> Customer:
    """Capture a customer. Raises DuplicateCustomerError for an ID number that is already here."""
    with counting_known_number(details.id_number):
        try:
            with transaction() as session:
                return add_customer(session, details, on=on, now=now)
        except IntegrityError as error:
            raise _refusal_of(error) from error


def add_customer(
    session: Session, details: CustomerDetails, *, on: date, now: datetime
) -> Customer:
    """Capture a customer as a step of another command, such as saving a quote."""
    customer = Customer(
        id=new_id(), kind=CustomerKind(details.kind), created_at=now, updated_at=now
    )
    _fill(session, customer, details, on)
    session.add(customer)
    session.flush()
    _write_addresses(session, customer.id, details.addresses)
    record(
        session,
        action="customers.create",
        resource="customers",
        resource_id=customer.id,
        after=_audited(customer),
    )
    count_change(session, "customers", customer.id)
    return customer


def edit_customer(
    customer_id: UUID, details: CustomerDetails, *, version: int, on: date, now: datetime
) -> Customer:
    """Change a customer's details. An ID or passport number left out stays as it is.

    Raises StaleError where somebody saved since `version`.
    """
    with counting_known_number(details.id_number):
        try:
            with transaction() as session:
                return _edit(session, customer_id, details, version, on, now)
        except IntegrityError as error:
            raise _refusal_of(error) from error


def _edit(
    session: Session,
    customer_id: UUID,
    details: CustomerDetails,
    version: int,
    on: date,
    now: datetime,
) -> Customer:
    customer = queries.get_customer(session, customer_id, lock=True)
    before, born = _audited(customer), customer.date_of_birth
    if customer.version != version:
        raise StaleError(
            "Somebody else saved this customer first.",
            theirs=as_shown(before),
            yours={"email": details.email, "phone": details.phone},
        )
    _fill(session, customer, details, on)
    customer.version += 1
    customer.updated_at = now
    _write_addresses(session, customer.id, details.addresses)
    # Of birth dates the log keeps the year: it says apart that the day is another.
    changed = {"birth_date_corrected": True} if born not in (None, customer.date_of_birth) else {}
    record(
        session,
        action="customers.edit",
        resource="customers",
        resource_id=customer.id,
        before=before,
        after=_audited(customer) | changed,
    )
    return customer


def reveal_id_number(customer_id: UUID, *, reason: str | None = None) -> str:
    """Return the full ID or passport number; the look is written to the audit log."""
    with transaction() as session:
        customer = queries.get_customer(session, customer_id)
        record(
            session,
            action="customers.reveal",
            resource="customers",
            resource_id=customer_id,
            reason=reason,
        )
        return read_number(customer) or ""


def read_number(customer: Customer) -> str | None:
    """Return the decrypted ID number, else the passport number, else None."""
    for column, cipher in (
        ("id_number", customer.id_number_cipher),
        ("passport", customer.passport_cipher),
    ):
        if cipher is not None:
            return crypto.decrypt(customer.org_id, "customers", column, customer.id, cipher)
    return None


def add_bank_account(
    customer_id: UUID,
    *,
    holder: str,
    bank: str,
    branch_code: str,
    account_type: str,
    account_number: str,
    now: datetime,
) -> BankAccount:
    """Add a bank account. The number has 4 to 11 digits and is stored encrypted.

    The account holder stands in Latin letters, which is what bank files hold.
    """
    errors: list[DomainError] = []
    digits = _reading(errors, rules.read_account_number, account_number)
    branch_code = _reading(errors, rules.read_branch_code, branch_code)
    holder = _reading(errors, rules.read_account_holder, holder)
    raise_all(errors)
    with transaction() as session:
        customer = queries.get_customer(session, customer_id, lock=True)
        account_id = new_id()
        account = BankAccount(
            id=account_id,
            customer_id=customer.id,
            holder=holder,
            bank=bank,
            branch_code=branch_code,
            account_type=account_type,
            account_number_cipher=crypto.encrypt(
                current_org(), "customer_bank_accounts", "account_number", account_id, digits
            ),
            account_number_masked=crypto.mask_account(digits),
            created_at=now,
        )
        session.add(account)
        record(
            session,
            action="customers.add_bank_account",
            resource="customers",
            resource_id=customer_id,
            after={"bank": bank, "branch_code": branch_code, "account_number": digits},
        )
    return account


def _fill(session: Session, customer: Customer, details: CustomerDetails, on: date) -> None:
    """Check the details and write them to the row, every refusal at once."""
    errors: list[DomainError] = []
    read = partial(_reading, errors)
    customer.email = read(rules.read_email, details.email) if details.email else None
    customer.phone = read(rules.read_phone, details.phone) if details.phone else None
    unknown = set(details.consents) - set(CONSENTS)
    if unknown:
        errors.append(DomainError(f"There is no consent {min(unknown)}.", field="consents"))
    customer.consents = {name: bool(details.consents.get(name)) for name in CONSENTS}
    if customer.kind is CustomerKind.PERSON:
        read(_fill_person, customer, details, on)
    else:
        _fill_organization(errors, customer, details)
    raise_all(errors)
    _refuse_known_number(session, customer)
    customer.match_name = queries.name_compared(customer.kind, customer.display_name)
    customer.search_text = rules.search_text(customer.display_name, customer.email, customer.phone)


def _reading(errors: list[DomainError], read: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a rule reads; its refusals are collected instead of raised."""
    try:
        return read(*arguments)
    except DomainError as error:
        errors.extend(error.errors)
        return None


def _fill_organization(
    errors: list[DomainError], customer: Customer, details: CustomerDetails
) -> None:
    name = _reading(
        errors,
        partial(rules.read_name, field="company_name", message="Enter the name."),
        details.company_name,
    )
    if not details.contact_name and customer.kind is not CustomerKind.COMPANY:
        errors.append(DomainError("Enter whom to talk to.", field="contact_name"))
    customer.company_name = customer.display_name = name
    customer.registration_number = _reading(
        errors, rules.read_registration, customer.kind.value, details.registration_number
    )
    customer.contact_name = details.contact_name or None
    customer.contact_role = details.contact_role or None


def _fill_person(customer: Customer, details: CustomerDetails, on: date) -> None:
    surname = rules.read_name(
        details.last_name,
        field="last_name",
        message="Enter the surname. Somebody with one name has it here.",
    )
    customer.first_name, customer.last_name = details.first_name or None, surname
    customer.display_name = " ".join(filter(None, (details.first_name, surname)))
    customer.gender = Gender(details.gender) if details.gender else customer.gender
    customer.date_of_birth = details.date_of_birth or customer.date_of_birth
    if customer.date_of_birth is not None and customer.date_of_birth > on:
        raise DomainError("A date of birth is not in the future.", field="date_of_birth")
    if details.id_number:
        _fill_id_number(customer, details, on)
    if details.passport_number:
        number, country = rules.read_passport(details.passport_number, details.passport_country)
        org_id = current_org()
        customer.passport_cipher = crypto.encrypt(
            org_id, "customers", "passport", customer.id, number
        )
        customer.passport_index = crypto.blind_index(org_id, "passport", f"{country}{number}")
        customer.passport_country = country


def _refuse_known_number(session: Session, customer: Customer) -> None:
    """Refuse the number of another customer, last of all: a refusal of something else tells none."""
    if customer.id_number_index is None:
        return
    with session.no_autoflush:
        existing = session.scalar(
            select(Customer.id).where(
                Customer.org_id == current_org(),
                Customer.id_number_index == customer.id_number_index,
                Customer.id != customer.id,
            )
        )
    if existing is not None:
        raise DuplicateCustomerError(existing)


def _fill_id_number(customer: Customer, details: CustomerDetails, on: date) -> None:
    facts = rules.read_id_number(
        details.id_number or "", declared_birth=details.date_of_birth, on=on
    )
    gender = rules.check_gender(facts, details.gender)
    org_id = current_org()
    customer.date_of_birth, customer.gender = facts.date_of_birth, Gender(gender)
    customer.id_number_cipher = crypto.encrypt(
        org_id, "customers", "id_number", customer.id, facts.id_number
    )
    customer.id_number_index = crypto.blind_index(org_id, "id_number", facts.id_number)


def _write_addresses(session: Session, customer_id: UUID, addresses: tuple[Address, ...]) -> None:
    if not addresses:
        return
    session.execute(
        delete(CustomerAddress).where(
            CustomerAddress.org_id == current_org(),
            CustomerAddress.customer_id == customer_id,
            CustomerAddress.kind.in_([AddressKind(address.kind) for address in addresses]),
        )
    )
    session.add_all(
        CustomerAddress(
            customer_id=customer_id,
            kind=AddressKind(address.kind),
            line1=address.line1,
            line2=address.line2,
            suburb=address.suburb,
            city=address.city,
            province=address.province,
            postal_code=address.postal_code,
            country="ZA",
        )
        for address in addresses
    )


def _audited(customer: Customer) -> dict[str, Any]:
    return {
        name: getattr(customer, name) for name in _AUDITED if getattr(customer, name) is not None
    }


def _refusal_of(error: IntegrityError) -> DomainError:
    """Return the refusal for a customer who was captured by somebody else in the same moment."""
    where = {
        "customers_id_number_key": "id_number",
        "customers_passport_key": "passport_number",
        "customers_registration_key": "registration_number",
    }.get(constraint_of(error) or "")
    if where is None:
        raise error
    return ConflictError("A customer with this number is already here.", field=where)
