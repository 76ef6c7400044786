"""Creating organizations and changing their settings."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.db import constraint_of, db, transaction
from insurance.core.errors import DomainError, StaleError
from insurance.core.ids import new_id
from insurance.core.money import ZERO
from insurance.core.permissions import GrantChange
from insurance.core.tenancy import current_org, platform_scope, tenant_scope
from insurance.organizations import queries, rules
from insurance.organizations.models import (
    LicenceType,
    LicensedClass,
    Organization,
    OrganizationEntry,
    OrganizationKind,
)

_opening_steps: list[Callable[[Session], None]] = []

_SHARED = [
    "kind",
    "name",
    "slug",
    "licence_type",
    "timezone",
    "currency",
    "requires_mfa",
    "session_idle_minutes",
    "created_at",
]


@dataclass(frozen=True, slots=True)
class NewOrganization:
    """What a platform administrator says of a new insurer."""

    name: str
    slug: str
    description: str = ""
    licence_type: str = "LIFE"
    licensed_classes: tuple[str, ...] | None = None
    currency: str = "ZAR"
    timezone: str = "Africa/Johannesburg"


@dataclass(frozen=True, slots=True)
class OrganizationSettings:
    """What an organization's own administrators may change."""

    name: str
    description: str
    timezone: str
    requires_mfa: bool
    session_idle_minutes: int
    payment_limit: Decimal
    number_searches_per_hour: int = 30
    launch_needs_second_person: bool = False
    replaced_quotes_are_repriced: bool = False


@dataclass(frozen=True, slots=True)
class OrganizationProfile:
    """What a platform administrator may change of an insurer."""

    name: str
    description: str
    licence_type: str
    licensed_classes: tuple[str, ...]


def on_opening(step: Callable[[Session], None]) -> None:
    """Register what a higher area must set up for every new organization, such as its accounts."""
    if step not in _opening_steps:
        _opening_steps.append(step)


def create_organization(new: NewOrganization, *, now: datetime, org_id: UUID | None = None) -> UUID:
    """Create an insurer with its directory entry, licence and books.

    Without `licensed_classes` the licence names every class of its kind. Raises DomainError at the
    field that is wrong; a slug in use is refused at `slug`.
    """
    rules.check_name(new.name)
    rules.check_slug(new.slug)
    rules.check_settings(new.timezone, new.currency, 30)
    with platform_scope():
        categories = _categories(db.session())
    codes = new.licensed_classes
    if codes is None:
        codes = rules.classes_of(new.licence_type, categories)
    rules.check_licence(new.licence_type, codes, categories)
    org_id = org_id or new_id()
    with tenant_scope(org_id):
        try:
            with transaction() as session:
                _create(session, new, codes, now)
        except IntegrityError as error:
            if constraint_of(error) == "org_directory_slug_key":
                raise DomainError("This slug is in use.", field="slug") from error
            raise
    return org_id


def edit_organization(
    org_id: UUID, profile: OrganizationProfile, *, version: int, now: datetime
) -> None:
    """Change an insurer's name and licence, from the platform's side.

    The slug stays: bookmarks and programs carry it. Raises StaleError where somebody saved since
    `version`.
    """
    rules.check_name(profile.name)
    wanted = asdict(profile) | {"licensed_classes": sorted(set(profile.licensed_classes))}
    with tenant_scope(org_id), transaction() as session:
        organization = queries.get_insurer(session, lock=True)
        codes = queries.list_licensed_classes(session)
        before = _profile_of(organization, codes)
        if organization.version != version:
            raise StaleError("Somebody else saved first.", theirs=before, yours=wanted)
        rules.check_licence(profile.licence_type, wanted["licensed_classes"], _categories(session))
        values = {name: value for name, value in wanted.items() if name != "licensed_classes"}
        values["licence_type"] = LicenceType(profile.licence_type)
        _apply(session, organization, values, now)
        _replace_classes(session, set(codes), set(wanted["licensed_classes"]))
        record(
            session,
            action="organizations.edit",
            resource="organizations",
            resource_id=org_id,
            before=before,
            after=wanted,
        )


def change_settings(settings: OrganizationSettings, *, version: int, now: datetime) -> None:
    """Change the settings of the organization in scope.

    Raises StaleError where somebody saved since `version`.
    """
    rules.check_name(settings.name)
    wanted = asdict(settings)
    if settings.payment_limit <= ZERO:
        raise DomainError("The limit is more than nothing.", field="payment_limit")
    with transaction() as session:
        organization = queries.get_organization(session, lock=True)
        rules.check_settings(
            settings.timezone,
            organization.currency,
            settings.session_idle_minutes,
            settings.number_searches_per_hour,
        )
        before = {name: getattr(organization, name) for name in wanted}
        if organization.version != version:
            raise StaleError("Somebody else saved first.", theirs=before, yours=wanted)
        _apply(session, organization, wanted, now)
        record(
            session,
            action="organizations.change_settings",
            resource="organizations",
            resource_id=organization.org_id,
            before=before,
            after=wanted,
        )


def repeat_grant_changes(session: Session, changes: Sequence[GrantChange]) -> None:
    """Repeat in the directory where the roles of the organization in scope differ from default."""
    queries.get_entry(session, current_org()).grant_changes = [list(change) for change in changes]


def _create(session: Session, new: NewOrganization, codes: tuple[str, ...], now: datetime) -> None:
    organization = Organization(
        kind=OrganizationKind.INSURER,
        name=new.name,
        slug=new.slug,
        description=new.description,
        licence_type=LicenceType(new.licence_type),
        currency=new.currency,
        timezone=new.timezone,
        requires_mfa=False,
        session_idle_minutes=30,
        created_at=now,
        updated_at=now,
    )
    session.add(organization)
    session.add(
        OrganizationEntry(
            org_id=current_org(), **{name: getattr(organization, name) for name in _SHARED}
        )
    )
    session.flush()
    _license(session, codes)
    for step in _opening_steps:
        step(session)
    record(
        session,
        action="organizations.create",
        resource="organizations",
        resource_id=current_org(),
        after={
            "name": new.name,
            "slug": new.slug,
            "licence_type": new.licence_type,
            "licensed_classes": sorted(codes),
        },
    )


def _apply(
    session: Session, organization: Organization, values: dict[str, Any], now: datetime
) -> None:
    """Write values to the organization and, where they are repeated there, to the directory."""
    entry = queries.get_entry(session, organization.org_id)
    for name, value in values.items():
        setattr(organization, name, value)
        if name in _SHARED:
            setattr(entry, name, value)
    organization.version += 1
    organization.updated_at = now


def _profile_of(organization: Organization, codes: list[str]) -> dict[str, Any]:
    return {
        "name": organization.name,
        "description": organization.description,
        "licence_type": str(organization.licence_type),
        "licensed_classes": codes,
    }


def _replace_classes(session: Session, held: set[str], wanted: set[str]) -> None:
    session.execute(
        delete(LicensedClass).where(
            LicensedClass.org_id == current_org(), LicensedClass.class_code.in_(held - wanted)
        )
    )
    _license(session, tuple(wanted - held))


def _license(session: Session, codes: tuple[str, ...]) -> None:
    if codes:
        session.execute(
            insert(LicensedClass),
            [{"org_id": current_org(), "class_code": code} for code in sorted(set(codes))],
        )


def _categories(session: Session) -> dict[str, str]:
    return {found.code: found.category.value for found in queries.list_product_classes(session)}
