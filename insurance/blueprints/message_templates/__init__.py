"""What mails say, on screen: the kinds of mail, the words of each, and every version of them."""

from flask import url_for

from insurance.message_templates.permissions import MessageTemplatesMay
from insurance.notifications.languages import Language
from insurance.web.access import tenant_blueprint
from insurance.web.filters import words
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("message_templates", __name__, "/message-templates")
RAIL = (
    RailEntry(
        "Mail templates",
        "message_templates.index",
        MessageTemplatesMay.VIEW,
        "edit",
        group="Control",
        place=66,
    ),
)


def crumbs_of(kind: str = "", language: Language | None = None) -> list[tuple[str, str]]:
    """Return the way to a kind's words."""
    crumbs = [("Mail templates", url_for("message_templates.index"))]
    if language is not None:
        name = f"{words(kind)}, {language.spoken_name}"
        crumbs.append((name, url_for("message_templates.show", kind=kind, language=language.value)))
    return crumbs
