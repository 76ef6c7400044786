"""Sending requests for a while and measuring what they cost."""

import http.client
import threading
import time
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Measured:
    """A route under load: requests a second, milliseconds, CPU of the servers a request."""

    name: str
    requests: int
    seconds: float
    p50: float
    p99: float
    web_cpu: float
    database_cpu: float

    @property
    def rate(self) -> float:
        """Return requests a second."""
        return self.requests / self.seconds


def measure(
    name: str,
    port: int,
    path: str,
    headers: dict[str, str],
    *,
    web: list[psutil.Process],
    database: psutil.Process,
    seconds: float,
    clients: int = 4,
) -> Measured:
    """Ask for a path from a few clients for some seconds. Raises RuntimeError unless all are 200."""
    _ask(http.client.HTTPConnection("127.0.0.1", port), path, headers)
    taken: list[float] = []
    lock = threading.Lock()
    before = _cpu(web), _cpu_of_children(database)
    began = time.perf_counter()

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        mine = []
        while time.perf_counter() - began < seconds:
            start = time.perf_counter()
            _ask(connection, path, headers)
            mine.append(time.perf_counter() - start)
        with lock:
            taken.extend(mine)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = time.perf_counter() - began
    after = _cpu(web), _cpu_of_children(database)
    taken.sort()
    return Measured(
        name=name,
        requests=len(taken),
        seconds=spent,
        p50=taken[len(taken) // 2] * 1000,
        p99=taken[int(len(taken) * 0.99)] * 1000,
        web_cpu=(after[0] - before[0]) / len(taken) * 1000,
        database_cpu=(after[1] - before[1]) / len(taken) * 1000,
    )


def _ask(connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> None:
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path} answered {answer.status}")


def _cpu(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes if process.is_running())


def _cpu_of_children(postmaster: psutil.Process) -> float:
    return _cpu(postmaster.children())
