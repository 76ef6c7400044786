"""The card "Activity" of a record's page: who did what, in the words of the trade, narrowed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from flask import request

from insurance.audit_logs.models import AuditEvent
from insurance.audit_logs.queries import list_resource_events
from insurance.core.db import db
from insurance.web.people import know_people

_WRITTEN = ("notes", "documents", "letters", "messages")


@dataclass(frozen=True)
class Activity:
    """The newest of what was done to a record, and what of it is shown."""

    events: Sequence[AuditEvent]
    chosen: str
    choices: Mapping[str, str]


def activity_of(resource: str, record_id: UUID, name: str) -> Activity:
    """Return what was done to a record; `activity` in the address narrows it.

    `name` is what the record is called. Raises nothing: what cannot be chosen shows all.
    """
    parts = {
        "": (),
        "record": (resource,),
        "written": _WRITTEN,
    }
    chosen = request.args.get("activity", "")
    chosen = chosen if chosen in parts else ""
    events = list_resource_events(db.session(), resource, record_id, about=parts[chosen])
    know_people(event.user_label for event in events)
    choices = {"": "All", "record": name, "written": "Notes and messages"}
    return Activity(events, chosen, choices)
