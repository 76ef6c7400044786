"""Messages about a record: writing one, reading it, sending it again."""

from contextlib import suppress
from uuid import UUID

from flask import Response, request
from wtforms import TextAreaField

from insurance.blueprints.correspondence import bp
from insurance.core.db import db
from insurance.core.errors import NotFoundError
from insurance.correspondence import services
from insurance.correspondence.permissions import CorrespondenceMay
from insurance.correspondence.queries import get_document, get_facts, get_message, list_documents
from insurance.correspondence.rules import LONGEST_NOTE
from insurance.notifications.models import MailState
from insurance.web.access import requires
from insurance.web.acts import act_screen
from insurance.web.correspondence import about_record, seen_kind
from insurance.web.filters import day, words
from insurance.web.forms import ChoiceField, Form, Required, TextField
from insurance.web.html import page

NEWEST = 100
"""How many documents are offered to be attached."""


class MessageForm(Form):
    """What is written, and what goes with it."""

    subject = TextField("Subject", [Required()], longest=150)
    text = TextField(
        "Message",
        [Required()],
        longest=LONGEST_NOTE,
        widget=TextAreaField.widget,
        description="Salutation and signature are put around it.",
    )
    document_id = ChoiceField("Attach", empty="Nothing")


class AgainForm(Form):
    """A press on the button."""


@bp.route("/<slug:resource>/<uuid:record_id>/messages/new", methods=["GET", "POST"])
@requires(CorrespondenceMay.WRITE)
def send_message(resource: str, record_id: UUID) -> Response:
    """Write to whom a record concerns; `document` is attached."""
    seen_kind(resource)
    facts, form = get_facts(db.session(), resource, record_id), MessageForm()
    act = about_record(
        resource,
        record_id,
        "Write a message",
        "Send message",
        facts=[("To", facts.name), ("E-mail", facts.email)],
        stops=""
        if facts.email
        else f"{facts.name} has no e-mail address. Add one to write to them.",
    )
    asked_for = request.args.get("document", "")
    form.document_id.choices += _attachable(resource, record_id, asked_for)
    if len(form.document_id.choices) > NEWEST:
        form.document_id.description = (
            f"The newest {NEWEST} are here; send an older one from its own row among the documents."
        )
    if request.method == "GET":
        form.document_id.data = asked_for
    return act_screen(
        act,
        form,
        lambda: services.send_message(
            resource,
            record_id,
            subject=form.subject.data or "",
            text=form.text.data or "",
            document_id=UUID(form.document_id.data) if form.document_id.data else None,
        ),
        f"The message is on its way to {facts.email}.",
    )


def _attachable(resource: str, record_id: UUID, asked_for: str) -> list[tuple[str, str]]:
    """Return the newest documents of a record by id, and an older one that is asked for."""
    documents = list(list_documents(db.session(), resource, record_id, limit=NEWEST))
    if asked_for and asked_for not in {str(document.id) for document in documents}:
        with suppress(ValueError, NotFoundError):
            older = get_document(db.session(), UUID(asked_for))
            if (older.resource, older.resource_id) == (resource, record_id):
                documents.append(older)
    return [
        (str(document.id), f"{document.title}, {day(document.created_at.date())}")
        for document in documents
    ]


@bp.route("/messages/<uuid:mail_id>/send-again", methods=["GET", "POST"])
@requires(CorrespondenceMay.WRITE)
def send_again(mail_id: UUID) -> Response:
    """Send a message about a record again."""
    mail = get_message(db.session(), mail_id)
    facts = get_facts(db.session(), mail.resource or "", _record_of(mail.resource_id))
    to = mail.recipient if mail.state is MailState.FAILED else facts.email or mail.recipient
    return act_screen(
        about_record(
            mail.resource or "",
            _record_of(mail.resource_id),
            "Send again",
            "Send again",
            facts=[("Subject", mail.subject), ("To", to), ("State", words(mail.state))],
            stops="It is on its way already." if mail.state is MailState.WAITING else "",
        ),
        AgainForm(),
        lambda: services.send_again(mail_id),
        f"The message is on its way to {to}.",
    )


@bp.get("/messages/<uuid:mail_id>")
@requires(CorrespondenceMay.VIEW)
def message(mail_id: UUID) -> Response:
    """Show what a message about a record says."""
    mail = get_message(db.session(), mail_id)
    resource, record_id = mail.resource or "", _record_of(mail.resource_id)
    act = about_record(resource, record_id, mail.subject, "")
    return page("correspondence/message.html", mail=mail, act=act)


def _record_of(record_id: UUID | None) -> UUID:
    """Return the record of a mail that is about one."""
    if record_id is None:
        raise NotFoundError
    return record_id
