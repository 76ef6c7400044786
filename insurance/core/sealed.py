"""The columns that hold encrypted values: one registry, read from the models themselves."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Table, bindparam, select, update
from sqlalchemy.orm import Session

from insurance.core import crypto
from insurance.core.db import Base
from insurance.core.tenancy import PLATFORM_ORG_ID, current_org

_PLACE = "sealed_place"
_WAS_PLAIN = "sealed_was_plain"
_CIPHERTEXT = r"^v1\.[0-9a-f]{8}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$"


def sealed(table: str, column: str, *, was_plain: bool = False) -> dict[str, Any]:
    """Mark a model's column, as its `info`: its values are encrypted for this place.

    Where it `was_plain`, those of before are words as they are; the next renewal encrypts them.
    """
    return {_PLACE: (table, column), _WAS_PLAIN: was_plain}


def is_sealed(value: str) -> bool:
    """Tell whether a value of such a column is a ciphertext; those of before may be plain."""
    return re.fullmatch(_CIPHERTEXT, value) is not None


@dataclass(frozen=True)
class SealedColumn:
    """A column of encrypted values, and the table and column that each is bound to."""

    table: Table
    column: Column[Any]
    place: tuple[str, str]
    was_plain: bool

    @property
    def is_of_a_tenant(self) -> bool:
        """Tell whether its rows belong to organizations; others are encrypted for the platform."""
        return "org_id" in self.table.c

    def renew(self, session: Session, *, after: UUID | None, batch: int) -> list[UUID]:
        """Encrypt up to `batch` values of the organization in scope with the newest key.

        Only what an older key protects is touched, and what is plain where it once was. Returns the ids of the rows, in their order.
        Raises UnreadableError where the key of a value is no longer configured.
        """
        row_id = self.table.c.id
        is_cipher = self.column.regexp_match(_CIPHERTEXT)
        is_older = is_cipher & self.column.not_like(f"{crypto.newest_prefix()}%")
        query = select(row_id, self.column).where(
            is_older | ~is_cipher if self.was_plain else is_older
        )
        if self.is_of_a_tenant:
            query = query.where(self.table.c.org_id == current_org())
        if after is not None:
            query = query.where(row_id > after)
        rows = session.execute(query.order_by(row_id).limit(batch).with_for_update()).all()
        if rows:
            change = update(self.table).where(row_id == bindparam("row"))
            if self.is_of_a_tenant:
                change = change.where(self.table.c.org_id == current_org())
            session.connection().execute(
                change.values({self.column: bindparam("renewed")}),
                [{"row": row, "renewed": self._renewed(row, old)} for row, old in rows],
            )
        return [row for row, _ in rows]

    def _renewed(self, row_id: UUID, old: str) -> str:
        org = current_org() if self.is_of_a_tenant else PLATFORM_ORG_ID
        text = crypto.decrypt(org, *self.place, row_id, old) if is_sealed(old) else old
        return crypto.encrypt(org, *self.place, row_id, text)


def sealed_columns() -> Iterator[SealedColumn]:
    """Return every column that a model marks as encrypted."""
    for table in Base.metadata.tables.values():
        for column in table.columns:
            if _PLACE in column.info:
                yield SealedColumn(table, column, column.info[_PLACE], column.info[_WAS_PLAIN])
