"""Progress as it happens: server-sent events that say when there is something new to show."""

import json
import threading
import time
from collections.abc import Iterator
from uuid import UUID

from flask import Flask, Response, current_app

from insurance.blueprints.month_end import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.core.tenancy import tenant_scope
from insurance.month_end import queries
from insurance.month_end.permissions import MonthEndMay
from insurance.web.access import current_tenant, requires

_LONGEST = 25.0
"""Seconds of one stream; the browser comes back by itself."""
_EVERY = 1.0
_room = threading.BoundedSemaphore(3)
"""Streams of one process at a time: each holds a thread. Who finds no room polls."""


@bp.get("/<uuid:month_end_run_id>/live")
@requires(MonthEndMay.VIEW)
def live(month_end_run_id: UUID) -> Response:
    """Stream how far a run is. 204 tells the browser not to come back."""
    run = queries.get_run(db.session(), month_end_run_id)
    if run.status not in queries.BUSY or not _room.acquire(blocking=False):
        return Response(status=204)
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    said = _events(app, current_tenant().id, month_end_run_id)
    stream = Response(said, mimetype="text/event-stream")
    stream.call_on_close(_room.release)
    stream.headers["Cache-Control"] = "no-store"
    stream.headers["X-Accel-Buffering"] = "no"
    return stream


def _events(app: Flask, org_id: UUID, run_id: UUID) -> Iterator[str]:
    until, last = time.monotonic() + _LONGEST, ""
    yield "retry: 1000\n\n"
    while time.monotonic() < until:
        said, is_busy = _state(app, org_id, run_id)
        yield f"data: {said}\n\n" if said != last else ": still there\n\n"
        if not is_busy:
            return
        last = said
        time.sleep(_EVERY)


def _state(app: Flask, org_id: UUID, run_id: UUID) -> tuple[str, bool]:
    """Return how far a run is. The request is over: nothing of it, and no connection, is held."""
    with app.app_context(), tenant_scope(org_id):
        session = db.session()
        run = queries.get_run(session, run_id)
        progress = queries.get_progress(session, run, now=clock.now())
        said = json.dumps({"status": run.status, "done": progress.done, "of": progress.of})
        return said, run.status in queries.BUSY
