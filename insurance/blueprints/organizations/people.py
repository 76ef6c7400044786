"""The people of an organization: invite, change roles, remove, and what each role may do."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from flask import Response, current_app, url_for
from markupsafe import Markup
from sqlalchemy.orm import Session
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
from insurance.web import lists
from insurance.web.access import current_tenant, requires, tenant_blueprint
from insurance.web.acts import Act, act_screen
from insurance.web.filters import moment
from insurance.web.forms import Form, Required, SureForm, TextField, VersionField
from insurance.web.html import go, page, refuse

bp = tenant_blueprint("people", __name__, "/people")


class RolesForm(Form):
    """What a person is here."""

    roles = SelectMultipleField("Roles")

    def validate_roles(self, field: SelectMultipleField) -> None:
        """Refuse nothing at all: who has no role does not belong."""
        if not field.data:
            raise ValidationError("Choose at least one.")


class ChangeForm(RolesForm):
    """What a person is here, as whoever changes it saw it."""

    version = VersionField()


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


@bp.route("", methods=["GET", "POST"])
@requires(PeopleMay.VIEW)
def index() -> Response:
    """List the people and their roles."""
    return lists.show(_PEOPLE)


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
    form = ChangeForm(
        data={
            "roles": [role.value for role in colleague.roles],
            "version": services.roles_version(colleague.roles),
        }
    )
    form.roles.choices = _role_choices()
    if form.validate_on_submit():
        try:
            services.change_roles(
                user_id, _chosen(form), version=form.version.data, now=clock.now()
            )
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


class _Row(NamedTuple):
    """A person, and until when an invitation that was not accepted can be."""

    colleague: queries.Colleague
    invited_until: datetime | None

    @property
    def id(self) -> UUID:
        """Return the person's id."""
        return self.colleague.user.id


def _rows(session: Session, narrowed: Mapping[str, Any]) -> list[_Row]:
    invitations = queries.list_open_invitations(session, clock.now())
    people = lists.whole(queries.list_colleagues, q="search")(session, narrowed)
    return [_Row(colleague, invitations.get(colleague.user.id)) for colleague in people]


def _name(row: _Row) -> lists.Cell:
    may_edit = current_actor().may(PeopleMay.MANAGE)
    url = url_for(".edit", user_id=row.id) if may_edit else ""
    is_oneself = row.id == current_actor().user_id
    return lists.Cell(row.colleague.name, url, note="(you)" if is_oneself else "")


def _second_factor(row: _Row) -> str:
    if not row.colleague.has_accepted:
        return ""
    return "On" if row.colleague.user.totp_enabled_at else "Off"


def _state(row: _Row) -> lists.Cell:
    if row.colleague.has_accepted:
        return lists.Cell("locked" if row.colleague.user.disabled_at else "active")
    if row.invited_until is None:
        return lists.Cell("invitation_expired")
    return lists.Cell("invited", note=f"until {moment(row.invited_until)[:10]}")


_PEOPLE = lists.ListScreen(
    title="People",
    rows_of=_rows,
    fields=[lists.search("Name or e-mail")],
    columns=lists.columns(
        "name: Name | colleague.user.email: E-mail | roles: Roles, key, wrapped",
        "second_factor: Second factor | state: State, tag",
        name=_name,
        roles=lambda row: ", ".join(role.label for role in row.colleague.roles),
        second_factor=_second_factor,
        state=_state,
    ),
    buttons=(
        lists.Button("Roles and permissions", "people.permissions", icon="shield-lock"),
        lists.new_beside("Invite", "people.invite", PeopleMay.MANAGE),
    ),
    empty=lists.Empty("Nobody is here yet"),
    none_match="Nobody matches",
    rows=100,
)
