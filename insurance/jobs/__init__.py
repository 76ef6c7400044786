"""The queue's edge: how jobs are woken and run. Ids go in, one service call comes out."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from flask import Flask, current_app
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import utcformat

from insurance.core import clock
from insurance.core.jobs import use_queue

QUEUE = "insurance"
_WAKE_UP_COUNTS_FOR = timedelta(minutes=5)


def use_redis(app: Flask) -> None:
    """Wake workers through the application's queue; a queue that is down loses nothing."""
    app.extensions["redis"] = Redis.from_url(
        app.config["SETTINGS"].redis_url, socket_timeout=3, socket_connect_timeout=3
    )
    use_queue(wake)


def queue_of(connection: Redis) -> Queue:
    """Return the queue. Its payloads are JSON: unpickling would run whatever Redis holds."""
    from insurance.jobs.wake_up import WakeUp  # it runs jobs, which may ask for jobs

    return Queue(QUEUE, connection=connection, serializer=JSONSerializer, job_class=WakeUp)


def wake(org_id: UUID, job_ids: Sequence[UUID]) -> None:
    """Tell workers that jobs of the outbox wait. Twice does no harm."""
    asked = [
        Queue.prepare_data(
            "insurance.jobs.outbox.run",
            (str(org_id), str(job_id)),
            job_id=str(job_id),
            result_ttl=0,
            failure_ttl=86400,
        )
        for job_id in job_ids
    ]
    try:
        queue_of(current_app.extensions["redis"]).enqueue_many(asked)
    except (RedisError, OSError):
        # The row is the record; the sweeper wakes what was not woken here.
        return


def lacking_wake_up(job_ids: Sequence[UUID]) -> list[UUID]:
    """Return the jobs of which the queue holds no wake-up of the last five minutes.

    An older one may have been lost between the queue and a worker that died. A queue that is down
    holds none.
    """
    connection: Redis = current_app.extensions["redis"]
    try:
        with connection.pipeline(transaction=False) as asked:
            for job_id in job_ids:
                asked.hmget(Job.key_for(str(job_id)), "status", "enqueued_at")
            answers = asked.execute()
    except (RedisError, OSError):
        return list(job_ids)
    since = utcformat(clock.now() - _WAKE_UP_COUNTS_FOR).encode()
    return [
        job_id
        for job_id, (status, asked_at) in zip(job_ids, answers, strict=True)
        if status != b"queued" or (asked_at or b"") < since
    ]


def last_heartbeat(connection: Redis) -> datetime | None:
    """Return when a worker last said that it lives. Raises RedisError where the queue is down."""
    workers = Worker.all(connection=connection, queue=queue_of(connection))
    beats = [worker.last_heartbeat for worker in workers if worker.last_heartbeat]
    return max((beat.replace(tzinfo=beat.tzinfo or UTC) for beat in beats), default=None)
