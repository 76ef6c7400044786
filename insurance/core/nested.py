"""Reading rows of several tables in one statement: those of a table come as one JSON array."""

import json
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import inspect
from sqlalchemy.orm import Session, make_transient_to_detached

from insurance.core.db import TenantTable

R = TypeVar("R", bound=TenantTable)


def records_of(model: type[R], rows: str | None) -> list[R]:
    """Return the records of a JSON array of a table's rows, as `json_agg(...)::text` has them.

    They stand for themselves: what is changed on them is written nowhere, unless they are
    `attached`.
    """
    found = json.loads(rows, parse_float=Decimal) if rows else []
    return [model(**_values(row, _readers(model))) for row in found]


def attached(session: Session, records: Iterable[R]) -> list[R]:
    """Make records those of a session, as though it had read them itself.

    One that it knows already shows what was read: nothing of it may wait to be written.
    """
    found = []
    for record in records:
        make_transient_to_detached(record)
        found.append(session.merge(record, load=False))
    return found


def _values(row: dict[str, Any], readers: dict[str, Callable[[Any], Any]]) -> dict[str, Any]:
    return {name: None if row[name] is None else read(row[name]) for name, read in readers.items()}


@cache
def _readers(model: type[TenantTable]) -> dict[str, Callable[[Any], Any]]:
    return {
        attr.key: _reader(attr.columns[0].type.python_type) for attr in inspect(model).column_attrs
    }


def _reader(kind: type) -> Callable[[Any], Any]:
    known: dict[type, Callable[[Any], Any]] = {
        date: date.fromisoformat,
        datetime: datetime.fromisoformat,
        bytes: lambda text: bytes.fromhex(text.removeprefix("\\x")),
        UUID: UUID,
        Decimal: Decimal,
    }
    if issubclass(kind, Enum):
        return kind
    return known.get(kind, lambda value: value)
