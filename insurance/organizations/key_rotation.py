"""Encrypting what an organization keeps with the newest master key."""

from uuid import UUID

from insurance.audit_logs.services import record
from insurance.core.db import transaction
from insurance.core.sealed import SealedColumn, sealed_columns
from insurance.core.tenancy import PLATFORM_ORG_ID, current_org


def rotate_keys(*, batch: int = 1000) -> dict[str, int]:
    """Encrypt with the newest key what an older one protects; return how many values of what.

    In the platform's scope that is also what belongs to no organization, such as the secrets of
    second factors. Each batch is a transaction: a run that was broken off is simply run again.
    Raises UnreadableError where the key of a value is no longer configured.
    """
    changed = {}
    for column in sealed_columns():
        if column.is_of_a_tenant or current_org() == PLATFORM_ORG_ID:
            renewed = _renew(column, batch)
            if renewed:
                changed[f"{column.table.name}.{column.column.name}"] = renewed
    return changed


def _renew(column: SealedColumn, batch: int) -> int:
    renewed = 0
    last: UUID | None = None
    while True:
        with transaction() as session:
            rows = column.renew(session, after=last, batch=batch)
            if not rows:
                return renewed
            record(
                session,
                action="keys.rotate",
                resource="organizations",
                resource_id=current_org(),
                after={"column": str(column.column), "values": len(rows)},
            )
        renewed += len(rows)
        last = rows[-1]
