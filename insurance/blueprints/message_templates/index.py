"""The kinds of mail that the product sends, and the language that they are written in."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flask import Response, url_for
from sqlalchemy.orm import Session

from insurance.blueprints.message_templates import bp, crumbs_of
from insurance.core.db import db
from insurance.message_templates import queries, services
from insurance.message_templates.kinds import recipient_of
from insurance.message_templates.permissions import MessageTemplatesMay
from insurance.notifications.languages import Language
from insurance.notifications.texts import TEXTS
from insurance.notifications.wordings import Wording
from insurance.senders.queries import list_types
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.filters import words
from insurance.web.forms import ChoiceField, Form, VersionField


class LanguageForm(Form):
    """The language of the organization's mail."""

    language = ChoiceField("Language", choices=[(one.value, one.spoken_name) for one in Language])
    version = VersionField()


@dataclass(frozen=True, slots=True)
class KindLine:
    """A kind of mail: in whose words it leaves now, and the languages that have some."""

    kind: str
    sender: str
    wording: Wording
    languages: list[Language]
    since: datetime | None


@bp.route("", methods=["GET", "POST"])
@requires(MessageTemplatesMay.VIEW)
def index() -> Response:
    """List the kinds of mail."""
    return lists.show(_KINDS)


@bp.route("/language", methods=["GET", "POST"])
@requires(MessageTemplatesMay.MANAGE)
def language() -> Response:
    """Choose the language that mail is written in, where there are words in it."""
    setting = queries.find_setting(db.session())
    current, version = (setting.language, setting.version) if setting else (Language.ENGLISH, 0)
    form = LanguageForm(data={"language": current.value, "version": version})
    act = Act(
        "Language of your mail",
        "Save language",
        url_for(".index"),
        crumbs_of(),
        says="A kind of mail without words in it goes on being written in English.",
        leave="Cancel",
    )
    return act_screen(
        act,
        form,
        lambda: services.choose_language(
            Language(form.language.data), version=form.version.data or 0
        ),
        lambda _nothing: f"Mail is written in {Language(form.language.data).spoken_name}.",
    )


def _rows(session: Session, _narrowed: Mapping[str, Any]) -> list[KindLine]:
    senders = {line.type: line.sender.role for line in list_types(session)}
    now = queries.wordings_of(session, TEXTS.keys())
    rows: dict[str, KindLine] = {}
    for line in queries.list_templates(session):
        wording = now[line.kind]
        row = rows.setdefault(
            line.kind,
            KindLine(line.kind, senders.get(line.kind, "Its own"), wording, [], None),
        )
        row.languages.append(line.wording.language)
        if line.wording == wording:
            rows[line.kind] = replace(row, since=line.since)
    return list(rows.values())


def _languages(line: KindLine) -> list[lists.Cell]:
    return [
        lists.Cell(
            language.spoken_name,
            url_for(".show", kind=line.kind, language=language.value),
            says=f"{words(line.kind)} in {language.spoken_name}",
        )
        for language in line.languages
    ]


def _version(line: KindLine) -> str:
    return "Built in" if line.wording.version is None else f"Version {line.wording.version}"


_KINDS = lists.ListScreen(
    title="Mail templates",
    caption="Kinds of mail, by name",
    record=lambda line: url_for(".show", kind=line.kind, language=line.wording.language.value),
    rows_of=_rows,
    id_of=lambda line: line.kind,
    columns=lists.columns(
        "kind: Kind of mail | recipient: Who gets it, wrapped | sender: Sender",
        "languages: Languages, wrapped | version: Now sent, key | since: Since, moment",
        kind=lambda line: words(line.kind),
        recipient=lambda line: recipient_of(line.kind),
        languages=_languages,
        version=_version,
    ),
    buttons=(
        lists.Button(
            "Language…",
            "message_templates.language",
            MessageTemplatesMay.MANAGE,
            opens_beside=True,
        ),
    ),
    empty=lists.Empty("No mail is sent"),
    rows=50,
)
