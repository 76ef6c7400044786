"""Records as plain facts, for the audit log and for telling two edits apart."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import Numeric

from insurance.audit_logs.rules import plain
from insurance.core.db import Base
from insurance.core.errors import StaleError
from insurance.products.models import Product, ProductVersion
from insurance.products.services.facts import TERM_FIELDS

_BOOKKEEPING = frozenset({"org_id", "created_at", "updated_at"})


def snapshot(record: Base) -> dict[str, Any]:
    """Return a record's columns without the bookkeeping."""
    names = [column.key for column in record.__mapper__.column_attrs]
    return {name: getattr(record, name) for name in names if name not in _BOOKKEEPING}


def assign(record: Base, values: Mapping[str, Any]) -> None:
    """Set columns; amounts get the decimals that the database will give them."""
    columns = record.__table__.columns
    for name, value in values.items():
        kind = columns[name].type
        if isinstance(value, Decimal) and isinstance(kind, Numeric) and kind.scale is not None:
            value = value.quantize(Decimal(1).scaleb(-kind.scale))
        setattr(record, name, value)


def refuse_stale(
    what: str, saved: Mapping[str, Any], wanted: Mapping[str, Any], version: int, seen: int | None
) -> None:
    """Raise StaleError with both values if somebody else saved since `seen`; None asks nothing."""
    if seen is None or seen == version:
        return
    fields = [field for field in wanted if saved.get(field) != wanted[field]]
    raise StaleError(
        f"Somebody else changed this {what} in the meantime. Nothing of yours was saved.",
        theirs=plain({field: saved.get(field) for field in fields} | {"version": version}),
        yours=plain({field: wanted[field] for field in fields}),
    )


def snapshot_both(product: Product, version: ProductVersion) -> dict[str, Any]:
    """Return a product and one of its versions as the audit log shows them."""
    terms = {name: getattr(version, name) for name in sorted(TERM_FIELDS)}
    return (
        snapshot(product)
        | terms
        | {
            "version_number": version.number,
            "version_status": version.status,
        }
    )
