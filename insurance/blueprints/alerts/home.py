"""What one was told and has not read: refused, failed, given, decided."""

from collections.abc import Sequence
from datetime import datetime

from flask import url_for
from sqlalchemy.orm import Session

from insurance.alerts import queries
from insurance.alerts.models import AlertState
from insurance.alerts.permissions import AlertsMay
from insurance.approvals.alert_kinds import ASKED
from insurance.approvals.permissions import ApprovalsMay
from insurance.core.context import current_actor
from insurance.web.filters import age
from insurance.web.home import SHOWN, HomeItem, HomeWork


def _unread(session: Session, _now: datetime) -> Sequence[HomeItem]:
    # What is asked of who decides stands beside this, under a title of its own.
    beside = {ASKED.code} if current_actor().may(ApprovalsMay.DECIDE) else set()
    unread = queries.list_alerts(session, limit=SHOWN, state=AlertState.NEW, without=beside)
    return [
        HomeItem(
            alert.title, url_for("alerts.show", alert_id=alert.id), f"{age(alert.created_at)} ago"
        )
        for alert in unread.items
    ]


HOME = (HomeWork("New for you", AlertsMay.VIEW, 5, "alerts.index", _unread, {"state": "NEW"}),)
