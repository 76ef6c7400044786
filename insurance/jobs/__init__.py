"""The queue's edge: how jobs are woken and run. Ids go in, one service call comes out."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from flask import Flask, current_app
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.serializers import JSONSerializer

from insurance.core.jobs import use_queue

QUEUE = "insurance"


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


def last_heartbeat(connection: Redis) -> datetime | None:
    """Return when a worker last said that it lives. Raises RedisError where the queue is down."""
    workers = Worker.all(connection=connection, queue=queue_of(connection))
    beats = [worker.last_heartbeat for worker in workers if worker.last_heartbeat]
    return max((beat.replace(tzinfo=beat.tzinfo or UTC) for beat in beats), default=None)
