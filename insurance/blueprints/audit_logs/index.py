"""The audit log: filters, pages, and the same rows as CSV."""

import csv
import io
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import Response, make_response, request, url_for

from insurance.audit_logs import queries
from insurance.audit_logs.services import record
from insurance.blueprints.audit_logs import bp
from insurance.core.db import db, transaction
from insurance.core.paging import decode_cursor
from insurance.core.permissions import May
from insurance.web.access import current_tenant, requires
from insurance.web.forms import parse_day
from insurance.web.html import next_url, page

ROWS = 50
EXPORTED_AT_MOST = 50_000
_TEXT_FILTERS = ("user", "action", "resource", "resource_id", "method", "ip", "request_id")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")


@bp.route("")
@requires(May.AUDIT_VIEW)
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
@requires(May.AUDIT_EXPORT)
def export() -> Response:
    """Send the chosen rows as CSV; the export itself is written to the log."""
    wanted, _problems = _filter()
    written = io.StringIO()
    writer = csv.writer(written)
    names = [
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
    ]
    writer.writerow(names)
    count, after = 0, None
    while count < EXPORTED_AT_MOST:
        found = queries.list_events(db.session(), wanted, limit=1000, after=after)
        for event in found.items:
            writer.writerow([_cell(getattr(event, name)) for name in names])
        count += len(found.items)
        if found.next_cursor is None:
            break
        after = found.items[-1].id
    with transaction() as session:
        record(session, action="audit.export", resource="audit_logs", after={"rows": count})
    response = make_response(written.getvalue())
    response.headers["Content-Type"] = "text/csv; charset=utf-8"
    response.headers["Content-Disposition"] = 'attachment; filename="audit-log.csv"'
    return response


def _given(chosen: dict[str, str]) -> dict[str, Any]:
    return {name: typed for name, typed in chosen.items() if typed}


def _cell(value: object) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


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
