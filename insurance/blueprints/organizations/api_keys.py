"""API keys of an organization: made, shown once, revoked."""

from uuid import UUID

from flask import Response, url_for
from wtforms import IntegerField, SelectMultipleField

from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.permissions import May
from insurance.identity import queries, services
from insurance.web.access import current_person, requires, tenant_blueprint
from insurance.web.forms import Form, Required, TextField
from insurance.web.html import go, page, refuse

bp = tenant_blueprint("api_keys", __name__, "/api-keys")


class KeyForm(Form):
    """A key for a program."""

    name = TextField("What is it for?", [Required()], longest=100)
    days = IntegerField("Valid for days", [Required()], default=90)
    scopes = SelectMultipleField("It may")


@bp.route("")
@requires(May.TOKENS_VIEW)
def index() -> Response:
    """List the keys."""
    return page(
        "organizations/api_keys.html", keys=queries.list_api_keys(db.session()), now=clock.now()
    )


@bp.route("/new", methods=["GET", "POST"])
@requires(May.TOKENS_MANAGE)
def create() -> Response:
    """Make a key and show its secret once."""
    form = KeyForm()
    form.scopes.choices = [
        (one.value, one.label) for one in May if one in current_actor().permissions
    ]
    if form.validate_on_submit():
        try:
            key, secret = services.create_api_key(
                user_id=current_person().id,
                name=form.name.data,
                scopes=frozenset(May(scope) for scope in form.scopes.data),
                days=form.days.data,
                now=clock.now(),
            )
        except DomainError as error:
            refuse(form, error)
        else:
            return page("organizations/api_key_made.html", key=key, secret=secret)
    return page("organizations/api_key.html", status=form.status, form=form)


@bp.route("/<uuid:key_id>/revoke", methods=["POST"])
@requires(May.TOKENS_MANAGE)
def revoke(key_id: UUID) -> Response:
    """Revoke a key at once."""
    services.revoke_api_key(key_id, now=clock.now())
    return go(url_for("api_keys.index"), "The key was revoked.")
