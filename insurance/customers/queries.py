"""Reading customers, their addresses and accounts, and finding them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, or_, select, text
from sqlalchemy.orm import Session

from insurance.core.listing import Listing, Wanted
from insurance.core.paging import Page, page_of
from insurance.core.records import get_record
from insurance.core.tenancy import current_org
from insurance.customers.models import BankAccount, Customer, CustomerAddress, CustomerKind
from insurance.customers.number_search import find_by_number, number_in
from insurance.customers.rules import match_name, match_organization

_SEARCH = text("SELECT found.id FROM ins.sd_search_customers(:q, :limit) AS found")


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Somebody already here who may be the same, and why."""

    customer: Customer
    why: str


def get_customer(session: Session, customer_id: UUID, *, lock: bool = False) -> Customer:
    """Return a customer of the organization in scope. Raises NotFoundError."""
    return get_record(session, Customer, customer_id, lock=lock)


def list_customers(
    session: Session, *, q: str = "", limit: int, after: UUID | None = None
) -> Page[Customer]:
    """Return customers, newest first; with a search text, the best matches (one page)."""
    query = select(Customer).where(Customer.org_id == current_org())
    if q.strip():
        ids = search_customer_ids(session, q, limit)
        rows = {row.id: row for row in session.scalars(query.where(Customer.id.in_(ids)))}
        return Page([rows[found] for found in ids if found in rows])
    if after is not None:
        query = query.where(Customer.id < after)
    rows_in_order = session.scalars(query.order_by(Customer.id.desc()).limit(limit + 1)).all()
    return page_of(rows_in_order, limit, lambda row: (row.id,))


class CustomerRow(NamedTuple):
    """A customer as the list on screen prints it, without more."""

    id: UUID
    display_name: str
    kind: str
    registration_number: str | None
    has_number: bool
    date_of_birth: date | None
    phone: str | None
    email: str | None
    created_at: datetime


def list_customer_rows(session: Session, wanted: Wanted) -> Page[CustomerRow]:
    """Return a page of the list on screen: newest first, or the best matches of a search `q`."""
    narrowed = dict(wanted.narrowed)
    q = str(narrowed.pop("q", ""))
    if q.strip():
        narrowed["found"] = search_customer_ids(session, q, wanted.to_find)
    return _LIST.read(session, replace(wanted, narrowed=narrowed))


def _shown(page: Any) -> Select[Any]:
    has_number = page.id_number_index.is_not(None) | page.passport_index.is_not(None)
    return select(
        page.id, page.display_name, page.kind, page.registration_number, has_number,
        page.date_of_birth, page.phone, page.email, page.created_at,
    )  # fmt: skip


_LIST = Listing(
    Customer,
    CustomerRow,
    _shown,
    orders={
        "newest": Customer.id,
        "created_at": Customer.id,
        "display_name": Customer.display_name,
        "email": Customer.email,
    },
    narrows={},
)


def search_customer_ids(session: Session, q: str, limit: int) -> list[UUID]:
    """Return ids by ID number, phone, e-mail or name, best first; names may be misspelt.

    A search by ID number is counted and recorded, see `number_search`.
    """
    plain = " ".join(q.split())[:100]
    number = number_in(plain)
    if number is not None:
        found = find_by_number(number)
        return [] if found is None else [found]
    searched = search_words(plain)
    if not searched:
        return []
    return [row.id for row in session.execute(_SEARCH, {"q": searched, "limit": limit})]


def search_words(q: str) -> str:
    """Return a search text as the search function compares it; empty where it is too short.

    One letter is too short, one Chinese, Japanese or Korean character is a name.
    """
    plain = " ".join(q.split())[:100]
    digits = re.sub(r"[\s-]", "", plain)
    if re.fullmatch(r"\+?[0-9]{6,}", digits, re.ASCII):
        return digits
    words = plain.lower() if "@" in plain else match_name(plain)
    return "" if len(words) < 2 and words.isascii() else words


def name_compared(kind: CustomerKind, name: str) -> str:
    """Return a customer's name as the duplicate check compares it."""
    return match_name(name) if kind is CustomerKind.PERSON else match_organization(name)


def lock_customer(session: Session, customer_id: UUID) -> None:
    """Hold a customer until the transaction ends."""
    session.execute(
        select(Customer.id)
        .where(Customer.org_id == current_org(), Customer.id == customer_id)
        .with_for_update()
    )


def find_person(session: Session, name: str, born: date | None) -> Customer | None:
    """Return the person of a name and birth date, the longest known; None without a birth date."""
    if born is None:
        return None
    return session.scalars(
        select(Customer)
        .where(
            Customer.org_id == current_org(),
            Customer.kind == CustomerKind.PERSON,
            Customer.match_name == name_compared(CustomerKind.PERSON, name),
            Customer.date_of_birth == born,
        )
        .order_by(Customer.id)
        .limit(1)
    ).one_or_none()


def find_look_alikes(
    session: Session, kind: CustomerKind, name: str, born: date | None, phone: str | None
) -> list[Duplicate]:
    """Return customers who may be the same, at most five.

    A person has the same name and birth date, any other holder the same name, both without case,
    accents and legal form; or somebody has the same phone.
    """
    conditions: list[ColumnElement[bool]] = []
    compared = name_compared(kind, name)
    why = "same name"
    if kind is not CustomerKind.PERSON:
        conditions.append((Customer.match_name == compared) & (Customer.kind != "PERSON"))
    elif born is not None:
        why = "same name and birth date"
        conditions.append((Customer.match_name == compared) & (Customer.date_of_birth == born))
    if phone is not None:
        conditions.append(Customer.phone == phone)
    if not conditions:
        return []
    found = session.scalars(
        select(Customer).where(Customer.org_id == current_org(), or_(*conditions)).limit(5)
    )
    return [Duplicate(row, "same phone" if row.phone == phone and phone else why) for row in found]


def list_addresses(session: Session, customer_id: UUID) -> Sequence[CustomerAddress]:
    """Return a customer's addresses."""
    return session.scalars(
        select(CustomerAddress)
        .where(CustomerAddress.org_id == current_org(), CustomerAddress.customer_id == customer_id)
        .order_by(CustomerAddress.kind)
    ).all()


def list_bank_accounts(session: Session, customer_id: UUID) -> Sequence[BankAccount]:
    """Return a customer's bank accounts, numbers masked."""
    return session.scalars(
        select(BankAccount)
        .where(BankAccount.org_id == current_org(), BankAccount.customer_id == customer_id)
        .order_by(BankAccount.created_at)
    ).all()
