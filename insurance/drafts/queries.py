"""Reading drafts: one's own with their words, of others only that they are there."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row, and_, case, null, or_, select
from sqlalchemy.orm import Session

from insurance.core import crypto
from insurance.core.tenancy import current_org
from insurance.drafts.models import Draft
from insurance.drafts.rules import AT_IT_FOR, Typed

_log = structlog.get_logger()


@dataclass(frozen=True)
class KeptWords:
    """A draft of the person's own: the form in words, what it is about, and what was typed."""

    id: UUID
    address: str
    form: str
    title: str
    about: str
    fields: Typed
    saved_at: datetime


@dataclass(frozen=True)
class AtRecord:
    """Somebody else who is changing the same record, and since when."""

    user_id: UUID
    began_at: datetime


def find_at(
    session: Session, user_id: UUID, address: str, record: str, *, now: datetime
) -> tuple[list[KeptWords], list[AtRecord]]:
    """Return a person's drafts at an address, and who else is changing the record, in one reading."""
    is_own = and_(Draft.user_id == user_id, Draft.address == address)
    is_beside = and_(
        Draft.record == record, Draft.user_id != user_id, Draft.saved_at > now - AT_IT_FOR
    )
    rows = session.execute(
        select(
            Draft.id, Draft.user_id, Draft.address, Draft.form, Draft.began_at, Draft.saved_at,
            case((Draft.user_id == user_id, Draft.words_cipher), else_=null()).label("sealed"),
        ).where(Draft.org_id == current_org(), or_(is_own, is_beside))
    ).all()  # fmt: skip
    own = [words for row in rows if row.sealed and (words := _opened(row, row.sealed))]
    others: dict[UUID, datetime] = {}
    for row in rows:
        if row.user_id != user_id:
            others[row.user_id] = min(row.began_at, others.get(row.user_id, row.began_at))
    return own, [AtRecord(*other) for other in sorted(others.items(), key=lambda other: other[1])]


def list_drafts(
    session: Session, user_id: UUID, *, limit: int, found: Sequence[UUID] | None = None
) -> list[KeptWords]:
    """Return a person's drafts, the newest first."""
    query = (
        select(Draft)
        .where(Draft.org_id == current_org(), Draft.user_id == user_id)
        .order_by(Draft.saved_at.desc(), Draft.id)
        .limit(limit)
    )
    if found is not None:
        query = query.where(Draft.id.in_(found))
    drafts = session.scalars(query)
    return [words for draft in drafts if (words := _opened(draft, draft.words_cipher))]


def _opened(row: Draft | Row[Any], sealed: str) -> KeptWords | None:
    """Return a draft with its words; None where their key is gone: it is lost, the form is not."""
    try:
        text = crypto.decrypt(current_org(), "drafts", "words", row.id, sealed)
    except crypto.UnreadableError as error:
        _log.warning("a draft cannot be read", draft_id=str(row.id), exc_info=error)
        return None
    words = json.loads(text)
    fields = tuple((name, value) for name, value in words["fields"])
    return KeptWords(
        row.id, row.address, row.form, words["title"], words["about"], fields, row.saved_at
    )
