"""The audit log: filters, pages, and the same rows as CSV."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import Response, request, url_for

from insurance.audit_logs import queries
from insurance.audit_logs.models import AuditEvent
from insurance.audit_logs.permissions import AuditMay
from insurance.blueprints.audit_logs import bp
from insurance.core.db import db
from insurance.core.paging import decode_cursor
from insurance.web.access import current_tenant, requires
from insurance.web.exports import export as export_rows
from insurance.web.forms import parse_day
from insurance.web.html import next_url, page

ROWS = 50
_TEXT_FILTERS = ("user", "action", "resource", "resource_id", "method", "ip", "request_id")
_EXPORTED = (
    "recorded_at",
    "user_label",
    "role",
    "action",
    "method",
    "resource",
    "resource_id",
    "reason",
    "request_id",
    "ip",
    "channel",
    "outcome",
)


@bp.route("")
@requires(AuditMay.VIEW)
def index() -> Response:
    """List what people and programs did, newest first."""
    wanted, problems = _filter()
    cursor = request.args.get("cursor")
    found = queries.list_events(
        db.session(),
        wanted,
        limit=ROWS,
        after=decode_cursor(cursor, 1, UUID)[0] if cursor else None,
    )
    chosen = {name: request.args.get(name, "") for name in (*_TEXT_FILTERS, "from", "to")}
    return page(
        "audit_logs/index.html",
        part="audit_list",
        status=422 if problems else 200,
        events=found.items,
        chosen=chosen,
        problems=problems,
        seals=queries.get_seal_status(db.session()),
        next=next_url(found),
        first=url_for("audit_logs.index", **_given(chosen)),
    )


@bp.route("/export.csv", methods=["POST"])
@requires(AuditMay.EXPORT)
def export() -> Response:
    """Send the chosen rows as CSV; the export itself is written to the log."""
    wanted, _problems = _filter()
    return export_rows(
        "csv",
        "audit-log",
        _EXPORTED,
        ([getattr(event, name) for name in _EXPORTED] for event in _every_event(wanted)),
        action="audit.export",
        resource="audit_logs",
    )


def _every_event(wanted: queries.AuditFilter) -> Iterator[AuditEvent]:
    after = None
    while True:
        found = queries.list_events(db.session(), wanted, limit=1000, after=after)
        yield from found.items
        if found.next_cursor is None:
            return
        after = found.items[-1].id


def _given(chosen: dict[str, str]) -> dict[str, Any]:
    return {name: typed for name, typed in chosen.items() if typed}


def _filter() -> tuple[queries.AuditFilter, list[str]]:
    problems: list[str] = []
    since, until = _moment("from", problems), _moment("to", problems, days=1)
    texts = {name: request.values.get(name, "").strip()[:200] for name in _TEXT_FILTERS}
    return queries.AuditFilter(**texts, since=since, until=until), problems


def _moment(name: str, problems: list[str], days: int = 0) -> datetime | None:
    """Return midnight of a typed day in the organization's time zone."""
    typed = request.values.get(name, "").strip()
    if not typed:
        return None
    try:
        day = parse_day(typed)
    except ValueError as error:
        problems.append(str(error))
        return None
    zone = ZoneInfo(current_tenant().timezone)
    return datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(days=days)
