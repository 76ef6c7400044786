"""Writing what mails say; a change counts from the next mail on, and nothing written is lost."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, StaleError
from insurance.core.first_rows import hold_row
from insurance.core.ids import new_id
from insurance.message_templates import queries
from insurance.message_templates.kinds import check_kind, samples_of, variables_of
from insurance.message_templates.models import (
    MessageSetting,
    MessageTemplate,
    MessageTemplateVersion,
)
from insurance.message_templates.rules import check_wording
from insurance.notifications.languages import Language
from insurance.notifications.services import send_worded
from insurance.notifications.wordings import Wording
from insurance.organizations.queries import get_organization

DRAFT = 0
"""The version of a mail whose words were not saved."""


def save_template(
    kind: str, language: Language, subject: str, body: str, *, version: int, now: datetime
) -> MessageTemplateVersion:
    """Write the next version of a kind's words in a language; it counts from the next mail on.

    Raises DomainErrors at what is wrong with the words, StaleError where somebody changed since
    `version` what counts, ConflictError where these words count already.
    """
    check_kind(kind)
    wanted = check_wording(kind, Wording(subject, body, language), variables_of(kind))
    with transaction() as session:
        head = _hold(session, kind, language, now)
        before = queries.get_wording(session, kind, language, head.in_use or 0)
        _check_seen(head, version, _said(before), _said(wanted))
        if _said(before) == _said(wanted):
            raise ConflictError("These words are in use already.")
        written = MessageTemplateVersion(
            id=new_id(),
            kind=kind,
            language=language,
            number=queries.last_number(session, kind, language) + 1,
            subject=wanted.subject,
            body=wanted.body,
            written_by=current_actor().email,
            written_at=now,
        )
        session.add(written)
        session.flush()
        _put_to_use(head, written.number, now)
        facts = {"version": written.number} | _said(wanted)
        _record(session, "save", head, _said(before), facts)
        return written


def use_version(kind: str, language: Language, number: int, *, version: int, now: datetime) -> None:
    """Let an earlier version's words count from the next mail on, or with 0 the product's own.

    Raises NotFoundError for a version that was never written, ConflictError for the one in use,
    StaleError where somebody changed since `version` what counts, DomainError for words that may
    no longer be sent.
    """
    check_kind(kind)
    with transaction() as session:
        wanted = queries.get_wording(session, kind, language, number)
        head = _hold(session, kind, language, now)
        current = head.in_use or 0
        _check_seen(head, version, {"in_use": current}, {"in_use": number})
        if current == number:
            raise ConflictError("This version is in use already.")
        if number:
            check_wording(kind, wanted, variables_of(kind))
        before = queries.get_wording(session, kind, language, current)
        _put_to_use(head, number or None, now)
        text = f"Version {number}" if number else "The built-in text"
        _record(session, "use", head, _said(before), {"text": text} | _said(wanted))


def choose_language(language: Language, *, version: int) -> None:
    """Write mail in a language from now on, where there are words in it.

    Raises StaleError where somebody chose since `version`.
    """
    with transaction() as session:
        setting = hold_row(session, MessageSetting(language=Language.ENGLISH, version=0))
        before = {"language": setting.language.spoken_name}
        after = {"language": language.spoken_name}
        if setting.version != version:
            raise StaleError("Somebody else saved first.", theirs=before, yours=after)
        setting.language = language
        setting.version += 1
        record(
            session,
            action="message_templates.speak",
            resource="message_settings",
            resource_id="language",
            before=before,
            after=after,
        )


def send_test(
    kind: str, language: Language, *, subject: str | None = None, body: str | None = None
) -> UUID:
    """Mail a kind's words with sample values to who asks, as its sender; return the mail's id.

    With a subject or body they are words that were not saved. Raises DomainErrors at what is wrong
    with them, ConflictError where there are no words in the language.
    """
    check_kind(kind)
    to = current_actor().email
    if to is None:
        raise ConflictError("A test goes to who asks for it, and this key is nobody's.")
    with transaction() as session:
        wording = queries.get_template(session, kind, language).wording
        if subject is not None or body is not None:
            draft = Wording(
                wording.subject if subject is None else subject,
                wording.body if body is None else body,
                language,
                DRAFT,
            )
            wording = check_wording(kind, draft, variables_of(kind))
        if not wording.body:
            raise ConflictError(f"There are no words in {language.spoken_name} yet.")
        values = samples_of(kind) | {"organization": get_organization(session).name}
        tried = Wording(f"Test: {wording.subject}", wording.body, language, wording.version)
        mail_id = send_worded(session, kind, tried, to=to, values=values)
        record(
            session,
            action="message_templates.test",
            resource="message_templates",
            resource_id=f"{kind}/{language.value}",
            after=_named(kind, language) | {"to": to},
        )
        return mail_id


def _hold(session: Session, kind: str, language: Language, now: datetime) -> MessageTemplate:
    first = MessageTemplate(kind=kind, language=language, in_use=None, version=0, changed_at=now)
    return hold_row(session, first, "kind", "language")


def _check_seen(
    head: MessageTemplate, version: int, theirs: dict[str, Any], yours: dict[str, Any]
) -> None:
    if head.version != version:
        raise StaleError("Somebody else saved first.", theirs=theirs, yours=yours)


def _put_to_use(head: MessageTemplate, number: int | None, now: datetime) -> None:
    head.in_use, head.changed_at = number, now
    head.version += 1


def _said(wording: Wording) -> dict[str, Any]:
    return {"subject": wording.subject, "body": wording.body}


def _named(kind: str, language: Language) -> dict[str, Any]:
    return {"kind": kind, "language": language.spoken_name}


def _record(
    session: Session,
    act: str,
    head: MessageTemplate,
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:
    named = _named(head.kind, head.language)
    record(
        session,
        action=f"message_templates.{act}",
        resource="message_templates",
        resource_id=f"{head.kind}/{head.language.value}",
        before=named | before,
        after=named | after,
    )
