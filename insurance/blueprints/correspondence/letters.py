"""Letters about a record: chosen, looked at, made, and mailed."""

import base64
from uuid import UUID

from flask import Response, request
from wtforms import BooleanField, TextAreaField

from insurance.blueprints.correspondence import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.correspondence import services
from insurance.correspondence.kinds import RecordKind
from insurance.correspondence.permissions import CorrespondenceMay
from insurance.correspondence.queries import get_facts
from insurance.correspondence.rules import LONGEST_NOTE
from insurance.web.access import requires
from insurance.web.acts import act_screen, show_act
from insurance.web.business import business_day
from insurance.web.correspondence import about_record, seen_kind
from insurance.web.forms import ChoiceField, Form, Required, TextField
from insurance.web.html import refuse


class LetterForm(Form):
    """Which letter, what it says beside its own words, and whether it is mailed."""

    letter = ChoiceField("Letter", [Required()], choices=())
    wording = TextField(
        "Words of your own",
        longest=LONGEST_NOTE,
        widget=TextAreaField.widget,
        description="A line is a paragraph. In a letter of your own words the first is its heading.",
    )
    mails = BooleanField("Mail it")


@bp.route("/<slug:resource>/<uuid:record_id>/letters/new", methods=["GET", "POST"])
@requires(CorrespondenceMay.WRITE)
def make_letter(resource: str, record_id: UUID) -> Response:
    """Make a letter from a template, seen before it is made; it is kept, and mailed if asked."""
    kind, facts = seen_kind(resource), get_facts(db.session(), resource, record_id)
    posted = f"{facts.name} has no e-mail address: the letter is kept, to be printed and posted."
    act = about_record(
        resource,
        record_id,
        "Make a letter",
        "Make letter",
        has_effect=True,
        says="" if facts.email else posted,
    )
    form = LetterForm()
    form.letter.choices = [(letter.code, letter.title) for letter in kind.letters]
    form.letter.data = form.letter.data or kind.letters[0].code
    if facts.email:
        form.mails.description = f"To {facts.name}, {facts.email}."
    else:
        del form.mails
    looks = request.form.get("act") == "look"
    seen = _looked_at(kind, record_id, form, is_refusal=looks)
    template = "correspondence/letter.html"
    if looks:
        return show_act(act, form, template=template, pictures=seen)
    return act_screen(
        act,
        form,
        lambda: services.make_letter(
            resource,
            record_id,
            form.letter.data or "",
            wording=form.wording.data or "",
            mails=bool(facts.email and form.mails.data),
            on=business_day(),
            now=clock.now(),
        ),
        lambda document: (
            f"{document.title} was made"
            + (
                f" and is on its way to {facts.email}."
                if "mails" in form and form.mails.data
                else "."
            )
        ),
        template=template,
        pictures=seen,
    )


def _looked_at(
    kind: RecordKind, record_id: UUID, form: LetterForm, *, is_refusal: bool
) -> list[str]:
    """Return the pages of the letter as it would be, as pictures; none where it cannot be made."""
    chosen = {letter.code: letter for letter in kind.letters}.get(form.letter.data or "")
    if chosen is None or (chosen.asks_words and not (form.wording.data or "").strip()):
        return []
    try:
        pages = services.draw_letter(
            kind.resource,
            record_id,
            chosen.code,
            wording=form.wording.data or "",
            on=business_day(),
        )
    except DomainError as error:
        if is_refusal:
            refuse(form, error)
        return []
    return [f"data:image/png;base64,{base64.b64encode(page).decode()}" for page in pages]
