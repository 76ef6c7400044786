"""The platform's list of insurers: create one, edit it, invite its administrators."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from flask import Response, current_app, url_for
from sqlalchemy.orm import Session
from wtforms import HiddenField, SelectMultipleField

from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError, NotFoundError
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.core.text import slug_of
from insurance.identity.queries import (
    Colleague,
    count_members,
    get_colleague,
    list_colleagues,
    list_open_invitations,
)
from insurance.identity.rules import check_email
from insurance.identity.services import invite_administrator, resend_invitation
from insurance.organizations import queries, rules, services
from insurance.organizations.models import Category, LicenceType, Organization, OrganizationEntry
from insurance.organizations.permissions import OrganizationsMay
from insurance.web import lists
from insurance.web.access import requires, tenant_blueprint
from insurance.web.acts import Act, act_screen
from insurance.web.forms import ChoiceField, Form, Required, TextField
from insurance.web.html import go, page, refuse

bp = tenant_blueprint("organizations", __name__, "/organizations")
_LICENCES = [
    (LicenceType.LIFE.value, "Life"),
    (LicenceType.NON_LIFE.value, "Non-life"),
    (LicenceType.MICRO.value, "Microinsurer"),
]


class ProfileForm(Form):
    """An insurer's name and what it may write."""

    name = TextField("Name", [Required()])
    description = TextField("Description", longest=2000)
    licence_type = ChoiceField("Licence", choices=_LICENCES)
    life_classes = SelectMultipleField("Life classes")
    non_life_classes = SelectMultipleField("Non-life classes")
    version = HiddenField()

    @property
    def codes(self) -> tuple[str, ...]:
        """Return the codes of every ticked class."""
        return (*(self.life_classes.data or ()), *(self.non_life_classes.data or ()))

    def offer_classes(self) -> None:
        """Fill the lists of classes."""
        classes = queries.list_product_classes(db.session())
        for field, category in (
            (self.life_classes, Category.LIFE),
            (self.non_life_classes, Category.NON_LIFE),
        ):
            field.choices = [
                (class_.code, class_.name) for class_ in classes if class_.category is category
            ]


class OrganizationForm(ProfileForm):
    """A new insurer."""

    slug = TextField("Short name in addresses", longest=40)
    currency = ChoiceField("Currency", choices=[(one, one) for one in rules.CURRENCIES])
    timezone = ChoiceField(
        "Time zone", choices=[(one, one) for one in rules.ZONES], default="Africa/Johannesburg"
    )
    admin_name = TextField("First administrator's name")
    admin_email = TextField("First administrator's e-mail address", longest=254)


class AdministratorForm(Form):
    """Whom to invite as an administrator."""

    admin_name = TextField("Name", [Required()])
    admin_email = TextField("E-mail address", [Required()], longest=254)


@bp.route("", methods=["GET", "POST"])
@requires(OrganizationsMay.VIEW)
def index() -> Response:
    """List the insurers on the platform."""
    return lists.show(_ORGANIZATIONS)


@bp.route("/new", methods=["GET", "POST"])
@requires(OrganizationsMay.MANAGE)
def create() -> Response:
    """Create an insurer; an administrator named here gets an invitation."""
    form = OrganizationForm()
    form.offer_classes()
    back = url_for(".index")
    crumbs = [("Organizations", back)]
    return act_screen(
        Act("New organization", "Create organization", back, crumbs, leave="Cancel"),
        form,
        lambda: _create(form),
        lambda _made: f"{form.name.data} was created.",
        then=lambda org_id: url_for(".edit", organization_id=org_id),
        template="organizations/create.html",
    )


@bp.route("/<uuid:organization_id>", methods=["GET", "POST"])
@requires(OrganizationsMay.MANAGE)
def edit(organization_id: UUID) -> Response:
    """Show an insurer; change its name and licence."""
    organization, licensed = _read(organization_id)
    form = ProfileForm(data=_values(organization, licensed))
    form.offer_classes()
    if form.validate_on_submit():
        try:
            services.edit_organization(
                organization_id,
                _profile(form),
                version=rules.read_version(form.version.data),
                now=clock.now(),
            )
        except DomainError as error:
            refuse(form, error)
        else:
            return go(
                url_for(".edit", organization_id=organization_id), f"{form.name.data} was saved."
            )
    return page(
        "organizations/edit.html",
        part="profile_form",
        status=form.status,
        form=form,
        organization=organization,
        invitation=AdministratorForm(formdata=None),
        administrators=_administrators(organization_id),
    )


@bp.post("/<uuid:organization_id>/administrators")
@requires(OrganizationsMay.MANAGE)
def invite(organization_id: UUID) -> Response:
    """Invite an administrator to an insurer."""
    organization, licensed = _read(organization_id)
    form = AdministratorForm()
    if form.validate_on_submit():
        try:
            _invite(organization_id, form.admin_name.data or "", form.admin_email.data or "")
        except DomainError as error:
            _refuse_invitation(form, error)
        else:
            return go(
                url_for(".edit", organization_id=organization_id),
                f"{form.admin_email.data} was invited to {organization.name}.",
            )
    profile = ProfileForm(formdata=None, data=_values(organization, licensed))
    profile.offer_classes()
    return page(
        "organizations/edit.html",
        part="administrator_form",
        status=form.status,
        form=profile,
        organization=organization,
        invitation=form,
        administrators=_administrators(organization_id),
    )


@bp.post("/<uuid:organization_id>/administrators/<uuid:user_id>/invite-again")
@requires(OrganizationsMay.MANAGE)
def invite_again(organization_id: UUID, user_id: UUID) -> Response:
    """Mail a new link to an administrator of an insurer who has not arrived yet."""
    organization, _licensed = _read(organization_id)
    with tenant_scope(organization.org_id):
        if Role.TENANT_ADMINISTRATOR not in get_colleague(db.session(), user_id).roles:
            raise NotFoundError
        base_url = current_app.config["SETTINGS"].base_url
        email = resend_invitation(user_id, base_url=base_url, now=clock.now())
    back = url_for(".edit", organization_id=organization_id)
    return go(back, f"A new invitation is on its way to {email}.")


class _Administrator(NamedTuple):
    """Who administers an insurer, or is invited to, and until when the link works."""

    colleague: Colleague
    invited_until: datetime | None


def _administrators(organization_id: UUID) -> list[_Administrator]:
    with tenant_scope(organization_id):
        invited = list_open_invitations(db.session(), clock.now())
        people = list_colleagues(db.session(), limit=500).items
        return [
            _Administrator(person, invited.get(person.user.id))
            for person in people
            if Role.TENANT_ADMINISTRATOR in person.roles
        ]


def _create(form: OrganizationForm) -> UUID:
    if form.admin_email.data:
        # Looked at before anything is made: a slip here must not leave half of it behind.
        form.admin_email.data = _checked_email(form.admin_email.data)
    org_id = services.create_organization(
        services.NewOrganization(
            name=form.name.data or "",
            slug=form.slug.data or slug_of(form.name.data or "", 40),
            description=form.description.data or "",
            licence_type=form.licence_type.data,
            licensed_classes=form.codes or None,
            currency=form.currency.data,
            timezone=form.timezone.data,
        ),
        now=clock.now(),
    )
    if form.admin_email.data:
        _invite(org_id, form.admin_name.data or form.admin_email.data, form.admin_email.data)
    return org_id


def _invite(org_id: UUID, name: str, email: str) -> None:
    invite_administrator(
        org_id,
        email=email,
        name=name,
        base_url=current_app.config["SETTINGS"].base_url,
        now=clock.now(),
    )


def _checked_email(text: str) -> str:
    try:
        return check_email(text)
    except DomainError as error:
        raise DomainError(error.message, field="admin_email") from error


def _refuse_invitation(form: AdministratorForm, error: DomainError) -> None:
    for single in error.errors:
        single.field = f"admin_{single.field}" if single.field else None
    refuse(form, error)


def _read(organization_id: UUID) -> tuple[Organization, list[str]]:
    with tenant_scope(organization_id):
        session = db.session()
        return queries.get_insurer(session), queries.list_licensed_classes(session)


def _values(organization: Organization, licensed: list[str]) -> dict[str, Any]:
    return {
        "name": organization.name,
        "description": organization.description,
        "licence_type": str(organization.licence_type),
        "life_classes": licensed,
        "non_life_classes": licensed,
        "version": organization.version,
    }


def _profile(form: ProfileForm) -> services.OrganizationProfile:
    return services.OrganizationProfile(
        name=form.name.data or "",
        description=form.description.data or "",
        licence_type=form.licence_type.data,
        licensed_classes=form.codes,
    )


class _Row(NamedTuple):
    """An insurer and how many people belong to it."""

    entry: OrganizationEntry
    people: int


def _rows(session: Session, narrowed: Mapping[str, Any]) -> list[_Row]:
    entries = lists.whole(queries.list_directory)(session, narrowed)
    people = count_members(session, [entry.org_id for entry in entries])
    return [_Row(entry, people.get(entry.org_id, 0)) for entry in entries]


def _org_id(row: _Row) -> UUID:
    return row.entry.org_id


_ORGANIZATIONS = lists.ListScreen(
    title="Organizations",
    rows_of=_rows,
    id_of=_org_id,
    record=("organizations.edit", "organization_id"),
    columns=lists.columns(
        "entry.name: Name | entry.slug: Short name, muted",
        "entry.licence_type: Licence, code, key | people: People, number",
        "second_factor: Second factor | entry.currency: Currency | entry.timezone: Time zone",
        "created_at: Since, day",
        second_factor=lambda row: "Everybody" if row.entry.requires_mfa else "By choice",
        created_at=lambda row: row.entry.created_at.date(),
    ),
    buttons=[lists.new("New organization", "organizations.create", OrganizationsMay.MANAGE)],
    empty=lists.Empty(
        "There are no insurers yet",
        "An organization is an insurer with its own people, products and books.",
        "Create the first one",
    ),
    rows=50,
)
