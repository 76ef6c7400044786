"""Everything one was told."""

from uuid import UUID

from flask import Response, url_for

from insurance.alerts import queries, services
from insurance.alerts.models import AlertState
from insurance.alerts.permissions import AlertsMay
from insurance.blueprints.alerts import bp, kind_name
from insurance.core import clock
from insurance.core.alert_kinds import list_alert_kinds
from insurance.core.db import db
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.forms import Form
from insurance.web.html import go


@bp.route("", methods=["GET", "POST"])
@requires(AlertsMay.VIEW)
def index() -> Response:
    """List what one was told, newest first."""
    return lists.show(_ALERTS, "alerts/index.html")


@bp.post("/read-all")
@requires(AlertsMay.VIEW)
def read_all() -> Response:
    """Mark everything as read."""
    count = services.read_all(now=clock.now())
    said = f"{count} marked as read." if count else "There was nothing new."
    return go(url_for(".index"), said)


def _mark_read(alert_id: UUID, _form: Form) -> str:
    services.read_alert(alert_id, now=clock.now())
    return "Read"


def _kinds(_facts: object) -> list[tuple[str, str]]:
    return [(kind.code, kind.name) for kind in list_alert_kinds()]


_ALERTS = lists.ListScreen(
    title="Alerts",
    read=lists.paged(queries.list_alerts),
    record=("alerts.show", "alert_id"),
    facts=lambda: queries.count_unread(db.session()),
    tabs=lambda unread: lists.tabs_of(AlertState, {AlertState.NEW: unread}),
    tab_name="state",
    fields=(lists.Field("kind", "About", "choice", choices=_kinds),),
    columns=lists.columns(
        "title: What, wrapped | state: State, tag, key | created_at: When, moment",
        "kind: About, wrapped, muted",
        kind=kind_name,
    ),
    buttons=(
        lists.Button("What you are told", "alerts.choose", icon="settings", opens_beside=True),
    ),
    empty=lists.Empty(
        "Nothing yet",
        "What colleagues ask of you, give you or decide, and what of yours ends or fails,"
        " appears here.",
    ),
    none_in_tab="Nothing new",
    is_exported=False,
    acts=(
        lists.BulkAct(
            "read",
            "Mark as read",
            AlertsMay.VIEW,
            "{count} are marked as read.",
            _mark_read,
        ),
    ),
)
