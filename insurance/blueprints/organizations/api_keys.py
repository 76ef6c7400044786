"""API keys of an organization: made, shown once, revoked."""

from uuid import UUID

from flask import Response, url_for
from markupsafe import Markup
from wtforms import PasswordField, SelectMultipleField

from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.permissions import list_permissions, permissions_named, scopes_in_words
from insurance.identity import queries, services
from insurance.identity.permissions import TokensMay
from insurance.web import lists
from insurance.web.access import current_person, requires, tenant_blueprint
from insurance.web.acts import Act, act_screen
from insurance.web.filters import moment
from insurance.web.forms import ChoiceField, Form, Required, SureForm, TextField
from insurance.web.html import page, refuse

bp = tenant_blueprint("api_keys", __name__, "/api-keys")
_LIFETIMES = [("30", "30 days"), ("90", "90 days"), ("180", "180 days"), ("365", "a year")]


class KeyForm(Form):
    """A key for a program."""

    name = TextField("What is it for?", [Required()], longest=100)
    days = ChoiceField("It lasts", choices=_LIFETIMES, default="90")
    scopes = SelectMultipleField("It may")
    password = PasswordField(
        "Your password", [Required()], render_kw={"autocomplete": "current-password"}
    )


@bp.route("", methods=["GET", "POST"])
@requires(TokensMay.VIEW)
def index() -> Response:
    """List the keys."""
    return lists.show(_KEYS, "api_keys/index.html")


@bp.route("/new", methods=["GET", "POST"])
@requires(TokensMay.MANAGE)
def create() -> Response:
    """Make a key, after the password was given once more, and show its secret once."""
    form = KeyForm()
    form.scopes.choices = [
        (permission.value, permission.label)
        for permission in list_permissions()
        if permission in current_actor().permissions
    ]
    if form.validate_on_submit():
        person, now = current_person(), clock.now()
        try:
            services.confirm_password(person.id, form.password.data or "", now=now)
            key, secret = services.create_api_key(
                user_id=person.id,
                name=form.name.data or "",
                scopes=permissions_named(form.scopes.data or []),
                days=int(form.days.data),
                now=now,
            )
        except DomainError as error:
            refuse(form, error)
        else:
            return page("api_keys/created.html", key=key, secret=secret)
    return page("api_keys/create.html", status=form.status, form=form)


@bp.route("/<uuid:key_id>/revoke", methods=["GET", "POST"])
@requires(TokensMay.MANAGE)
def revoke(key_id: UUID) -> Response:
    """Ask, then revoke a key at once."""
    key = queries.get_api_key(db.session(), key_id)
    back = url_for(".index")
    used = f"last used {moment(key.last_used_at)}" if key.last_used_at else "never used"
    act = Act(
        f"Revoke “{key.name}”",
        "Revoke key",
        back,
        [("API keys", back)],
        says=Markup(
            "The program that uses the key ending in <code>{}</code> is refused from now on. It was"
            " {}. A revoked key cannot be brought back; make a new one instead."
        ).format(key.hint, used),
        leave="Cancel",
        is_danger=True,
    )
    return act_screen(
        act,
        SureForm(),
        lambda: services.revoke_api_key(key_id, now=clock.now()),
        f"The key “{key.name}” was revoked.",
    )


def _state(line: queries.KeyLine) -> str:
    if line.key.revoked_at:
        return "revoked"
    return "expired" if line.key.expires_at <= clock.now() else "active"


def _revoke(line: queries.KeyLine) -> list[lists.Cell]:
    if _state(line) != "active" or not current_actor().may(TokensMay.MANAGE):
        return []
    url = url_for(".revoke", key_id=line.key.id)
    return [
        lists.Cell("Revoke…", url, says=f"Revoke {line.key.name}", is_act=True, opens_beside=True)
    ]


_KEYS = lists.ListScreen(
    title="API keys",
    rows_of=lists.whole(queries.list_api_keys),
    is_exported=False,
    id_of=lambda line: line.key.id,
    columns=lists.columns(
        "key.name: For | hint: Ends in | holder.name: Acts for | state: State, tag, key",
        "may: May, wrapped | key.created_at: Made, moment | key.expires_at: Expires, moment",
        "key.last_used_at: Last used, moment | revoke: -",
        hint=lambda line: f"…{line.key.hint}",
        state=_state,
        may=lambda line: scopes_in_words(line.key.scopes),
        revoke=_revoke,
    ),
    buttons=[lists.new("New key", "api_keys.create", TokensMay.MANAGE)],
    empty=lists.Empty(
        "There are no keys yet",
        "A key lets a program use the API in your name, within what you allow it.",
        "Make the first one",
    ),
)
