"""Reading which words count for a kind of mail, and all that was written for it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session

from insurance.core.db import can_wait, gathered
from insurance.core.errors import NotFoundError
from insurance.core.tenancy import current_org
from insurance.message_templates.kinds import variables_of
from insurance.message_templates.models import (
    MessageSetting,
    MessageTemplate,
    MessageTemplateVersion,
)
from insurance.message_templates.rules import may_be_sent
from insurance.notifications.languages import Language
from insurance.notifications.texts import TEXTS
from insurance.notifications.wordings import Wording, shipped_wording

_IN_USE = and_(
    MessageTemplateVersion.org_id == MessageTemplate.org_id,
    MessageTemplateVersion.kind == MessageTemplate.kind,
    MessageTemplateVersion.language == MessageTemplate.language,
    MessageTemplateVersion.number == MessageTemplate.in_use,
)
_KNOWN = "wordings of mail"


@dataclass(frozen=True, slots=True)
class TemplateLine:
    """The words that count for a kind of mail in a language, and since when.

    `version` counts changes and is 0 while nobody made one; `since` is empty then.
    """

    kind: str
    wording: Wording
    version: int = 0
    since: datetime | None = None


def find_setting(session: Session) -> MessageSetting | None:
    """Return the language of the organization's mail, or None where nobody chose one."""
    return session.get(MessageSetting, current_org())


def list_templates(session: Session) -> list[TemplateLine]:
    """Return the words of every kind of mail in each language that has some, by kind."""
    own = {(line.kind, line.wording.language): line for line in _own_lines(session)}
    lines = []
    for kind in sorted(TEXTS):
        for language in Language:
            shipped = shipped_wording(kind, language)
            if line := own.get((kind, language)):
                lines.append(line)
            elif shipped:
                lines.append(TemplateLine(kind, shipped))
    return lines


def get_template(session: Session, kind: str, language: Language) -> TemplateLine:
    """Return the words that count for a kind of mail in a language; none where there are none yet.

    Raises NotFoundError for a kind of mail that the product does not send.
    """
    if kind not in TEXTS:
        raise NotFoundError("There is no such kind of mail.")
    head = session.get(MessageTemplate, (current_org(), kind, language), populate_existing=True)
    if head is None:
        return TemplateLine(kind, shipped_wording(kind, language) or Wording("", "", language))
    wording = get_wording(session, kind, language, head.in_use or 0)
    return TemplateLine(kind, wording, head.version, head.changed_at)


def get_wording(session: Session, kind: str, language: Language, number: int) -> Wording:
    """Return a version of a kind's words, 0 being the product's own, which may be none.

    Raises NotFoundError for a version that was never written.
    """
    if number == 0:
        return shipped_wording(kind, language) or Wording("", "", language)
    for version in session.scalars(_versions(kind, language, number)):
        return _wording_of(version)
    raise NotFoundError("There is no such version.")


def list_versions(
    session: Session, kind: str, language: Language
) -> Sequence[MessageTemplateVersion]:
    """Return what was written for a kind of mail in a language, newest first."""
    newest_first = MessageTemplateVersion.number.desc()
    return session.scalars(_versions(kind, language).order_by(newest_first)).all()


def last_number(session: Session, kind: str, language: Language) -> int:
    """Return the number of the newest version, 0 where none was written."""
    query = _versions(kind, language).with_only_columns(func.max(MessageTemplateVersion.number))
    return session.scalar(query) or 0


def wordings_of(session: Session, kinds: Collection[str]) -> Mapping[str, Wording]:
    """Return in which words kinds of mail are written now: those of the organization's language.

    Where there are none in it, those in English; where there are none of its own, the product's.
    """
    known = gathered(session, _KNOWN) if can_wait(session) else []
    found: dict[str, Wording] = dict(known)
    if asked := sorted(set(kinds) - found.keys()):
        language, own = _language_and_own(session, asked)
        for kind in asked:
            found[kind] = _first_of(kind, own, dict.fromkeys((language, Language.ENGLISH)))
        known.extend((kind, found[kind]) for kind in asked)
    return found


def _language_and_own(
    session: Session, kinds: Sequence[str]
) -> tuple[Language, dict[tuple[str, Language], TemplateLine]]:
    """Return the organization's language and its own words of kinds of mail, in one statement."""
    chosen = select(MessageSetting.language).where(MessageSetting.org_id == current_org())
    one = select(chosen.scalar_subquery().label("language")).subquery()
    is_asked = and_(MessageTemplate.org_id == current_org(), MessageTemplate.kind.in_(kinds))
    query = (
        select(one.c.language, MessageTemplate, MessageTemplateVersion)
        .select_from(one)
        .outerjoin(MessageTemplate, is_asked)
        .outerjoin(MessageTemplateVersion, _IN_USE)
    )
    rows = session.execute(query).all()
    own = {
        (head.kind, head.language): TemplateLine(
            head.kind, _wording_of(version), head.version, head.changed_at
        )
        for _language, head, version in rows
        if version is not None
    }
    return rows[0][0] or Language.ENGLISH, own


def _first_of(
    kind: str,
    own: Mapping[tuple[str, Language], TemplateLine],
    languages: Iterable[Language],
) -> Wording:
    for language in languages:
        line = own.get((kind, language))
        if line and may_be_sent(line.wording, variables_of(kind)):
            return line.wording
        if shipped := shipped_wording(kind, language):
            return shipped
    raise KeyError(kind)


def _own_lines(session: Session) -> Iterable[TemplateLine]:
    query = select(MessageTemplate, MessageTemplateVersion).join(MessageTemplateVersion, _IN_USE)
    query = query.where(MessageTemplate.org_id == current_org())
    for head, version in session.execute(query):
        yield TemplateLine(head.kind, _wording_of(version), head.version, head.changed_at)


def _wording_of(version: MessageTemplateVersion) -> Wording:
    return Wording(version.subject, version.body, version.language, version.number)


def _versions(
    kind: str, language: Language, number: int | None = None
) -> Select[MessageTemplateVersion]:
    query = select(MessageTemplateVersion).where(
        MessageTemplateVersion.org_id == current_org(),
        MessageTemplateVersion.kind == kind,
        MessageTemplateVersion.language == language,
    )
    return query if number is None else query.where(MessageTemplateVersion.number == number)
