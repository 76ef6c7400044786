"""Explaining files that nobody knows: a mapping is saved once for its heading."""

from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import DomainError
from insurance.core.ids import new_id
from insurance.core.records import get_record
from insurance.core.tenancy import current_org
from insurance.reconciliation.models import ReconciliationMapping
from insurance.reconciliation.readers import check, plain_names

MAPPINGS_AT_MOST = 200
LONGEST_NAME = 80


def save_mapping(
    name: str,
    heading: Sequence[str],
    columns: ReadOnly[str, str],
    *,
    is_month_first: bool = False,
    now: datetime,
) -> ReconciliationMapping:
    """Save what the columns of a heading mean: `columns` gives each field its column.

    A heading that was explained before is explained anew. Raises DomainError at `name` or
    `columns` for what nothing can be read by.
    """
    names = plain_names(heading)
    name = " ".join(name.split())
    wrong = [column for column in columns.values() if column not in names]
    if wrong or len(set(names)) < len(names):
        raise DomainError("The columns are not those of the heading.", field="columns")
    check(name, names, {names.index(column): field for field, column in columns.items()})
    if len(name) > LONGEST_NAME:
        raise DomainError(f"A name has at most {LONGEST_NAME} characters.", field="name")
    with transaction() as session:
        mapping = _find(session, "|".join(names), name)
        before = _facts(mapping) if mapping else None
        if mapping is None:
            mapping = ReconciliationMapping(id=new_id(), heading_key="|".join(names))
            session.add(mapping)
        mapping.name, mapping.heading = name, names
        mapping.columns, mapping.is_month_first = dict(columns), is_month_first
        mapping.saved_at, mapping.saved_by = now, current_actor().email
        session.flush()
        record(
            session,
            action="reconciliation.save_mapping",
            resource="reconciliation_mappings",
            resource_id=mapping.id,
            before=before,
            after=_facts(mapping),
        )
        return mapping


def delete_mapping(mapping_id: UUID) -> None:
    """Forget a mapping: files with its heading are asked about again. Raises NotFoundError."""
    with transaction() as session:
        mapping = get_record(session, ReconciliationMapping, mapping_id, lock=True)
        record(
            session,
            action="reconciliation.delete_mapping",
            resource="reconciliation_mappings",
            resource_id=mapping.id,
            before=_facts(mapping),
        )
        session.delete(mapping)


def _find(session: Session, key: str, name: str) -> ReconciliationMapping | None:
    """Return the mapping of a heading, held. Raises DomainError where another has the name."""
    known = session.scalars(
        select(ReconciliationMapping)
        .where(ReconciliationMapping.org_id == current_org())
        .with_for_update()
    ).all()
    if any(one.name == name and one.heading_key != key for one in known):
        raise DomainError("Another mapping has this name.", field="name")
    found = next((one for one in known if one.heading_key == key), None)
    if found is None and len(known) >= MAPPINGS_AT_MOST:
        raise DomainError(f"There are at most {MAPPINGS_AT_MOST} mappings.", field="name")
    return found


def _facts(mapping: ReconciliationMapping) -> dict[str, Any]:
    return {
        "name": mapping.name,
        "heading": mapping.heading,
        "columns": mapping.columns,
        "is_month_first": mapping.is_month_first,
    }
