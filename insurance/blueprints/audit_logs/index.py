"""The audit log: filters, pages, and the same rows as CSV."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session

from insurance.audit_logs import queries
from insurance.audit_logs.models import AuditEvent
from insurance.audit_logs.permissions import AuditMay
from insurance.blueprints.audit_logs import bp
from insurance.core.db import db
from insurance.core.listing import Wanted
from insurance.core.paging import Page
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.business import first_moment
from insurance.web.exports import export as export_rows
from insurance.web.filters import activity

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


@bp.route("", methods=["GET", "POST"])
@requires(AuditMay.VIEW)
def index() -> Response:
    """List what people and programs did, newest first."""
    seals = queries.get_seal_status(db.session())
    return lists.show(_EVENTS, "audit_logs/index.html", seals=seals)


@bp.route("/export.csv", methods=["POST"])
@requires(AuditMay.EXPORT)
def export() -> Response:
    """Send the chosen rows as CSV; the export itself is written to the log."""
    wanted = _filter(_asked_in_form())
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


def _read(session: Session, wanted: Wanted) -> Page[AuditEvent]:
    chosen = _filter(wanted.narrowed)
    return queries.list_events(session, chosen, limit=wanted.limit, after=wanted.after())


def _filter(narrowed: Mapping[str, Any]) -> queries.AuditFilter:
    texts = {name: narrowed.get(name, "") for name in _TEXT_FILTERS}
    since, until = narrowed.get("from"), narrowed.get("to")
    return queries.AuditFilter(
        **texts,
        since=first_moment(since) if since else None,
        until=first_moment(until + timedelta(days=1)) if until else None,
    )


def _asked_in_form() -> dict[str, Any]:
    """Return what a form asks for; a day that is none is left out."""
    found: dict[str, Any] = {}
    for field in _FIELDS:
        with suppress(ValueError):
            found[field.name] = field.read(request.values.get(field.name, ""), None)
    return {name: value for name, value in found.items() if value}


_METHODS = ("POST", "PUT", "PATCH", "DELETE", "GET", "JOB", "CLI")
_FIELDS = (
    lists.Field("user", "User", hint="e-mail address"),
    lists.Field("action", "Action", hint="policies.issue"),
    lists.Field("resource", "Resource", hint="policies"),
    lists.Field("resource_id", "Record", hint="id"),
    lists.Field(
        "method", "Method", choices=lambda _: [(method, method) for method in _METHODS], empty="Any"
    ),
    lists.Field("from", "From", "day"),
    lists.Field("to", "To", "day"),
    lists.Field("ip", "Address", hint="IP address"),
    lists.Field("request_id", "Request id"),
)
_EVENTS = lists.ListScreen(
    title="Audit log",
    read=_read,
    record=("audit_logs.show", "event_id"),
    fields=_FIELDS,
    columns=lists.columns(
        "recorded_at: Time, seconds | user_label: User, person | method: Method, tag",
        "what: What was done, key | action: Action, extra | resource: Resource, muted | outcome: Outcome | ip: IP address",
        "request_id: Request id, copied | resource_id: Record, extra",
        "reason: Reason, extra, wrapped | channel: Channel, extra",
        what=activity,
    ),
    empty=lists.Empty("No entries yet", "Whatever is changed here is written down here."),
    none_match="No entries match",
    is_exported=False,
    rows=50,
)
