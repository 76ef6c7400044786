"""`insurance worker`: runs jobs, and keeps time for the periodic ones."""

import os
import threading
import time

import click
import structlog
from flask import Flask
from rq import SimpleWorker, Worker
from rq.serializers import JSONSerializer

from insurance.core.logs import set_up_logs
from insurance.core.tenancy import platform_scope
from insurance.jobs import queue_of
from insurance.jobs.schedule import PERIODIC, run_due
from insurance.jobs.wake_up import WakeUp

_log = structlog.get_logger()


@click.command()
@click.option("--burst", is_flag=True, help="End when the queue is empty.")
def worker(burst: bool) -> None:
    """Run jobs from the queue, and the periodic ones: sealing the audit log, waking lost jobs.

    Start as many as the work needs; periodic jobs lock their rows, so one more does no harm.
    """
    set_up_logs()
    from insurance.app import create_app

    app = create_app()
    with app.app_context(), platform_scope():
        if not burst:
            threading.Thread(target=_keep_time, args=(app,), daemon=True).start()
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


def _keep_time(app: Flask) -> None:
    """Run each periodic job when its time has come, in this thread, one after the other."""
    last = dict.fromkeys(PERIODIC, float("-inf"))  # each runs at the start
    while True:
        with app.app_context():
            for job in PERIODIC:
                if time.monotonic() - last[job] >= job.every_seconds:
                    last[job] = time.monotonic()
                    try:
                        run_due(job)
                    except Exception as error:
                        _log.error("periodic job failed", job=job.name, exc_info=error)
        time.sleep(0.25)
