"""Whose mail a type is, changed in its row of the table or on a page of its own."""

from flask import Response, url_for

from insurance.blueprints.senders import bp
from insurance.blueprints.senders.form import RowForm
from insurance.blueprints.senders.undo import undo_address_of
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import DomainError, NotFoundError
from insurance.senders import queries, sending, services
from insurance.senders.permissions import SendersMay
from insurance.senders.queries import TypeLine
from insurance.web.access import requires
from insurance.web.filters import words
from insurance.web.forms import ChoiceField, SureForm, VersionField
from insurance.web.html import go, page, refuse


class TypeForm(RowForm):
    """Who sends a type of mail."""

    role = ChoiceField("Sender")
    version = VersionField()


@bp.route("/types/<kind>/edit", methods=["GET", "POST"])
@requires(SendersMay.MANAGE)
def edit_type(kind: str) -> Response:
    """Give a type of mail another sender, from the next mail on."""
    line = _line(kind)
    form = TypeForm(data={"role": line.sender.role, "version": line.version})
    form.stand_in(f"type-{kind}")
    form.role.render_kw = {"autofocus": True}
    form.role.choices = [
        (sender.role, f"{sender.role} · {sender.display_name}")
        for sender in queries.list_senders(db.session())
        if sender.state == "VERIFIED" or sender.id == line.sender.id
    ]
    if form.validate_on_submit():
        try:
            services.map_type(kind, form.role.data, version=form.version.data, now=clock.now())
        except DomainError as error:
            refuse(form, error)
        else:
            said = f"{words(kind)} is sent as {form.role.data}, from the next mail on."
            return go(url_for(".index"), said, undo=undo_address_of(kind))
    return page("senders/types.html", part="row", status=form.status, form=form, line=line)


@bp.post("/types/<kind>/test")
@requires(SendersMay.MANAGE)
def test_type(kind: str) -> Response:
    """Mail a test of a type to whoever asks."""
    line, form = _line(kind), SureForm()
    to = current_actor().email or ""
    if form.validate_on_submit():
        try:
            sending.send_test(line.sender.id, to, kind=kind)
        except DomainError as error:
            return go(url_for(".index"), error.message)
        return go(url_for(".index"), f"A test from {line.sender.role} is on its way to {to}.")
    return go(url_for(".index"))


def _line(kind: str) -> TypeLine:
    for line in queries.list_types(db.session()):
        if line.type == kind:
            return line
    raise NotFoundError
