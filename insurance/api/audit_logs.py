"""The audit log in the API."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import Field

from insurance.api.edge import Answer, ListQuery, endpoint, listing
from insurance.audit_logs import queries
from insurance.audit_logs.models import AuditEvent
from insurance.audit_logs.permissions import AuditMay
from insurance.core.db import db
from insurance.core.paging import decode_cursor
from insurance.organizations.queries import get_organization
from insurance.web.parsing import Day


class AuditQuery(ListQuery):
    """Which events. The dates are days in the organization's time zone, both inclusive."""

    user: str = Field("", max_length=254)
    action: str = Field("", max_length=100)
    resource: str = Field("", max_length=100)
    resource_id: str = Field("", max_length=100)
    method: str = Field("", max_length=10)
    request_id: str = Field("", max_length=100)
    date_from: Day | None = None
    date_to: Day | None = None


class AuditAnswer(Answer):
    """Something somebody did."""

    id: UUID
    at: datetime
    user: str
    role: str
    action: str
    method: str
    resource: str
    resource_id: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str | None
    request_id: str | None
    ip: str | None
    channel: str
    outcome: str


@endpoint(
    "GET",
    "/audit-logs",
    may=AuditMay.VIEW,
    query=AuditQuery,
    answer=list[AuditAnswer],
    tag="Audit log",
)
def list_audit_logs(query: AuditQuery):
    """List what people and programs did, newest first."""
    after = decode_cursor(query.cursor, 1, UUID)[0] if query.cursor else None
    zone = ZoneInfo(get_organization(db.session()).timezone)
    wanted = queries.AuditFilter(
        user=query.user,
        actions=(query.action,) if query.action else (),
        resource=query.resource,
        resource_id=query.resource_id,
        method=query.method.upper(),
        request_id=query.request_id,
        since=_midnight(query.date_from, zone),
        until=_midnight(query.date_to, zone, days=1),
    )
    return listing(
        queries.list_events(db.session(), wanted, limit=query.limit, after=after), _answer
    )


def _midnight(day: Any, zone: ZoneInfo, days: int = 0) -> datetime | None:
    if day is None:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(days=days)


def _answer(event: AuditEvent) -> dict[str, Any]:
    names = set(AuditAnswer.model_fields) - {"at", "user"}
    answer = {name: getattr(event, name) for name in names}
    return answer | {"at": event.recorded_at, "user": event.user_label}
