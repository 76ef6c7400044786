"""The platform's list of insurers: create one, change its licence, invite its first administrator."""

from uuid import UUID

from flask import Response, current_app, url_for
from wtforms import SelectField, SelectMultipleField

from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError, NotFoundError
from insurance.core.permissions import May, Role
from insurance.core.tenancy import tenant_scope
from insurance.identity.services import invite
from insurance.organizations import queries, rules, services
from insurance.organizations.models import LicenceType
from insurance.web.access import requires, tenant_blueprint
from insurance.web.forms import Form, Required, TextField
from insurance.web.html import go, page, refuse

bp = tenant_blueprint("organizations", __name__, "/organizations")
_LICENCES = [(one.value, one.value.replace("_", "-").capitalize()) for one in LicenceType]


class LicenceForm(Form):
    """What an insurer may write."""

    licence_type = SelectField("Licence", choices=_LICENCES)
    licensed_classes = SelectMultipleField("Licensed classes")


class OrganizationForm(LicenceForm):
    """A new insurer."""

    name = TextField("Name", [Required()])
    slug = TextField("Slug", [Required()], longest=40)
    description = TextField("Description", longest=2000)
    currency = SelectField("Currency", choices=[(one, one) for one in rules.CURRENCIES])
    timezone = TextField("Time zone", [Required()], default="Africa/Johannesburg", longest=60)
    admin_name = TextField("First administrator's name")
    admin_email = TextField("First administrator's e-mail address", longest=254)


@bp.route("")
@requires(May.ORGANIZATIONS_VIEW)
def index() -> Response:
    """List the insurers on the platform."""
    return page("organizations/index.html", entries=queries.list_directory(db.session()))


@bp.route("/new", methods=["GET", "POST"])
@requires(May.ORGANIZATIONS_MANAGE)
def create() -> Response:
    """Create an insurer; an administrator named here gets an invitation."""
    form = OrganizationForm()
    _offer_classes(form)
    if form.validate_on_submit():
        try:
            org_id = _create(form)
        except DomainError as error:
            refuse(form, error)
        else:
            return go(
                url_for("organizations.edit", organization_id=org_id), f"{form.name.data} was created."
            )
    return page(
        "organizations/create.html", part="organization_form", status=form.status, form=form
    )


@bp.route("/<uuid:organization_id>", methods=["GET", "POST"])
@requires(May.ORGANIZATIONS_MANAGE)
def edit(organization_id: UUID) -> Response:
    """Show an insurer and change what it is licensed for."""
    entry = queries.get_entry(db.session(), organization_id)
    if entry.licence_type is None:
        raise NotFoundError
    with tenant_scope(organization_id):
        licensed = queries.list_licensed_classes(db.session())
        organization = queries.get_organization(db.session())
    form = LicenceForm(data={"licence_type": entry.licence_type.value, "licensed_classes": licensed})
    _offer_classes(form)
    if form.validate_on_submit():
        try:
            services.change_licence(
                organization_id,
                licence_type=form.licence_type.data,
                codes=tuple(form.licensed_classes.data),
                now=clock.now(),
            )
        except DomainError as error:
            refuse(form, error)
        else:
            return go(url_for("organizations.index"), f"The licence of {entry.name} was changed.")
    return page(
        "organizations/edit.html",
        part="licence_form",
        status=form.status,
        form=form,
        organization=organization,
    )


def _create(form: OrganizationForm) -> UUID:
    now = clock.now()
    org_id = services.create_organization(
        services.NewOrganization(
            name=form.name.data,
            slug=form.slug.data,
            description=form.description.data or "",
            licence_type=form.licence_type.data,
            licensed_classes=tuple(form.licensed_classes.data) or None,
            currency=form.currency.data,
            timezone=form.timezone.data,
        ),
        now=now,
    )
    if form.admin_email.data:
        with tenant_scope(org_id):
            invite(
                email=form.admin_email.data,
                name=form.admin_name.data or form.admin_email.data,
                roles=frozenset({Role.TENANT_ADMINISTRATOR}),
                base_url=current_app.config["SETTINGS"].base_url,
                organization=form.name.data,
                now=now,
            )
    return org_id


def _offer_classes(form: LicenceForm) -> None:
    form.licensed_classes.choices = [
        (one.code, f"{one.name} ({one.category.value.replace('_', '-').lower()})")
        for one in queries.list_product_classes(db.session())
    ]
