"""The mail that left, waits or failed, and sending again what failed."""

from uuid import UUID

from flask import Response, url_for

from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.notifications import queries, services
from insurance.notifications.models import MailState
from insurance.notifications.permissions import MailMay
from insurance.notifications.texts import PERSONAL
from insurance.web import lists
from insurance.web.access import requires, tenant_blueprint
from insurance.web.forms import Form
from insurance.web.html import go, page

bp = tenant_blueprint("mail", __name__, "/mail")


@bp.route("", methods=["GET", "POST"])
@requires(MailMay.VIEW)
def index() -> Response:
    """List mails, newest first, those in one `state` where one is given."""
    return lists.show(_MAIL, "mail/index.html")


@bp.get("/<uuid:mail_id>")
@requires(MailMay.VIEW)
def show(mail_id: UUID) -> Response:
    """Show a mail; one with a personal link without its words."""
    mail = queries.get_mail(db.session(), mail_id)
    return page("mail/show.html", mail=mail, is_personal=mail.kind in PERSONAL)


@bp.post("/<uuid:mail_id>/send-again")
@requires(MailMay.SEND)
def send_again(mail_id: UUID) -> Response:
    """Try a failed mail again."""
    try:
        services.send_again(mail_id)
    except DomainError as error:
        if error.status == 404:
            raise
        return go(url_for(".show", mail_id=mail_id), error.message)
    return go(url_for(".show", mail_id=mail_id), "The mail is tried again.")


@bp.post("/send-again")
@requires(MailMay.SEND)
def send_all_again() -> Response:
    """Try every failed mail again."""
    count = services.send_all_again()
    return go(url_for(".index"), f"{count} mails are tried again.")


def _send_again(mail_id: UUID, _form: Form) -> str:
    services.send_again(mail_id)
    return "Tried again"


_MAIL = lists.ListScreen(
    title="Mail",
    read=lists.paged(queries.list_mails),
    record=("mail.show", "mail_id"),
    facts=lambda: queries.count_failed(db.session()),
    tabs=lambda failed: lists.tabs_of(MailState, {MailState.FAILED: failed}),
    tab_name="state",
    columns=lists.columns(
        "subject: Subject, wrapped | recipient: To | kind: Kind, code",
        "state: State, tag, key | created_at: Asked for, moment | sent_at: Sent, moment",
        "attempts: Tries, number | wording: Words, muted",
    ),
    empty=lists.Empty(
        "No mail yet",
        "Invitations, links for new passwords and quotes sent to customers appear here.",
    ),
    none_in_tab="No mail is in this state",
    rows=50,
    is_exported=False,
    acts=(
        lists.BulkAct(
            "send_again",
            "Send again",
            MailMay.SEND,
            "{count} mails are tried again from the start; only one that failed is.",
            _send_again,
        ),
    ),
)
