"""Keeping, forgetting and expiring drafts.

None of it stands in the audit log: a draft is a person's own paper, and changes nothing of the
organization's. What is saved from it is recorded when it is saved.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import ColumnElement, case, delete, exists, func, literal, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from insurance.core import crypto
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import DomainError, ForbiddenError, NotFoundError
from insurance.core.tenancy import current_org
from insurance.drafts.models import Draft
from insurance.drafts.rules import (
    AT_IT_FOR,
    KEPT_FOR,
    LONGEST_TITLE,
    MOST_DRAFTS,
    kept_fields,
)


@dataclass(frozen=True)
class FormPlace:
    """Where a form stands: its address, its name there, and the record that it changes, if any."""

    address: str
    form: str
    record: str | None = None


def keep_draft(
    place: FormPlace,
    fields: Iterable[tuple[str, str]],
    *,
    title: str,
    about: str,
    now: datetime,
) -> None:
    """Keep what the person has typed into a form, in place of what they had typed there before.

    Raises DomainError for more than any form has, and where the person has too many drafts.
    """
    kept = kept_fields(fields)
    if kept is None:
        raise DomainError("This is more than a draft can hold.")
    user_id, org_id = _person(), current_org()
    draft_id = _id_of(user_id, place)
    words = {"title": title[:LONGEST_TITLE], "about": about[:LONGEST_TITLE], "fields": kept}
    row = {
        "org_id": org_id,
        "id": draft_id,
        "user_id": user_id,
        "address": place.address,
        "form": place.form,
        "record": place.record,
        "words_cipher": crypto.encrypt(org_id, "drafts", "words", draft_id, json.dumps(words)),
        "began_at": now,
        "saved_at": now,
    }
    with transaction() as session:
        if session.execute(_keeping(row)).one_or_none() is None:
            raise DomainError(f"You have {MOST_DRAFTS} drafts. Save or discard some of them first.")


def _keeping(row: dict[str, Any]) -> ReturningInsert[Any]:
    """Return the one statement that keeps a draft where there is room for it, or it is there."""
    own = (Draft.org_id == row["org_id"], Draft.user_id == row["user_id"])
    has_room = select(func.count()).select_from(Draft).where(*own).scalar_subquery() < MOST_DRAFTS
    is_there = exists().where(*own, Draft.id == row["id"])
    columns = Draft.__table__.c
    values = select(*(literal(value, columns[name].type) for name, value in row.items()))
    keeping = insert(Draft).from_select(list(row), values.where(or_(has_room, is_there)))
    new, has_paused = keeping.excluded, Draft.saved_at < row["saved_at"] - AT_IT_FOR
    return keeping.on_conflict_do_update(
        index_elements=["org_id", "id"],
        set_={
            "record": new.record,
            "words_cipher": new.words_cipher,
            "began_at": case((has_paused, new.began_at), else_=Draft.began_at),
            "saved_at": new.saved_at,
        },
    ).returning(Draft.id)


def forget_draft(place: FormPlace) -> None:
    """Forget what the person has typed into a form, if anything is kept of it."""
    with transaction() as session:
        session.execute(delete(Draft).where(*_own(), Draft.id == _id_of(_person(), place)))


def discard_draft(draft_id: UUID) -> None:
    """Forget one of the person's drafts. Raises NotFoundError for any other."""
    with transaction() as session:
        gone = delete(Draft).where(*_own(), Draft.id == draft_id).returning(Draft.id)
        if session.execute(gone).one_or_none() is None:
            raise NotFoundError


def delete_expired(*, now: datetime) -> int:
    """Delete what nobody went on with for `KEPT_FOR`; return how many drafts that were."""
    with transaction() as session:
        expired = delete(Draft).where(
            Draft.org_id == current_org(), Draft.saved_at < now - KEPT_FOR
        )
        return len(session.execute(expired.returning(Draft.id)).all())


def _id_of(user_id: UUID, place: FormPlace) -> UUID:
    return uuid5(user_id, f"{place.address}#{place.form}")


def _own() -> tuple[ColumnElement[bool], ...]:
    return Draft.org_id == current_org(), Draft.user_id == _person()


def _person() -> UUID:
    user_id = current_actor().user_id
    if user_id is None:
        raise ForbiddenError("Drafts are kept for people.")
    return user_id
