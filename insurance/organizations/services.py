"""Creating organizations and changing their settings."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.db import constraint_of, db, transaction
from insurance.core.errors import DomainError, StaleError
from insurance.core.ids import new_id
from insurance.core.tenancy import current_org, platform_scope, tenant_scope
from insurance.organizations import queries, rules
from insurance.organizations.models import (
    LicensedClass,
    LicenceType,
    Organization,
    OrganizationEntry,
    OrganizationKind,
)

_opening_steps: list[Callable[[Session], None]] = []

_SHARED = (
    "kind name slug licence_type timezone currency requires_mfa session_idle_minutes created_at"
).split()


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
    currency: str
    requires_mfa: bool
    session_idle_minutes: int


def on_opening(step: Callable[[Session], None]) -> None:
    """Register what a higher area must set up for every new organization, such as its accounts."""
    if step not in _opening_steps:
        _opening_steps.append(step)


def create_organization(new: NewOrganization, *, now: datetime, org_id: UUID | None = None) -> UUID:
    """Create an insurer with its directory entry, licence and books.

    Without `licensed_classes` the licence names every class of its kind. Raises DomainError at the
    field that is wrong; a slug in use is refused at `slug`.
    """
    rules.check_slug(new.slug)
    rules.check_settings(new.timezone, new.currency, 30)
    if not new.name.strip():
        raise DomainError("Enter a name.", field="name")
    with platform_scope():
        categories = _categories(db.session())
    codes = new.licensed_classes
    if codes is None:
        codes = tuple(
            code for code, category in categories.items() if new.licence_type in (category, "MICRO")
        )
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


def change_settings(settings: OrganizationSettings, *, version: int, now: datetime) -> None:
    """Change the settings of the organization in scope.

    Raises StaleError where somebody saved since `version`.
    """
    rules.check_settings(settings.timezone, settings.currency, settings.session_idle_minutes)
    if not settings.name.strip():
        raise DomainError("Enter a name.", field="name")
    with transaction() as session:
        organization = queries.get_organization(session, lock=True)
        before = {name: getattr(organization, name) for name in OrganizationSettings.__slots__}
        wanted = {name: getattr(settings, name) for name in OrganizationSettings.__slots__}
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


def change_licence(
    org_id: UUID, *, licence_type: str, codes: tuple[str, ...], now: datetime
) -> None:
    """Change what an insurer is licensed for (platform administrators)."""
    with tenant_scope(org_id):
        with transaction() as session:
            rules.check_licence(licence_type, codes, _categories(session))
            organization = queries.get_organization(session, lock=True)
            before = {
                "licence_type": organization.licence_type,
                "licensed_classes": queries.list_licensed_classes(session),
            }
            _apply(session, organization, {"licence_type": LicenceType(licence_type)}, now)
            session.execute(delete(LicensedClass).where(LicensedClass.org_id == org_id))
            _license(session, codes)
            record(
                session,
                action="organizations.change_licence",
                resource="organizations",
                resource_id=org_id,
                before=before,
                after={"licence_type": licence_type, "licensed_classes": sorted(codes)},
            )


def _create(
    session: Session, new: NewOrganization, codes: tuple[str, ...], now: datetime
) -> None:
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


def _license(session: Session, codes: tuple[str, ...]) -> None:
    if codes:
        session.execute(
            insert(LicensedClass),
            [{"org_id": current_org(), "class_code": code} for code in sorted(set(codes))],
        )


def _categories(session: Session) -> dict[str, str]:
    return {found.code: found.category.value for found in queries.list_product_classes(session)}
