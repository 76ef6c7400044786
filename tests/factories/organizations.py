"""Organizations for tests."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import insert, select

from insurance.core import clock
from insurance.core.db import db
from insurance.core.ids import new_id
from insurance.core.tenancy import tenant_scope
from insurance.ledger.services import open_chart
from insurance.organizations.models import (
    LicenceType,
    LicensedClass,
    Organization,
    OrganizationEntry,
    OrganizationKind,
    ProductClass,
)
from insurance.senders.services import open_senders


@dataclass(frozen=True)
class OrganizationFacts:
    """What a test needs to know of an organization."""

    id: UUID
    slug: str
    name: str


def make_organization(*, licence_type: str = "LIFE", **settings: object) -> OrganizationFacts:
    """Return a new insurer that may write every class of its licence, with its accounts."""
    org_id, now = new_id(), clock.now()
    facts = OrganizationFacts(org_id, f"org-{org_id.hex[-12:]}", f"Insurer {org_id.hex[-6:]}")
    common = {
        "kind": OrganizationKind.INSURER,
        "name": facts.name,
        "slug": facts.slug,
        "licence_type": LicenceType(licence_type),
        "timezone": "Africa/Johannesburg",
        "currency": "ZAR",
        "requires_mfa": False,
        "session_idle_minutes": 30,
        "created_at": now,
    } | settings
    with tenant_scope(org_id):
        session = db.session()
        session.add(Organization(org_id=org_id, updated_at=now, **common))
        session.add(OrganizationEntry(org_id=org_id, **common))
        session.flush()
        codes = session.scalars(
            select(ProductClass.code).where(ProductClass.category == licence_type)
        )
        session.execute(
            insert(LicensedClass), [{"org_id": org_id, "class_code": code} for code in codes]
        )
        open_chart(session)
        open_senders(session)
        session.commit()
    return facts
