"""The audit log: filters, pages, and the same rows as CSV."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session

from insurance.audit_logs import queries
from insurance.audit_logs.activity_words import kind_words
from insurance.audit_logs.models import AuditEvent
from insurance.audit_logs.permissions import AuditMay
from insurance.blueprints.audit_logs import bp
from insurance.blueprints.audit_logs.show import CHANNELS, OUTCOMES
from insurance.core.db import db
from insurance.core.listing import Wanted
from insurance.core.paging import Page
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.business import first_moment
from insurance.web.exports import export as export_rows
from insurance.web.filters import activity, words
from insurance.web.people import know_people, person

_TEXT_FILTERS = ("user", "resource", "resource_id", "ip", "request_id")
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
        actions=_actions_like(narrowed.get("action", "")),
        since=first_moment(since) if since else None,
        until=first_moment(until + timedelta(days=1)) if until else None,
    )


def _actions_like(chosen: str) -> list[str]:
    """Return the actions that are said in the same words as the one that was chosen."""
    if not chosen:
        return []
    words_of_it = kind_words(chosen)
    occurring = queries.list_occurring(db.session()).actions
    return [action for action in occurring if kind_words(action) == words_of_it] or [chosen]


def _asked_in_form() -> dict[str, Any]:
    """Return what a form asks for; a day that is none is left out."""
    found: dict[str, Any] = {}
    facts = queries.list_occurring(db.session())
    for field in _FIELDS:
        with suppress(ValueError):
            found[field.name] = field.read(request.values.get(field.name, ""), facts)
    return {name: value for name, value in found.items() if value}


def _people(occurring: queries.Occurring) -> lists.Choices:
    know_people(occurring.users)
    return _by_name((user, person(user)) for user in occurring.users)


def _kinds(occurring: queries.Occurring) -> lists.Choices:
    """Return a choice for each kind of act; several actions of one name are one choice."""
    named = {kind_words(action): action for action in reversed(occurring.actions)}
    return _by_name((action, name) for name, action in named.items())


def _resources(occurring: queries.Occurring) -> lists.Choices:
    return _by_name((resource, words(resource)) for resource in occurring.resources)


def _by_name(choices: Iterable[tuple[str, str]]) -> lists.Choices:
    return sorted(choices, key=lambda choice: choice[1].casefold())


_FIELDS = (
    lists.Field("user", "Who", choices=_people, empty="Anybody"),
    lists.Field("action", "What was done", choices=_kinds, empty="Anything"),
    lists.Field("resource", "To what", choices=_resources, empty="Everything"),
    lists.Field("from", "From", "day"),
    lists.Field("to", "To", "day"),
    lists.Field("resource_id", "One record", hint="its id, from an entry"),
    lists.Field("ip", "From the address", hint="IP address"),
    lists.Field("request_id", "In one request", hint="request id"),
)
_EVENTS = lists.ListScreen(
    title="Audit log",
    read=_read,
    record=("audit_logs.show", "event_id"),
    fields=_FIELDS,
    facts=lambda: queries.list_occurring(db.session()),
    columns=lists.columns(
        "recorded_at: Time, seconds | user_label: Who, person | what: What was done, key",
        "resource: To what, code, muted | outcome: Outcome | channel: Through",
        "ip: IP address | request_id: Request id, copied | reason: Reason, extra, wrapped",
        "resource_id: Record, extra | action: Action in the API, extra | method: HTTP method, extra",
        what=activity,
        outcome=lambda event: OUTCOMES[event.outcome],
        channel=lambda event: CHANNELS[event.channel],
    ),
    empty=lists.Empty("No entries yet", "Whatever is changed here is written down here."),
    none_match="No entries match",
    is_exported=False,
    rows=50,
)
