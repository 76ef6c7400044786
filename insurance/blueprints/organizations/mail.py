"""The mail that left, waits or failed, and sending again what failed."""

from uuid import UUID

from flask import Response, request, url_for

from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.notifications import queries, services
from insurance.notifications.models import MailState
from insurance.notifications.permissions import MailMay
from insurance.notifications.texts import PERSONAL
from insurance.web.access import requires, tenant_blueprint
from insurance.web.html import go, next_url, page

bp = tenant_blueprint("mail", __name__, "/mail")


@bp.get("")
@requires(MailMay.VIEW)
def index() -> Response:
    """List mails, newest first, those in one `state` where one is given."""
    chosen = request.args.get("state", "").upper()
    state = MailState(chosen) if chosen in list(MailState) else None
    session = db.session()
    found = queries.list_mails(session, cursor=request.args.get("cursor"), state=state)
    return page(
        "mail/index.html",
        found=found,
        next_url=next_url(found),
        state=state,
        states=list(MailState),
        failed=queries.count_failed(session),
    )


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
