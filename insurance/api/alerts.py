"""Alerts in the API: what one was told, read away, and what of it one wants to hear."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StrictBool

from insurance.alerts import queries, services
from insurance.alerts.models import Alert, AlertSetting, AlertState
from insurance.alerts.permissions import AlertsMay
from insurance.api.edge import Answer, Body, ListQuery, Reply, endpoint, listing
from insurance.core import clock
from insurance.core.alert_kinds import list_alert_kinds
from insurance.core.db import db
from insurance.core.paging import decode_cursor
from insurance.web.parsing import Words

TAG = "Alerts"
Kind = Annotated[Words, Field(max_length=100)]
Kinds = Annotated[list[Kind], Field(max_length=100)]


class AlertsQuery(ListQuery):
    """Which alerts: new ones or those that were read, and of which kind."""

    state: AlertState | None = None
    kind: Kind | None = None


class AlertAnswer(Answer):
    """Something that one was told: of what kind, in words, and the record that it is about."""

    id: UUID
    kind: str = Field(examples=["correspondence.mentioned"])
    title: str = Field(examples=["Sipho Dlamini named you in a note on PL-2026-000001"])
    resource: str = Field(examples=["policies"])
    resource_id: UUID
    state: AlertState
    created_at: datetime
    read_at: datetime | None


class ReadBody(Body):
    """Nothing more to say."""


class ReadAnswer(Answer):
    """How many were new."""

    count: int


class KindAnswer(Answer):
    """A kind of alert: what it is called, whom it tells, and where one hears of it."""

    code: str = Field(examples=["correspondence.mentioned"])
    name: str
    who: str
    is_shown: bool = Field(description="In the list and under the bell")
    is_mailed: bool = Field(description="In the mail of each morning")


class AlertSettingsAnswer(Answer):
    """What one wants to hear."""

    wants_digest: bool = Field(description="A mail each morning with what was not read")
    kinds: list[KindAnswer]


class AlertSettingsBody(Body):
    """The kinds that are switched off; what is left out stays as it is."""

    wants_digest: StrictBool | None = None
    hidden: Kinds | None = Field(None, examples=[[]], description="Not in the list and the bell")
    unmailed: Kinds | None = Field(None, examples=[[]], description="Not in the mail")


@endpoint(
    "GET", "/alerts", may=AlertsMay.VIEW, query=AlertsQuery, answer=list[AlertAnswer], tag=TAG
)
def list_alerts(query: AlertsQuery) -> Reply:
    """List what one was told and wants to hear, newest first."""
    after = decode_cursor(query.cursor, 1, UUID)[0] if query.cursor else None
    found = queries.list_alerts(
        db.session(), limit=query.limit, after=after, state=query.state, kind=query.kind
    )
    return listing(found)


@endpoint(
    "POST",
    "/alerts/<uuid:alert_id>/read",
    may=AlertsMay.VIEW,
    body=ReadBody,
    answer=AlertAnswer,
    tag=TAG,
)
def read_alert(alert_id: UUID, body: ReadBody) -> Alert:
    """Mark one of one's own as read."""
    return services.read_alert(alert_id, now=clock.now())


@endpoint("POST", "/alerts/read-all", may=AlertsMay.VIEW, body=ReadBody, answer=ReadAnswer, tag=TAG)
def read_all_alerts(body: ReadBody) -> dict[str, int]:
    """Mark everything that one was told as read."""
    return {"count": services.read_all(now=clock.now())}


@endpoint("GET", "/alerts/settings", may=AlertsMay.VIEW, answer=AlertSettingsAnswer, tag=TAG)
def get_alert_settings() -> dict[str, Any]:
    """Return the kinds of alerts, and which of them one wants to hear."""
    return _settings(queries.get_setting(db.session()))


@endpoint(
    "PUT",
    "/alerts/settings",
    may=AlertsMay.VIEW,
    body=AlertSettingsBody,
    answer=AlertSettingsAnswer,
    tag=TAG,
)
def choose_alerts(body: AlertSettingsBody) -> dict[str, Any]:
    """Switch kinds of alerts on and off, and the mail of each morning."""
    stands = queries.get_setting(db.session())
    wanted = {
        name: getattr(stands, name) if given is None else given
        for name, given in body.model_dump(exclude={"org_id"}).items()
    }
    return _settings(services.choose_alerts(**wanted))


def _settings(setting: AlertSetting) -> dict[str, Any]:
    return {
        "wants_digest": setting.wants_digest,
        "kinds": [
            {
                "code": kind.code,
                "name": kind.name,
                "who": kind.who,
                "is_shown": kind.code not in setting.hidden,
                "is_mailed": kind.code not in setting.unmailed,
            }
            for kind in list_alert_kinds()
        ],
    }
