"""What a module of jobs says of those that run every so often, in its `PERIODIC`."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Periodic:
    """A job that runs every so often, in each organization or (once) on the platform."""

    every_seconds: float
    run: Callable[[], object]
    per_organization: bool = True

    @property
    def name(self) -> str:
        """Return its name, such as `claims.watch_deadlines`."""
        return f"{self.run.__module__.rpartition('.')[2]}.{self.run.__name__}"
