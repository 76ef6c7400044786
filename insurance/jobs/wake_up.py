"""The only job that a worker takes from the queue: look at one row of one organization's outbox.

RQ would import whatever dotted name the queue holds, call back by name and post to addresses.
Whoever can write to the queue's server could then run code here; with this class such a job fails.
"""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from rq.job import Job

from insurance.jobs import outbox

NAME = "insurance.jobs.outbox.run"


class ForeignJobError(Exception):
    """The queue holds something that this product did not put there."""


class WakeUp(Job):
    """A job that runs `outbox.run(org_id, job_id)` and nothing else."""

    @property
    def func(self) -> Callable[..., Any]:
        """Return the one function. Raises ForeignJobError for any other call."""
        if self.func_name != NAME or self.instance is not None or self.kwargs:
            raise ForeignJobError(f"The queue held a job that is not ours: {self.func_name!r}.")
        if len(self.args) != 2 or not all(_is_id(argument) for argument in self.args):
            raise ForeignJobError("The queue held a wake-up without its two ids.")
        return outbox.run

    def restore(self, raw_data: Mapping[Any, Any]) -> None:
        """Read the job, without the calls and posts that it may ask for afterwards."""
        super().restore({key: said for key, said in raw_data.items() if key not in _NEVER})


_NEVER = frozenset(
    {b"success_callback_name", b"failure_callback_name", b"stopped_callback_name", b"webhooks"}
)


def _is_id(argument: object) -> bool:
    try:
        return isinstance(argument, str) and bool(UUID(argument))
    except ValueError:
        return False
