"""The queue's edge: how jobs are woken and run. Ids go in, one service call comes out."""

from uuid import UUID

from flask import Flask, current_app
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer

from insurance.core.jobs import use_queue

QUEUE = "insurance"


def use_redis(app: Flask) -> None:
    """Wake workers through the application's queue; a queue that is down loses nothing."""
    app.extensions["redis"] = Redis.from_url(
        app.config["SETTINGS"].redis_url, socket_timeout=3, socket_connect_timeout=3
    )
    use_queue(lambda org_id, job_id, _name: wake(org_id, job_id))


def queue_of(connection: Redis) -> Queue:
    """Return the queue. Its payloads are JSON: unpickling would run whatever Redis holds."""
    return Queue(QUEUE, connection=connection, serializer=JSONSerializer)


def wake(org_id: UUID, job_id: UUID) -> None:
    """Tell a worker that a job of the outbox waits. Twice does no harm."""
    try:
        queue_of(current_app.extensions["redis"]).enqueue(
            "insurance.jobs.outbox.run",
            str(org_id),
            str(job_id),
            job_id=str(job_id),
            result_ttl=0,
            failure_ttl=86400,
        )
    except (RedisError, OSError):
        # The row is the record; the sweeper wakes what was not woken here.
        return
