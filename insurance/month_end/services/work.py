"""Doing a run, chunk by chunk, each one transaction.

A chunk is claimed by locking its own row, so that any number of workers share a run, and one that
dies gives its chunk back with the transaction. What is done is what the rows say.
"""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from insurance.core.db import transaction
from insurance.month_end import queries
from insurance.month_end.models import (
    RunStatus,
)
from insurance.month_end.services.applying import apply_next
from insurance.month_end.services.planning import plan_next


def work_on(run_id: UUID, *, now: Callable[[], datetime], seconds: float | None = None) -> bool:
    """Do chunks of a run until none is left; return False where time ran out before."""
    until = None if seconds is None else time.monotonic() + seconds
    while until is None or time.monotonic() < until:
        with transaction() as session:
            status = queries.get_run(session, run_id).status
        if status not in queries.BUSY:
            return True
        with _without_collecting():
            step = plan_next if status is RunStatus.PLANNING else apply_next
            is_more = step(run_id, now())
        if not is_more:
            return True
    return False


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Spare a chunk's hundred thousand living rows the search for garbage among them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
