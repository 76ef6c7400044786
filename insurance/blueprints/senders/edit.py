"""A sender, changed in its row of the table or on a page of its own."""

from uuid import UUID

from flask import Response, url_for

from insurance.blueprints.senders import bp, settings
from insurance.blueprints.senders.form import form_of
from insurance.blueprints.senders.undo import undo_address_of
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.senders import queries, services
from insurance.senders.permissions import SendersMay
from insurance.web.access import requires
from insurance.web.html import go, page, refuse


@bp.route("/<uuid:sender_id>/edit", methods=["GET", "POST"])
@requires(SendersMay.MANAGE)
def edit(sender_id: UUID) -> Response:
    """Change a sender; a refusal stays in the row."""
    session = db.session()
    sender = queries.get_sender(session, sender_id)
    form = form_of(sender, is_default=queries.find_default(session) == sender_id)
    form.stand_in(f"sender-{sender_id}")
    form.email_address.render_kw = {"placeholder": settings().mail_address}
    form.display_name.render_kw = {"autofocus": True}
    if form.validate_on_submit():
        try:
            services.change_sender(
                sender_id, form.details(), settings(), version=form.version.data, now=clock.now()
            )
        except DomainError as error:
            if error.status == 404:
                raise
            refuse(form, error)
        else:
            undo = undo_address_of(str(sender_id))
            return go(url_for(".index"), f"Sender {form.role.data} saved.", undo=undo)
    return page("senders/edit.html", part="row", status=form.status, form=form, sender=sender)
