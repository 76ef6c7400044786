"""The servers of one run of the suite: all its workers share them, and one migrated database."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sqlalchemy.engine import make_url

from insurance.embedded import InstanceInUseError, Services

_AT_ONCE = fcntl.LOCK_EX | fcntl.LOCK_NB


@contextmanager
def only_one(lock: Path, kind: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Be the only one of all processes that holds a lock, or with LOCK_SH one of its sharers.

    A process that dies lets go of it.
    """
    with lock.open("a") as file:
        fcntl.flock(file, kind)
        yield


@contextmanager
def shared_services(folder: Path) -> Iterator[Services]:
    """Return the servers in a folder: the first to come starts them, and waits for all to end.

    They would end with the process that started them, while others still use them.
    """
    services, is_mine = Services(folder / "services"), False
    starting, users = folder / "services.starting", folder / "services.users"
    with ExitStack() as using:
        with only_one(starting):
            with suppress(InstanceInUseError):
                services.start()
                is_mine = True
            using.enter_context(only_one(users, fcntl.LOCK_SH))
        yield services
    while is_mine:
        # Nobody comes while it is seen whether everybody has gone.
        with only_one(starting), suppress(BlockingIOError), only_one(users, _AT_ONCE):
            services.stop()
            is_mine = False
        time.sleep(0.1)


def environment_of(servers: tuple[str, str], database: str, instance: Path) -> dict[str, str]:
    """Return what the product is started with for a database on servers."""
    admin_url, redis_url = servers

    def as_role(role: str) -> str:
        url = make_url(admin_url).set(username=role, password=None, database=database)
        return url.render_as_string(hide_password=False)

    return {
        "INSURANCE_MODE": "test",
        "INSURANCE_INSTANCE": str(instance),
        "DATABASE_URL": as_role("ins_app"),
        "DATABASE_OWNER_URL": as_role("ins_owner"),
        "REDIS_URL": redis_url,
    }
