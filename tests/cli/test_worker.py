"""A worker ends when it is asked to."""

import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from redis import Redis
from rq import Queue

from insurance.cli.worker import StoppableWorker


class _Deaf(StoppableWorker):
    """A worker that is asked to stop while something runs that swallows every exception."""

    def dequeue_job_and_maintain_ttl(self, *args: Any) -> Any:
        with suppress(Exception):
            signal.raise_signal(signal.SIGTERM)
        return super().dequeue_job_and_maintain_ttl(*args)


@pytest.fixture
def _signals() -> Iterator[None]:
    kinds = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    before = [signal.getsignal(kind) for kind in kinds]
    yield
    for kind, handler in zip(kinds, before, strict=True):
        signal.signal(kind, handler)


@pytest.mark.usefixtures("_signals")
def test_a_worker_ends_though_what_it_was_doing_swallowed_the_request(
    servers: tuple[str, str],
) -> None:
    connection = Redis.from_url(servers[1])
    worker = _Deaf([Queue("nobody's", connection=connection)], connection=connection)
    began = time.monotonic()

    worker.work(logging_level="CRITICAL")

    # Without being asked again it would wait for a job for some minutes.
    assert time.monotonic() - began < 30
