"""Rows of which there is one by nature, such as an organization's settings: held to be changed.

Nobody writes them before somebody chooses something. Who finds none begins with the defaults, and
two people who do so at once take turns, as they do later.
"""

from collections.abc import Iterable
from typing import TypeVar
from zlib import crc32

from sqlalchemy import inspect, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from insurance.core.db import TenantTable
from insurance.core.tenancy import current_org

T = TypeVar("T", bound=TenantTable)
_MOST = 999_999_999


def hold_row(session: Session, first: T, *key: str) -> T:
    """Return the organization's row with the key of `first`, held; where there is none, `first`.

    `key` names the columns that tell its rows apart, besides the organization.
    """
    kind = type(first)
    given = {name: value for name, value in vars(first).items() if name in inspect(kind).columns}
    values = given | {"org_id": current_org()}
    session.execute(insert(kind).values(values).on_conflict_do_nothing())
    query = select(kind).where(kind.org_id == current_org())
    for name in key:
        query = query.where(getattr(kind, name) == values[name])
    held = query.with_for_update().execution_options(populate_existing=True)
    return session.scalars(held).one()


def version_of(values: Iterable[object]) -> int:
    """Return a version of what counts none: another number for other values, and never 0."""
    return crc32("\n".join(map(str, values)).encode()) % _MOST + 1
