"""`insurance worker`: runs jobs, and keeps time for the periodic ones."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from multiprocessing import get_context

import click
from flask import Flask
from rq import SimpleWorker, Worker
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer
from rq.worker import WorkerStatus

from insurance.core.logs import set_up_logs
from insurance.core.tenancy import platform_scope
from insurance.embedded import die_with_parent
from insurance.jobs import queue_of
from insurance.jobs.schedule import keep_time
from insurance.jobs.wake_up import WakeUp

_LAST_JOB_SECONDS = 60
"""How long the periodic job of one organization that is running may take to end."""
_ASK_AGAIN_SECONDS = 2


class StoppableWorker(Worker):
    """A worker that ends when asked to, whatever it was doing.

    The signal raises an exception in whatever runs at that moment, and some of it, such as a
    finalizer or a retry, swallows any: the worker would wait for jobs for minutes. So it is raised
    again until the worker ends.
    """

    def request_stop(self, signum: int, frame: object) -> None:
        """End after the job that runs, or now where none does."""
        self._stop_requested = True
        if self.get_state() != WorkerStatus.BUSY:  # the watch over a job has the timer
            signal.signal(signal.SIGALRM, self._stop_now)
            signal.setitimer(signal.ITIMER_REAL, _ASK_AGAIN_SECONDS, _ASK_AGAIN_SECONDS)
        super().request_stop(signum, frame)

    def _stop_now(self, *_signal: object) -> None:
        raise StopRequested

    def teardown(self) -> None:
        """Say goodbye to the queue, undisturbed."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        super().teardown()


@click.command()
@click.option("--burst", is_flag=True, help="End when the queue is empty.")
def worker(burst: bool) -> None:
    """Run jobs from the queue, and the periodic ones: sealing the audit log, waking lost jobs.

    Start as many as the work needs; periodic jobs lock their rows, so one more does no harm.
    """
    set_up_logs()
    from insurance.app import create_app

    app = create_app()
    with nullcontext() if burst else _time_kept(app), app.app_context(), platform_scope():
        connection = app.extensions["redis"].from_url(app.config["SETTINGS"].redis_url)
        kind = StoppableWorker if os.uname().sysname == "Linux" else SimpleWorker
        runner = kind(
            [queue_of(connection)],
            connection=connection,
            serializer=JSONSerializer,
            job_class=WakeUp,
        )
        runner.push_exc_handler(lambda *_error: True)
        runner.work(burst=burst, logging_level="WARNING", with_scheduler=False)


@contextmanager
def _time_kept(app: Flask) -> Iterator[None]:
    """Run the periodic jobs beside the queue's, in a process that ends with this one.

    A process and not a thread: the worker forks for each job, and a fork while another thread
    holds a lock (of the log, of a connection pool) leaves a child that waits for it for ever.
    """
    worker = os.getpid()
    keeper = get_context("fork").Process(target=_keep_time, args=(app, worker), daemon=True)
    keeper.start()

    def stop_without_keeper(*_signal: object) -> None:
        if os.getpid() == worker and not keeper.is_alive():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # a second request would be a cold one
            os.kill(worker, signal.SIGTERM)  # whoever supervises the worker starts both again

    signal.signal(signal.SIGCHLD, stop_without_keeper)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        keeper.terminate()
        keeper.join(_LAST_JOB_SECONDS)
        keeper.kill()


class _Stopping:
    """Whether the keeper was asked to stop: a plain value, which a signal may set at any moment."""

    is_set = False


def _keep_time(app: Flask, worker: int) -> None:
    stopping = _Stopping()
    signal.signal(signal.SIGTERM, lambda *_signal: setattr(stopping, "is_set", True))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal, where the worker hears it too
    die_with_parent(signal.SIGTERM)()
    if os.getppid() == worker:
        keep_time(app, lambda: stopping.is_set)
