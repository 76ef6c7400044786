"""The words of a kind of mail in a language: written, tried, and compared with earlier ones."""

from flask import Response, request, url_for
from wtforms import TextAreaField

from insurance.blueprints.message_templates import bp, crumbs_of
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import DomainError, ForbiddenError
from insurance.message_templates import queries, services
from insurance.message_templates.differences import differences
from insurance.message_templates.kinds import (
    language_of,
    recipient_of,
    resource_of,
    variables_of,
)
from insurance.message_templates.permissions import MessageTemplatesMay
from insurance.message_templates.previews import Preview, preview_wording
from insurance.message_templates.rules import LONGEST_BODY, LONGEST_SUBJECT
from insurance.notifications.languages import Language
from insurance.notifications.wordings import Wording, shipped_wording
from insurance.web.access import requires
from insurance.web.forms import Form, Required, TextField, VersionField
from insurance.web.html import go, page, refuse

_MANAGE = MessageTemplatesMay.MANAGE


class TemplateForm(Form):
    """Subject and text of a kind of mail, and the record that they are tried on."""

    subject = TextField("Subject", [Required()], longest=LONGEST_SUBJECT)
    body = TextField(
        "Text",
        [Required()],
        longest=LONGEST_BODY,
        widget=TextAreaField.widget,
        render_kw={"rows": 16},
    )
    record = TextField("Try it on the record with the number", longest=40)
    version = VersionField()


@bp.route("/<kind>/<language>", methods=["GET", "POST"])
@requires(MessageTemplatesMay.VIEW)
def show(kind: str, language: str) -> Response:
    """Show the words that count with their versions; save others, or try them."""
    spoken = language_of(kind, language)
    session, here = db.session(), url_for(".show", kind=kind, language=language)
    line = queries.get_template(session, kind, spoken)
    current = line.wording
    form = TemplateForm(
        data={"subject": current.subject, "body": current.body, "version": line.version}
    )
    if form.is_submitted() and not current_actor().may(_MANAGE):
        raise ForbiddenError("Your role may look at the words of mail, not change them.")
    preview, said = None, ""
    if form.validate_on_submit():
        try:
            said = _do(form, kind, spoken)
            if not said:
                number = _save(form, kind, spoken)
                return go(here, f"Version {number} is in use, from the next mail on.")
            preview = _preview(form, kind, spoken)
        except DomainError as error:
            refuse(form, error)
    elif not form.is_submitted() and current.body:
        preview = preview_wording(session, kind, current)
    return page(
        "message_templates/show.html",
        status=form.status,
        form=form,
        kind=kind,
        spoken=spoken,
        languages=list(Language),
        line=line,
        preview=preview,
        said=said,
        variables=variables_of(kind).values(),
        recipient=recipient_of(kind),
        is_about_record=bool(resource_of(kind)),
        versions=queries.list_versions(session, kind, spoken),
        has_shipped=shipped_wording(kind, spoken) is not None,
        crumbs=crumbs_of(),
    )


@bp.get("/<kind>/<language>/versions/<int:number>")
@requires(MessageTemplatesMay.VIEW)
def version(kind: str, language: str, number: int) -> Response:
    """Show a version, and what it says differently from the one in use."""
    spoken, session = language_of(kind, language), db.session()
    line = queries.get_template(session, kind, spoken)
    wording = queries.get_wording(session, kind, spoken, number)
    return page(
        "message_templates/version.html",
        kind=kind,
        spoken=spoken,
        number=number,
        wording=wording,
        is_in_use=(line.wording.version or 0) == number,
        lines=list(differences(line.wording, wording)),
        crumbs=crumbs_of(kind, spoken),
    )


def _do(form: TemplateForm, kind: str, language: Language) -> str:
    """Do what is no saving and return what is said of it."""
    wanted = request.form.get("do")
    if wanted == "test":
        services.send_test(kind, language, subject=form.subject.data, body=form.body.data)
        return f"A test is on its way to {current_actor().email}. These words are not saved yet."
    return "These words are not saved yet." if wanted == "preview" else ""


def _save(form: TemplateForm, kind: str, language: Language) -> int:
    return services.save_template(
        kind,
        language,
        form.subject.data or "",
        form.body.data or "",
        version=form.version.data or 0,
        now=clock.now(),
    ).number


def _preview(form: TemplateForm, kind: str, language: Language) -> Preview:
    typed = Wording(form.subject.data or "", form.body.data or "", language)
    return preview_wording(db.session(), kind, typed, number=form.record.data)
