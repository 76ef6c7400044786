"""The mail that left, or could not."""

from uuid import UUID

from flask import Response, request

from insurance.core.db import db
from insurance.core.permissions import May
from insurance.notifications import queries
from insurance.notifications.texts import PERSONAL
from insurance.web.access import requires, tenant_blueprint
from insurance.web.html import next_url, page

bp = tenant_blueprint("mail", __name__, "/mail")


@bp.get("")
@requires(May.MAIL_VIEW)
def index() -> Response:
    """List mails, newest first; `waiting` shows those that have not left."""
    waiting = request.args.get("waiting") == "yes"
    found = queries.list_mails(db.session(), cursor=request.args.get("cursor"), waiting=waiting)
    return page("organizations/mail.html", found=found, next_url=next_url(found), waiting=waiting)


@bp.get("/<uuid:mail_id>")
@requires(May.MAIL_VIEW)
def show(mail_id: UUID) -> Response:
    """Show a mail; one with a personal link without its words."""
    mail = queries.get_mail(db.session(), mail_id)
    return page("organizations/one_mail.html", mail=mail, is_personal=mail.kind in PERSONAL)
