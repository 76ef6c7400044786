"""ID and passport numbers of insured lives: read, kept once for the organization, referred to.

A quote, an endorsement and a policy's history hold a reference, never the number. One number has
one reference, so equal references are one life.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from insurance.core import crypto
from insurance.core.errors import DomainError, raise_all
from insurance.core.ids import new_id
from insurance.core.tenancy import current_org
from insurance.customers.models import Customer, LifeNumber, NumberKind
from insurance.customers.privacy import HIDDEN, may_see_identity
from insurance.customers.rules import check_gender, read_id_number, read_passport

_PLACE = ("life_numbers", "number")
"""Where a ciphertext is bound to, with the id of its row."""
TYPED = ("id_number", "passport_number", "passport_country")
"""What a life's numbers are typed as."""
REFERENCES = ("id_number_ref", "passport_ref")
"""What a life refers to its numbers by."""


@dataclass(frozen=True, slots=True)
class LifeNumbers:
    """The numbers of one life, as read: digits, and a passport number after its country."""

    id_number: str | None = field(default=None, repr=False)
    passport: str | None = field(default=None, repr=False)

    @property
    def by_kind(self) -> dict[NumberKind, str]:
        """Return the numbers that there are."""
        found = {NumberKind.ID_NUMBER: self.id_number, NumberKind.PASSPORT: self.passport}
        return {kind: number for kind, number in found.items() if number}


@dataclass(frozen=True, slots=True)
class LifeReferences:
    """What a life refers to its numbers by."""

    id_number_ref: UUID | None = None
    passport_ref: UUID | None = None


@dataclass(frozen=True, slots=True)
class KnownByNumber:
    """A life's numbers, and the date of birth and gender that they agree with."""

    numbers: LifeNumbers
    date_of_birth: date | None
    gender: str | None


def read_life_numbers(
    typed: Mapping[str, str | None], born: date | None, gender: str | None, *, on: date
) -> KnownByNumber:
    """Read what was typed as a life's numbers; birth and gender follow from an ID number.

    Raises DomainError(s) at `id_number`, `date_of_birth`, `gender`, `passport_number` and
    `passport_country`.
    """
    errors: list[DomainError] = []
    id_number = passport = None
    try:
        if typed.get("id_number"):
            facts = read_id_number(typed["id_number"] or "", declared_birth=born, on=on)
            id_number, born = facts.id_number, facts.date_of_birth
            gender = gender if gender == "UNISEX" else check_gender(facts, gender)
    except DomainError as refusal:
        errors += refusal.errors
    try:
        if typed.get("passport_number") or typed.get("passport_country"):
            number, country = read_passport(
                typed.get("passport_number") or "", typed.get("passport_country")
            )
            passport = f"{country}{number}"
    except DomainError as refusal:
        errors += refusal.errors
    raise_all(errors)
    return KnownByNumber(LifeNumbers(id_number, passport), born, gender)


def find_references(session: Session, numbers: LifeNumbers) -> LifeReferences:
    """Return what numbers are referred to by; one that nobody has used gets a reference of its own.

    Writes nothing: a new reference is good for comparing only.
    """
    found = {kind: new_id() for kind in numbers.by_kind} | _known(session, numbers)
    return LifeReferences(found.get(NumberKind.ID_NUMBER), found.get(NumberKind.PASSPORT))


def keep_numbers(
    session: Session, lives: Iterable[LifeNumbers], *, now: datetime
) -> list[LifeReferences]:
    """Keep the numbers of lives, encrypted, and return what each life refers to them by."""
    lives = list(lives)
    pairs = {pair for life in lives for pair in life.by_kind.items()}
    # In one order everywhere, so that two who keep the same numbers never wait in a circle.
    rows = [_row(kind, number, now) for kind, number in sorted(pairs)]
    if rows:
        session.execute(
            insert(LifeNumber)
            .values(rows)
            .on_conflict_do_nothing(index_elements=["org_id", "kind", "number_index"])
        )
    return [find_references(session, life) for life in lives]


def numbers_of_customer(customer: Customer) -> LifeNumbers:
    """Return a customer's own numbers, decrypted."""
    id_number, passport = customer.id_number_cipher, customer.passport_cipher
    place = (customer.org_id, "customers")
    return LifeNumbers(
        id_number and crypto.decrypt(*place, "id_number", customer.id, id_number),
        passport
        and f"{customer.passport_country}"
        + crypto.decrypt(*place, "passport", customer.id, passport),
    )


def numbers_shown(session: Session, references: Iterable[UUID | None]) -> dict[UUID, str]:
    """Return numbers as the current actor may see them: whole, or that there is one.

    A passport number stands after its country.
    """
    wanted = {reference for reference in references if reference is not None}
    shown = dict.fromkeys(wanted, HIDDEN)
    if wanted and may_see_identity():
        rows = session.scalars(
            select(LifeNumber).where(LifeNumber.org_id == current_org(), LifeNumber.id.in_(wanted))
        )
        shown |= {row.id: _number_of(session, row) or HIDDEN for row in rows}
    return shown


def references_in(lives: Iterable[Mapping[str, Any]]) -> list[UUID]:
    """Return the references of lives as JSON keeps them."""
    return [UUID(life[name]) for life in lives for name in REFERENCES if life.get(name)]


def _known(session: Session, numbers: LifeNumbers) -> dict[NumberKind, UUID]:
    indices = [_index(kind, number) for kind, number in numbers.by_kind.items()]
    if not indices:
        return {}
    rows = session.execute(
        select(LifeNumber.kind, LifeNumber.id, LifeNumber.number_index).where(
            LifeNumber.org_id == current_org(), LifeNumber.number_index.in_(indices)
        )
    )
    return {row.kind: row.id for row in rows}


def _row(kind: NumberKind, number: str, now: datetime) -> dict[str, object]:
    row_id = new_id()
    return {
        "org_id": current_org(),
        "id": row_id,
        "kind": kind,
        "number_index": _index(kind, number),
        "number_cipher": crypto.encrypt(current_org(), *_PLACE, row_id, number),
        "created_at": now,
    }


def _index(kind: NumberKind, number: str) -> bytes:
    """Return the hash that customers of this number have too."""
    return crypto.blind_index(current_org(), kind.value.lower(), number)


def _number_of(session: Session, row: LifeNumber) -> str | None:
    if row.number_cipher is not None:
        return crypto.decrypt(row.org_id, *_PLACE, row.id, row.number_cipher)
    column = (
        Customer.id_number_index if row.kind is NumberKind.ID_NUMBER else Customer.passport_index
    )
    customer = session.scalars(
        select(Customer).where(Customer.org_id == current_org(), column == row.number_index)
    ).one_or_none()
    return numbers_of_customer(customer).by_kind.get(row.kind) if customer else None
