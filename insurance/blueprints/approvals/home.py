"""Requests that colleagues ask of whoever decides."""

from collections.abc import Sequence
from datetime import datetime

from flask import url_for
from sqlalchemy.orm import Session

from insurance.approvals import queries
from insurance.approvals.permissions import ApprovalsMay
from insurance.core.context import current_actor
from insurance.month_end.permissions import MonthEndMay
from insurance.web.filters import age, day
from insurance.web.home import SHOWN, HomeItem, HomeWork

_MONTH_END = "month_end.apply"


def _asked(session: Session, now: datetime) -> Sequence[HomeItem]:
    waiting = queries.list_to_decide(session, now, by=current_actor().user_id, limit=SHOWN)
    return [
        HomeItem(
            request.title,
            url_for("approvals.show", approval_id=request.id),
            f"{age(request.requested_at)} ago, until {day(request.expires_at)}",
        )
        for request in waiting
        # Whoever sees month-ends finds its plan there, with what it does.
        if request.action != _MONTH_END or not current_actor().may(MonthEndMay.VIEW)
    ]


HOME = (HomeWork("Asked of you", ApprovalsMay.DECIDE, 10, "approvals.index", _asked, {}),)
