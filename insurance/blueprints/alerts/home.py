"""What one was told and has not read: refused, failed, given, decided."""

from collections.abc import Sequence
from datetime import datetime

from flask import url_for
from sqlalchemy.orm import Session

from insurance.alerts import queries
from insurance.alerts.models import AlertState
from insurance.alerts.permissions import AlertsMay
from insurance.web.filters import age
from insurance.web.home import SHOWN, HomeItem, HomeWork


def _unread(session: Session, _now: datetime) -> Sequence[HomeItem]:
    return [
        HomeItem(
            alert.title, url_for("alerts.show", alert_id=alert.id), f"{age(alert.created_at)} ago"
        )
        for alert in queries.list_alerts(session, limit=SHOWN, state=AlertState.NEW).items
    ]


HOME = (HomeWork("New for you", AlertsMay.VIEW, 5, "alerts.index", _unread, {"state": "NEW"}),)
