"""Housekeeping: waking what was lost, forgetting what has served its time."""

from datetime import timedelta

from sqlalchemy import delete

from insurance.core import clock
from insurance.core.db import transaction
from insurance.core.idempotency import IdempotencyKey
from insurance.core.tenancy import current_org
from insurance.jobs import lacking_wake_up, wake
from insurance.jobs.outbox import find_waiting
from insurance.jobs.periodic import Periodic

_KEYS_KEPT = timedelta(days=30)


def wake_waiting_jobs() -> None:
    """Wake every job of the organization in scope that is due, not held and not being woken."""
    waiting = lacking_wake_up(find_waiting())
    if waiting:
        wake(current_org(), waiting)


def forget_old_keys() -> None:
    """Delete idempotency keys that are older than thirty days."""
    with transaction() as session:
        session.execute(
            delete(IdempotencyKey).where(
                IdempotencyKey.org_id == current_org(),
                IdempotencyKey.created_at < clock.now() - _KEYS_KEPT,
            )
        )


PERIODIC = (
    Periodic(5, wake_waiting_jobs),
    Periodic(3600, forget_old_keys),
)
