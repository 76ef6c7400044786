"""Persons, companies and other holders. Identity and bank numbers are encrypted, with a keyed hash for search."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from insurance.core.db import TenantRecord, TenantTable, tenant_key
from insurance.core.sealed import sealed


class CustomerKind(StrEnum):
    """A natural person, or what else can hold a policy."""

    PERSON = "PERSON"
    COMPANY = "COMPANY"
    TRUST = "TRUST"
    CLUB = "CLUB"
    BURIAL_SOCIETY = "BURIAL_SOCIETY"
    PARTNERSHIP = "PARTNERSHIP"


class Gender(StrEnum):
    """Gender as rate tables know it; UNISEX where it must not matter."""

    MALE = "MALE"
    FEMALE = "FEMALE"
    UNISEX = "UNISEX"


class Customer(TenantRecord):
    """A customer. `version` counts its edits; `search_text` is what the search box looks at.

    A person with one name has it as `last_name`. `company_name` is the name of whatever is no
    person, and `registration_number` what its kind is registered by, if it is.
    """

    __tablename__ = "customers"
    __table_args__ = (
        UniqueConstraint("org_id", "id_number_index", name="customers_id_number_key"),
        UniqueConstraint("org_id", "passport_index", name="customers_passport_key"),
        UniqueConstraint(
            "org_id", "kind", "registration_number", name="customers_registration_key"
        ),
        Index("customers_name_ix", "org_id", "match_name", "date_of_birth"),
        Index("customers_shown_ix", "org_id", "display_name", "id"),
        Index("customers_phone_ix", "org_id", "phone"),
        Index("customers_email_ix", "org_id", "email", "id"),
        Index(
            "customers_search_ix",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
        ),
        CheckConstraint(
            "(kind = 'PERSON' AND last_name IS NOT NULL)"
            " OR (kind <> 'PERSON' AND company_name IS NOT NULL)",
            name="has_name",
        ),
    )

    kind: Mapped[CustomerKind]
    first_name: Mapped[str | None]
    last_name: Mapped[str | None]
    company_name: Mapped[str | None]
    registration_number: Mapped[str | None]
    contact_name: Mapped[str | None]
    contact_role: Mapped[str | None]
    display_name: Mapped[str]
    match_name: Mapped[str]
    search_text: Mapped[str]
    id_number_cipher: Mapped[str | None] = mapped_column(info=sealed("customers", "id_number"))
    id_number_index: Mapped[bytes | None]
    passport_cipher: Mapped[str | None] = mapped_column(info=sealed("customers", "passport"))
    passport_index: Mapped[bytes | None]
    passport_country: Mapped[str | None]
    date_of_birth: Mapped[date | None]
    gender: Mapped[Gender | None]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    consents: Mapped[dict[str, Any]] = mapped_column(default=dict)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    @property
    def has_number(self) -> bool:
        """Tell whether an ID or passport number is on file."""
        return self.id_number_cipher is not None or self.passport_cipher is not None


class NumberKind(StrEnum):
    """What a life can be known by besides its name and date of birth."""

    ID_NUMBER = "ID_NUMBER"
    PASSPORT = "PASSPORT"


class LifeNumber(TenantRecord):
    """The ID or passport number of lives that quotes and policies insure: one row a number.

    What insures a life refers to the row, so that no number stands in a quote, an event or a
    version. A row without a ciphertext has the number of the customer with its index.
    """

    __tablename__ = "life_numbers"
    __table_args__ = (
        UniqueConstraint("org_id", "kind", "number_index", name="life_numbers_index_key"),
    )

    kind: Mapped[NumberKind]
    number_index: Mapped[bytes]
    number_cipher: Mapped[str | None] = mapped_column(info=sealed("life_numbers", "number"))
    created_at: Mapped[datetime]


class NumberSearches(TenantTable):
    """The ID numbers, by their keyed hash, that a person searched for within the last hour."""

    __tablename__ = "number_searches"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    recent: Mapped[dict[str, Any]] = mapped_column(default=dict)
    searched_at: Mapped[datetime]


class AddressKind(StrEnum):
    """What an address is for."""

    RESIDENTIAL = "RESIDENTIAL"
    POSTAL = "POSTAL"


class CustomerAddress(TenantRecord):
    """One address of a customer, at most one of each kind."""

    __tablename__ = "customer_addresses"
    __table_args__ = (
        UniqueConstraint("org_id", "customer_id", "kind", name="customer_addresses_kind_key"),
        tenant_key("customers", "customer_id", ondelete="CASCADE"),
    )

    customer_id: Mapped[UUID]
    kind: Mapped[AddressKind]
    line1: Mapped[str]
    line2: Mapped[str] = mapped_column(default="")
    suburb: Mapped[str] = mapped_column(default="")
    city: Mapped[str]
    province: Mapped[str] = mapped_column(default="")
    postal_code: Mapped[str]
    country: Mapped[str] = mapped_column(default="ZA", server_default=text("'ZA'"))


class BankAccount(TenantRecord):
    """A bank account of a customer. The number is encrypted."""

    __tablename__ = "customer_bank_accounts"
    __table_args__ = (
        Index("customer_bank_accounts_customer_ix", "org_id", "customer_id"),
        tenant_key("customers", "customer_id", ondelete="CASCADE"),
    )

    customer_id: Mapped[UUID]
    holder: Mapped[str]
    bank: Mapped[str]
    branch_code: Mapped[str]
    account_type: Mapped[str]
    account_number_cipher: Mapped[str] = mapped_column(
        info=sealed("customer_bank_accounts", "account_number")
    )
    account_number_masked: Mapped[str]
    created_at: Mapped[datetime]
