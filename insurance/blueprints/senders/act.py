"""What is done to a sender: deleted, tried, proven."""

from uuid import UUID

from flask import Response, url_for

from insurance.blueprints.senders import bp, settings
from insurance.blueprints.senders.undo import undo_address_of
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.senders import dkim_keys, queries, sending, services, verification
from insurance.senders.permissions import SendersMay
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.forms import SureForm
from insurance.web.html import go


@bp.route("/<uuid:sender_id>/delete", methods=["GET", "POST"])
@requires(SendersMay.MANAGE)
def delete(sender_id: UUID) -> Response:
    """Ask, then delete a sender."""
    sender = queries.get_sender(db.session(), sender_id)
    back = url_for(".index")
    act = Act(
        f"Delete sender {sender.role}",
        "Delete sender",
        back,
        [("Email senders", back)],
        says="Mail that was sent stays in the mail log.",
        leave="Cancel",
        is_danger=True,
    )
    return act_screen(
        act,
        SureForm(),
        lambda: services.delete_sender(sender_id, now=clock.now()),
        f"Sender {sender.role} deleted.",
        undo=lambda _nothing: undo_address_of(str(sender_id)),
    )


@bp.route("/<uuid:sender_id>/confirm/<token>", methods=["GET", "POST"])
@requires(SendersMay.MANAGE)
def confirm(sender_id: UUID, token: str) -> Response:
    """Ask, then note that the mailed link was followed: a mail scanner opens links, too."""
    sender = queries.get_sender(db.session(), sender_id)
    back = url_for(".show", sender_id=sender_id)
    act = Act(
        f"Confirm {sender.email_address}",
        "Confirm address",
        back,
        [("Email senders", url_for(".index")), (sender.role, back)],
        says="You have this link from a mail to that address, so its mail is read here.",
    )
    return act_screen(
        act,
        SureForm(),
        lambda: verification.confirm_sender(sender_id, token, settings(), now=clock.now()),
        "Address confirmed.",
    )


@bp.post("/<uuid:sender_id>/ask")
@requires(SendersMay.MANAGE)
def ask(sender_id: UUID) -> Response:
    """Mail the link that confirms the address."""
    here = url_for(".show", sender_id=sender_id)
    link = f"{settings().base_url}{here}/confirm"
    try:
        verification.ask_confirmation(sender_id, settings(), url=link, now=clock.now())
    except DomainError as error:
        return _refused(here, error)
    return go(here, "The link is on its way to the address.")


@bp.post("/<uuid:sender_id>/look-up")
@requires(SendersMay.MANAGE)
def look_up(sender_id: UUID) -> Response:
    """Look up what the domain publishes."""
    here = url_for(".show", sender_id=sender_id)
    try:
        verification.check_dns(sender_id, settings(), now=clock.now())
    except DomainError as error:
        return _refused(here, error)
    return go(here, "Looked up.")


@bp.route("/<uuid:sender_id>/new-key", methods=["GET", "POST"])
@requires(SendersMay.MANAGE)
def rotate(sender_id: UUID) -> Response:
    """Ask, then make the next signing key of the sender's domain."""
    sender = queries.get_sender(db.session(), sender_id)
    back = url_for(".show", sender_id=sender_id)
    act = Act(
        f"New signing key for {sender.domain or sender.role}",
        "Make key",
        back,
        [("Email senders", url_for(".index")), (sender.role, back)],
        says="Mail is signed with the present key until the record of the new one is published and"
        " looked up. Leave the old record in the DNS for a week after that.",
        leave="Cancel",
    )
    return act_screen(
        act,
        SureForm(),
        lambda: dkim_keys.rotate_key(sender_id, now=clock.now()),
        "The new key is made. Publish its record.",
    )


@bp.post("/<uuid:sender_id>/test")
@requires(SendersMay.MANAGE)
def test(sender_id: UUID) -> Response:
    """Mail a test to whoever asks."""
    to, here = current_actor().email or "", url_for(".show", sender_id=sender_id)
    try:
        sending.send_test(sender_id, to)
    except DomainError as error:
        return _refused(here, error)
    return go(here, f"A test is on its way to {to}.")


def _refused(url: str, error: DomainError) -> Response:
    if error.status == 404:
        raise error
    return go(url, error.message)
