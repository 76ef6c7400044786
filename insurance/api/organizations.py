"""Organizations in the API."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field, StrictBool

from insurance.api.edge import Answer, Body, ListQuery, created, endpoint, listing
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import NotFoundError
from insurance.core.paging import Page
from insurance.core.tenancy import current_org, tenant_scope
from insurance.identity.queries import list_memberships
from insurance.organizations import queries, services
from insurance.organizations.models import LicenceType
from insurance.organizations.permissions import OrganizationsMay, SettingsMay
from insurance.web.parsing import Amount, Money, Words


class NewOrganizationBody(Body):
    """A new insurer."""

    name: Words = Field(min_length=1, max_length=200)
    slug: Words = Field(min_length=3, max_length=40)
    description: Words = Field("", max_length=2000)
    licence_type: LicenceType = LicenceType.LIFE
    licensed_classes: list[Words] | None = Field(None, max_length=50)
    currency: Words = Field("ZAR", max_length=3)
    timezone: Words = Field("Africa/Johannesburg", max_length=60)


class OrganizationAnswer(Answer):
    """An insurer."""

    id: UUID
    name: str
    slug: str
    description: str
    licence_type: LicenceType
    licensed_classes: list[str]
    currency: str
    timezone: str
    created_at: datetime


@endpoint(
    "GET",
    "/organizations",
    query=ListQuery,
    answer=list[OrganizationAnswer],
    tag="Organizations",
)
def list_organizations(query: ListQuery):
    """List the organizations the caller belongs to; all of them for platform administrators."""
    found = queries.list_directory(
        db.session(), only=_within_reach(), cursor=query.cursor, limit=query.limit
    )
    ids = Page([entry.org_id for entry in found.items], found.next_cursor)
    return listing(ids, _answer)


@endpoint(
    "GET", "/organizations/<uuid:organization_id>", answer=OrganizationAnswer, tag="Organizations"
)
def get_organization(organization_id: UUID):
    """Return one organization."""
    reach = _within_reach()
    if reach is not None and organization_id not in reach:
        raise NotFoundError
    return _answer(organization_id)


@endpoint(
    "POST",
    "/organizations",
    may=OrganizationsMay.MANAGE,
    body=NewOrganizationBody,
    answer=OrganizationAnswer,
    status=201,
    tag="Organizations",
)
def create_organization(body: NewOrganizationBody):
    """Create an organization (platform administrators)."""
    new = services.NewOrganization(
        name=body.name,
        slug=body.slug,
        description=body.description,
        licence_type=body.licence_type,
        licensed_classes=None if body.licensed_classes is None else tuple(body.licensed_classes),
        currency=body.currency,
        timezone=body.timezone,
    )
    org_id = services.create_organization(new, now=clock.now())
    return created(_answer(org_id), "get_organization", organization_id=org_id)


class OrganizationSettingsAnswer(Answer):
    """What an organization's own administrators may change of it."""

    name: str
    description: str
    timezone: str
    requires_mfa: bool
    session_idle_minutes: int
    payment_limit: Money = Field(description="A payment above it takes two people")
    number_searches_per_hour: int
    launch_needs_second_person: bool
    replaced_quotes_are_repriced: bool = Field(
        description="A quote on a product version that was replaced since is priced again first"
    )
    version: int = Field(description="Counts edits; send it back with a change")


class OrganizationSettingsBody(Body):
    """The settings that shall be other than they are; `version` is the one you saw."""

    name: Words | None = Field(None, min_length=1, max_length=200)
    description: Words | None = Field(None, max_length=2000)
    timezone: Words | None = Field(None, max_length=60)
    requires_mfa: StrictBool | None = None
    session_idle_minutes: int | None = Field(None, ge=5, le=720)
    payment_limit: Amount | None = None
    number_searches_per_hour: int | None = Field(None, ge=1, le=1000)
    launch_needs_second_person: StrictBool | None = None
    replaced_quotes_are_repriced: StrictBool | None = None
    version: int = Field(ge=1, le=2**31)


@endpoint(
    "GET",
    "/settings",
    may=SettingsMay.VIEW,
    answer=OrganizationSettingsAnswer,
    tag="Organizations",
)
def get_settings() -> Any:
    """Return the organization's own settings."""
    return queries.get_organization(db.session())


@endpoint(
    "PUT",
    "/settings",
    may=SettingsMay.EDIT,
    body=OrganizationSettingsBody,
    answer=OrganizationSettingsAnswer,
    tag="Organizations",
)
def change_settings(body: OrganizationSettingsBody) -> Any:
    """Change settings of the organization; what is left out stays as it is."""
    wanted = body.model_dump(exclude={"version"}, exclude_none=True)
    present = queries.get_organization(db.session())
    fields = services.OrganizationSettings.__dataclass_fields__
    settings = services.OrganizationSettings(
        **{name: wanted.get(name, getattr(present, name)) for name in fields}
    )
    services.change_settings(settings, version=body.version, now=clock.now())
    return queries.get_organization(db.session())


def _within_reach() -> list[UUID] | None:
    """Return the organizations the caller may read; None for all of them.

    An API key reads its own alone, and the ids of others look like ids that nobody has.
    """
    actor = current_actor()
    if actor.may(OrganizationsMay.VIEW):
        return None
    if actor.scopes is not None or actor.user_id is None:
        return [current_org()]
    return [row.org_id for row in list_memberships(db.session(), actor.user_id)]


def _answer(org_id: UUID) -> OrganizationAnswer:
    with tenant_scope(org_id):
        session = db.session()
        found = queries.get_insurer(session)
        return OrganizationAnswer(
            id=found.org_id,
            licensed_classes=queries.list_licensed_classes(session),
            **{
                name: getattr(found, name)
                for name in OrganizationAnswer.model_fields
                if name not in ("id", "licensed_classes")
            },
        )
