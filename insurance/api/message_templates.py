"""What mails say, in the API: words by kind and language, their versions, and trying them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from insurance.api.edge import Answer, Body, endpoint
from insurance.core import clock
from insurance.core.db import db
from insurance.message_templates import previews, queries, services
from insurance.message_templates.kinds import language_of, recipient_of, variables_of
from insurance.message_templates.permissions import MessageTemplatesMay
from insurance.message_templates.queries import TemplateLine
from insurance.notifications.languages import Language
from insurance.notifications.wordings import Wording
from insurance.web.parsing import Words

TAG = "Message templates"
_SUBJECT = "Our decision on claim {number}"
_BODY = "Dear {name}\n\nWe look at your claim {number} again.\n\n{organization}\n"
_PATH = "/message-templates/<kind>/<language>"


class TemplateVariableAnswer(Answer):
    """A value that may stand in a kind of mail, as its name in braces."""

    name: str = Field(examples=["number"])
    meaning: str = Field(examples=["the number of the claim"])
    example: str = Field(examples=["CLM-2026-000001"])
    is_required: bool


class TemplateAnswer(Answer):
    """The words that count; `template_version` is null for the product's own."""

    kind: str = Field(examples=["claim_reopened"])
    language: Language = Field(examples=["en"])
    recipient: str = Field(examples=["The claimant"])
    subject: str = Field(examples=[_SUBJECT])
    body: str = Field(examples=[_BODY])
    template_version: int | None
    since: datetime | None
    version: int = Field(description="Counts changes; send it back with a change")


class WholeTemplateAnswer(TemplateAnswer):
    """The words that count, with all that may stand in them."""

    variables: list[TemplateVariableAnswer]


class TemplateBody(Body):
    """The words of the next version; a change since `version` is refused."""

    subject: Words = Field(min_length=1, max_length=200, examples=[_SUBJECT])
    body: Words = Field(min_length=1, max_length=5000, examples=[_BODY])
    version: int = Field(ge=0, le=2**31, examples=[0])


class TemplateVersionAnswer(Answer):
    """A version as it was written."""

    number: int
    subject: str = Field(examples=[_SUBJECT])
    body: str = Field(examples=[_BODY])
    written_by: str | None = Field(examples=["nomsa@ubuntulife.example"])
    written_at: datetime


class TemplateUseBody(Body):
    """The version that shall count; 0 is the product's own words."""

    number: int = Field(ge=0, le=2**31, examples=[1])
    version: int = Field(ge=0, le=2**31, examples=[2])


class TemplateDraftBody(Body):
    """Words that are not saved; where nothing is said, those that count."""

    subject: Words | None = Field(None, max_length=200, examples=[_SUBJECT])
    body: Words | None = Field(None, max_length=5000, examples=[_BODY])


class TemplatePreviewBody(TemplateDraftBody):
    """Words to look at, on the record with a number or on samples."""

    record: Words | None = Field(None, max_length=40, examples=["CLM-2026-000001"])


class TemplatePreviewAnswer(Answer):
    """What a recipient would read; `samples` names the values that are no record's."""

    subject: str = Field(examples=["Our decision on claim CLM-2026-000001"])
    body: str = Field(examples=["Dear Thandi Mokoena\n\nWe look at your claim again.\n"])
    samples: list[str] = Field(examples=[["amount"]])


class TemplateTestAnswer(Answer):
    """The mail that is on its way to who asked."""

    mail_id: UUID


class MailLanguageAnswer(Answer):
    """The language that mail is written in, where there are words in it."""

    language: Language = Field(examples=["af"])
    version: int


class MailLanguageBody(Body):
    """The language that mail shall be written in."""

    language: Language = Field(examples=["af"])
    version: int = Field(ge=0, le=2**31, examples=[0])


@endpoint("GET", "/message-templates", may=MessageTemplatesMay.VIEW, answer=list[TemplateAnswer],
          tag=TAG)  # fmt: skip
def list_message_templates():
    """List the words of every kind of mail in each language that has some."""
    return [_answer(line) for line in queries.list_templates(db.session())]


@endpoint("GET", "/message-templates/language", may=MessageTemplatesMay.VIEW,
          answer=MailLanguageAnswer, tag=TAG)  # fmt: skip
def get_mail_language():
    """Get the language that mail is written in."""
    setting = queries.find_setting(db.session())
    return setting or {"language": Language.ENGLISH, "version": 0}


@endpoint("PUT", "/message-templates/language", may=MessageTemplatesMay.MANAGE,
          body=MailLanguageBody, answer=MailLanguageAnswer, tag=TAG)  # fmt: skip
def change_mail_language(body: MailLanguageBody):
    """Choose the language that mail is written in."""
    services.choose_language(body.language, version=body.version)
    return {"language": body.language, "version": body.version + 1}


@endpoint("GET", _PATH, may=MessageTemplatesMay.VIEW, answer=WholeTemplateAnswer, tag=TAG)
def get_message_template(kind: str, language: str):
    """Get the words of a kind of mail in a language, with the values that may stand in them."""
    return _whole(kind, language_of(kind, language))


@endpoint("PUT", _PATH, may=MessageTemplatesMay.MANAGE, body=TemplateBody,
          answer=WholeTemplateAnswer, tag=TAG)  # fmt: skip
def change_message_template(kind: str, language: str, body: TemplateBody):
    """Write the next version of a kind's words; it counts from the next mail on."""
    spoken = language_of(kind, language)
    services.save_template(
        kind, spoken, body.subject, body.body, version=body.version, now=clock.now()
    )
    return _whole(kind, spoken)


@endpoint("GET", f"{_PATH}/versions", may=MessageTemplatesMay.VIEW, answer=list[TemplateVersionAnswer],
          tag=TAG)  # fmt: skip
def list_message_template_versions(kind: str, language: str):
    """List what was written for a kind of mail in a language, newest first."""
    return list(queries.list_versions(db.session(), kind, language_of(kind, language)))


@endpoint("POST", f"{_PATH}/versions", may=MessageTemplatesMay.MANAGE, body=TemplateUseBody,
          answer=WholeTemplateAnswer, tag=TAG)  # fmt: skip
def use_message_template_version(kind: str, language: str, body: TemplateUseBody):
    """Let an earlier version count from the next mail on."""
    spoken = language_of(kind, language)
    services.use_version(kind, spoken, body.number, version=body.version, now=clock.now())
    return _whole(kind, spoken)


@endpoint("POST", f"{_PATH}/preview", may=MessageTemplatesMay.VIEW, body=TemplatePreviewBody,
          answer=TemplatePreviewAnswer, tag=TAG)  # fmt: skip
def preview_message_template(kind: str, language: str, body: TemplatePreviewBody):
    """See words with values in them, of a record or of samples."""
    spoken = language_of(kind, language)
    current = queries.get_template(db.session(), kind, spoken).wording
    draft = Wording(
        current.subject if body.subject is None else body.subject,
        current.body if body.body is None else body.body,
        spoken,
    )
    return previews.preview_wording(db.session(), kind, draft, number=body.record)


@endpoint("POST", f"{_PATH}/test", may=MessageTemplatesMay.MANAGE, body=TemplateDraftBody,
          answer=TemplateTestAnswer, status=202, tag=TAG)  # fmt: skip
def test_message_template(kind: str, language: str, body: TemplateDraftBody):
    """Mail words with sample values to yourself, as the sender of the kind."""
    spoken = language_of(kind, language)
    return {"mail_id": services.send_test(kind, spoken, subject=body.subject, body=body.body)}


def _answer(line: TemplateLine) -> dict[str, Any]:
    return {
        "kind": line.kind,
        "language": line.wording.language,
        "recipient": recipient_of(line.kind),
        "subject": line.wording.subject,
        "body": line.wording.body,
        "template_version": line.wording.version,
        "since": line.since,
        "version": line.version,
    }


def _whole(kind: str, language: Language) -> dict[str, Any]:
    line = queries.get_template(db.session(), kind, language)
    return _answer(line) | {"variables": list(variables_of(kind).values())}
