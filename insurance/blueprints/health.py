"""What watches the product: is the process up, can it work, what does it do."""

import hmac
import time
from contextlib import suppress

import structlog
from flask import Blueprint, Flask, Response, current_app, g, jsonify, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Gauge,
    generate_latest,
    multiprocess,
)
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from insurance.cli.migrate import is_at_head
from insurance.core.db import db
from insurance.core.errors import NotFoundError
from insurance.core.metrics import DURATION, REQUESTS
from insurance.jobs import queue_of
from insurance.web.access import public

bp = Blueprint("health", __name__)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_log = structlog.get_logger("request")


@bp.route("/healthz")
@public
def healthz() -> Response:
    """Say that the process answers."""
    return jsonify(status="ok")


@bp.route("/readyz")
@public
def readyz() -> tuple[Response, int]:
    """Say whether the database, its schema and the queue are ready."""
    checks = {"database": False, "migrations": False, "queue": False}
    with suppress(SQLAlchemyError), db.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        checks["database"] = True
        checks["migrations"] = is_at_head(connection, current_app.config["SETTINGS"])
    with suppress(RedisError, OSError):
        checks["queue"] = bool(current_app.extensions["redis"].ping())
    ready = all(checks.values())
    return jsonify(status="ready" if ready else "not ready", **checks), 200 if ready else 503


@bp.route("/metrics")
@public
def metrics() -> Response:
    """Return the figures in Prometheus' text format, for who sends METRICS_TOKEN as bearer."""
    token = current_app.config["SETTINGS"].metrics_token
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token is None or not hmac.compare_digest(sent.encode(), token.encode()):
        raise NotFoundError
    registry = REGISTRY
    if current_app.config.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
    queue = CollectorRegistry()
    depth = Gauge("insurance_queue_depth", "Jobs waiting in the queue", registry=queue)
    try:
        depth.set(queue_of(current_app.extensions["redis"]).count)
    except (RedisError, OSError):
        depth.set(float("nan"))
    return Response(
        generate_latest(registry) + generate_latest(queue), mimetype=CONTENT_TYPE_LATEST
    )


def watch_requests(app: Flask) -> None:
    """Count and log every request."""

    @app.before_request
    def _start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def _finish(response: Response) -> Response:
        seconds = time.perf_counter() - g.get("started", time.perf_counter())
        name = request.endpoint or "unknown"
        method = request.method if request.method in _METHODS else "OTHER"
        REQUESTS.labels(method, name, response.status_code).inc()
        DURATION.labels(name).observe(seconds)
        if name != "static":
            _log.info(
                "request",
                method=request.method,
                endpoint=name,
                status=response.status_code,
                milliseconds=round(seconds * 1000, 1),
            )
        return response
