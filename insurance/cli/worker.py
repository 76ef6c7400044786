"""`insurance worker`: runs jobs, and keeps time for the periodic ones."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from multiprocessing import get_context
from threading import Event

import click
from flask import Flask
from rq import SimpleWorker, Worker
from rq.serializers import JSONSerializer

from insurance.core.logs import set_up_logs
from insurance.core.tenancy import platform_scope
from insurance.embedded import die_with_parent
from insurance.jobs import queue_of
from insurance.jobs.schedule import keep_time
from insurance.jobs.wake_up import WakeUp


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
        kind = Worker if os.uname().sysname == "Linux" else SimpleWorker
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
    keeper = get_context("fork").Process(target=_keep_time, args=(app,), daemon=True)
    keeper.start()

    def stop_without_keeper(*_signal: object) -> None:
        if os.getpid() == worker and not keeper.is_alive():
            os.kill(worker, signal.SIGTERM)  # whoever supervises the worker starts both again

    signal.signal(signal.SIGCHLD, stop_without_keeper)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        keeper.terminate()
        keeper.join()


def _keep_time(app: Flask) -> None:
    stopping = Event()
    signal.signal(signal.SIGTERM, lambda *_signal: stopping.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal, where the worker hears it too
    die_with_parent(signal.SIGTERM)()
    keep_time(app, stopping)
