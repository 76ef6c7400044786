"""Debit order runs that wait for their release."""

from collections.abc import Sequence
from datetime import datetime

from flask import url_for
from sqlalchemy.orm import Session

from insurance.debit_orders import queries
from insurance.debit_orders.models import DebitRunStatus
from insurance.debit_orders.permissions import DebitOrdersMay
from insurance.web.filters import day
from insurance.web.home import SHOWN, HomeItem, HomeWork


def _drafts(session: Session, _now: datetime) -> Sequence[HomeItem]:
    found = queries.list_runs(session, limit=SHOWN, status=DebitRunStatus.DRAFT)
    return [
        HomeItem(
            f"Run for {day(run.action_date)}",
            url_for("debit_orders.show", run_id=run.id),
            "not released",
        )
        for run in found.items
    ]


HOME = (HomeWork("Debit runs", DebitOrdersMay.EDIT, 70, "debit_orders.index", _drafts, {}),)
