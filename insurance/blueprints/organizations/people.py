"""The people of an organization: invite, change roles, remove, and what each role may do."""

from collections.abc import Sequence
from itertools import groupby
from uuid import UUID

from flask import Response, current_app, request, url_for
from markupsafe import Markup
from wtforms import HiddenField, SelectMultipleField, ValidationError

from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import DomainError, NotFoundError
from insurance.core.permissions import (
    TENANT_ROLES,
    Permission,
    Role,
    granted_to,
    list_permissions,
    permissions_named,
)
from insurance.identity import queries, services
from insurance.identity.permissions import PeopleMay
from insurance.identity.rules import check_email
from insurance.web.access import current_tenant, requires, tenant_blueprint
from insurance.web.acts import Act, act_screen
from insurance.web.forms import Form, Required, SureForm, TextField, clean_text
from insurance.web.html import go, next_url, page, refuse

bp = tenant_blueprint("people", __name__, "/people")


class RolesForm(Form):
    """What a person is here."""

    roles = SelectMultipleField("Roles")

    def validate_roles(self, field: SelectMultipleField) -> None:
        """Refuse nothing at all: who has no role does not belong."""
        if not field.data:
            raise ValidationError("Choose at least one.")


class InviteForm(RolesForm):
    """Whom to invite."""

    name = TextField("Name", [Required()])
    email = TextField(
        "E-mail address",
        [Required()],
        longest=254,
        description="A link to choose a password goes there; it works for seven days.",
    )
    # Again, so that it comes last in the summary of problems as it does on the page.
    roles = SelectMultipleField("Roles")

    def validate_email(self, field: TextField) -> None:
        """Refuse what is not an address together with whatever else is wrong."""
        try:
            check_email(field.data or "")
        except DomainError as error:
            raise ValidationError(error.message) from error


class PermissionsForm(Form):
    """What a role may do; of what the person saw, only what was changed is changed."""

    permissions = SelectMultipleField(
        "Permissions", description="Counts from everybody's next page on."
    )
    seen = HiddenField()


@bp.get("")
@requires(PeopleMay.VIEW)
def index() -> Response:
    """List the people and their roles."""
    session, search = db.session(), clean_text(request.args.get("q", ""))[:200].replace("\0", "")
    found = queries.list_colleagues(session, search=search, cursor=request.args.get("cursor"))
    return page(
        "people/index.html",
        part="people",
        found=found,
        search=search,
        invitations=queries.list_open_invitations(session, clock.now()),
        next_url=next_url(found),
    )


@bp.get("/permissions")
@requires(PeopleMay.VIEW)
def permissions() -> Response:
    """Show which role may do what."""
    roles, changes = queries.list_roles_here(), current_actor().grant_changes
    return page(
        "people/permissions.html",
        roles=roles,
        changed={(change.role, change.permission) for change in changes},
        permissions=_permissions_of(roles),
        granted={role: granted_to(frozenset({role}), changes) for role in roles},
        can_change=TENANT_ROLES,
    )


@bp.route("/permissions/<role>", methods=["GET", "POST"])
@requires(PeopleMay.MANAGE)
def change_permissions(role: str) -> Response:
    """Change what a role may do here."""
    if role not in TENANT_ROLES or role not in queries.list_roles_here():
        raise NotFoundError
    changed_role, changes = Role(role), current_actor().grant_changes
    granted = sorted(granted_to(frozenset({changed_role}), changes))
    form = PermissionsForm(data={"permissions": granted, "seen": " ".join(granted)})
    form.permissions.choices = {
        resource: [(permission.value, permission.verb) for permission in offered]
        for resource, offered in groupby(_permissions_of(TENANT_ROLES), lambda one: one.resource)
    }

    def change() -> None:
        chosen = permissions_named(form.permissions.data or [])
        seen = permissions_named((form.seen.data or "").split())
        services.change_role_grants(
            changed_role, granted=chosen - seen, taken=seen - chosen, now=clock.now()
        )

    title, back = f"{changed_role.label}: what the role may do", url_for(".permissions")
    crumbs = [("People", url_for(".index")), ("Roles and permissions", back)]
    act = Act(title, "Save permissions", back, crumbs, leave="Cancel")
    return act_screen(act, form, change, f"{title} was changed.")


@bp.route("/invite", methods=["GET", "POST"])
@requires(PeopleMay.MANAGE)
def invite() -> Response:
    """Invite somebody by mail."""
    form, back = InviteForm(), url_for(".index")
    form.roles.choices = _role_choices()
    form.roles.description = Markup('<a href="{}">What each role may do</a>').format(
        url_for(".permissions")
    )
    return act_screen(
        Act("Invite somebody", "Send invitation", back, [("People", back)], leave="Cancel"),
        form,
        lambda: services.invite(
            email=form.email.data or "",
            name=form.name.data or "",
            roles=_chosen(form),
            base_url=_base_url(),
            now=clock.now(),
        ),
        lambda _invited: f"{form.email.data} was invited.",
    )


@bp.route("/<uuid:user_id>", methods=["GET", "POST"])
@requires(PeopleMay.MANAGE)
def edit(user_id: UUID) -> Response:
    """Change what a person is here."""
    session = db.session()
    colleague = queries.get_colleague(session, user_id)
    invitations = queries.list_open_invitations(session, clock.now())
    form = RolesForm(data={"roles": [role.value for role in colleague.roles]})
    form.roles.choices = _role_choices()
    if form.validate_on_submit():
        try:
            services.change_roles(user_id, _chosen(form), now=clock.now())
        except DomainError as error:
            refuse(form, error)
        else:
            return go(url_for(".index"), f"The roles of {colleague.name} were changed.")
    return page(
        "people/edit.html",
        part="roles_form",
        status=form.status,
        form=form,
        colleague=colleague,
        invited_until=invitations.get(user_id),
    )


@bp.route("/<uuid:user_id>/remove", methods=["GET", "POST"])
@requires(PeopleMay.MANAGE)
def remove(user_id: UUID) -> Response:
    """Ask, then end a person's membership."""
    colleague, here = queries.get_colleague(db.session(), user_id), current_tenant().name
    people, back = url_for(".index"), url_for(".edit", user_id=user_id)
    act = Act(
        f"Remove {colleague.name}",
        f"Remove from {here}",
        back,
        [("People", people), (colleague.name, back)],
        says=f"{colleague.name} ({colleague.user.email}) can no longer see or do anything in {here},"
        " from the next click on. Their API keys here stop working. What they did stays in the"
        " audit log, and you can invite them again.",
        leave="Cancel",
        is_danger=True,
    )
    return act_screen(
        act,
        SureForm(),
        lambda: services.change_roles(user_id, frozenset(), now=clock.now()),
        f"{colleague.name} no longer belongs to {here}.",
        then=people,
    )


@bp.post("/<uuid:user_id>/invite-again")
@requires(PeopleMay.MANAGE)
def invite_again(user_id: UUID) -> Response:
    """Mail a new link to somebody who has not accepted yet."""
    email = services.resend_invitation(user_id, base_url=_base_url(), now=clock.now())
    return go(url_for(".edit", user_id=user_id), f"A new invitation is on its way to {email}.")


def _role_choices() -> list[tuple[str, str]]:
    return [(role.value, role.label) for role in queries.list_roles_here()]


def _permissions_of(roles: Sequence[Role]) -> list[Permission]:
    """Return what some roles may be given: of what is the platform's alone, tenants have nothing."""
    return [
        permission for permission in list_permissions() if not permission.roles.isdisjoint(roles)
    ]


def _chosen(form: RolesForm) -> frozenset[Role]:
    return frozenset(Role(role) for role in form.roles.data or [])


def _base_url() -> str:
    return str(current_app.config["SETTINGS"].base_url)
