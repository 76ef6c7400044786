"""The servers of one run of the suite: all its workers share them, and one migrated database."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from sqlalchemy.engine import make_url

from insurance.embedded import Services


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
    services = Services(folder / "services")
    starting, running, users = (folder / f"services.{name}" for name in ("lock", "on", "users"))
    with only_one(starting):
        is_first = not running.exists()
        if is_first:
            services.start()
            running.touch()
        used = only_one(users, fcntl.LOCK_SH)
        used.__enter__()
    try:
        yield services
    finally:
        used.__exit__(None, None, None)
        # Who comes now waits at the start, and finds that the servers must be started again.
        with only_one(starting) if is_first else nullcontext():
            if is_first:
                with only_one(users):
                    running.unlink()
                    services.stop()


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
