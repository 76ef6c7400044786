"""A new sender."""

from flask import Response, url_for

from insurance.blueprints.senders import bp, settings
from insurance.blueprints.senders.form import SenderForm
from insurance.blueprints.senders.undo import undo_address_of
from insurance.core import clock
from insurance.senders import services
from insurance.senders.permissions import SendersMay
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen


@bp.route("/new", methods=["GET", "POST"])
@requires(SendersMay.MANAGE)
def create() -> Response:
    """Make a sender for a role."""
    back, form = url_for(".index"), SenderForm()
    act = Act("New sender", "Make sender", back, [("Email senders", back)], leave="Cancel")
    return act_screen(
        act,
        form,
        lambda: services.create_sender(form.details(), settings(), now=clock.now()),
        lambda sender: f"Sender {sender.role} made.",
        then=lambda sender: url_for(".show", sender_id=sender.id),
        undo=lambda sender: undo_address_of(str(sender.id)),
    )
