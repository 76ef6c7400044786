"""The people of an organization: invite, change roles, and what each role may do."""

from uuid import UUID

from flask import Response, current_app, url_for
from wtforms import SelectMultipleField

from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.permissions import GRANTS, TENANT_ROLES, May, Role
from insurance.core.tenancy import PLATFORM_ORG_ID
from insurance.identity import queries, services
from insurance.web.access import current_tenant, requires, tenant_blueprint
from insurance.web.forms import Form, Required, TextField
from insurance.web.html import go, page, refuse

bp = tenant_blueprint("people", __name__, "/people")


class RolesForm(Form):
    """What a person is here."""

    roles = SelectMultipleField("Roles")


class InviteForm(RolesForm):
    """Whom to invite."""

    name = TextField("Name", [Required()])
    email = TextField("E-mail address", [Required()], longest=254)


@bp.route("")
@requires(May.PEOPLE_VIEW)
def index() -> Response:
    """List the people and their roles."""
    return page("organizations/people.html", colleagues=queries.list_colleagues(db.session()))


@bp.route("/permissions")
@requires(May.PEOPLE_VIEW)
def permissions() -> Response:
    """Show which role may do what."""
    return page("organizations/permissions.html", roles=_roles_here(), permissions=list(May), grants=GRANTS)


@bp.route("/invite", methods=["GET", "POST"])
@requires(May.PEOPLE_MANAGE)
def invite() -> Response:
    """Invite somebody by mail."""
    form = InviteForm()
    form.roles.choices = [(role.value, role.label) for role in _roles_here()]
    if form.validate_on_submit():
        try:
            from insurance.customers.rules import read_email

            services.invite(
                email=read_email(form.email.data),
                name=form.name.data,
                roles=frozenset(Role(role) for role in form.roles.data),
                base_url=current_app.config["SETTINGS"].base_url,
                organization=current_tenant().name,
                now=clock.now(),
            )
        except DomainError as error:
            refuse(form, error)
        else:
            return go(url_for("people.index"), f"{form.name.data} was invited.")
    return page("organizations/invite.html", part="invite_form", status=form.status, form=form)


@bp.route("/<uuid:user_id>", methods=["GET", "POST"])
@requires(May.PEOPLE_MANAGE)
def edit(user_id: UUID) -> Response:
    """Change a person's roles; no role at all ends the membership."""
    colleague = queries.get_colleague(db.session(), user_id)
    form = RolesForm(data={"roles": [role.value for role in colleague.roles]})
    form.roles.choices = [(role.value, role.label) for role in _roles_here()]
    if form.validate_on_submit():
        try:
            wanted = frozenset(Role(role) for role in form.roles.data or [])
            services.change_roles(user_id, wanted, now=clock.now())
        except DomainError as error:
            refuse(form, error)
        else:
            return go(url_for("people.index"), f"{colleague.user.name}: roles changed.")
    return page(
        "organizations/person.html",
        part="roles_form",
        status=form.status,
        form=form,
        colleague=colleague,
    )


def _roles_here() -> tuple[Role, ...]:
    is_platform = current_tenant().id == PLATFORM_ORG_ID
    return (Role.PLATFORM_ADMINISTRATOR,) if is_platform else TENANT_ROLES
