"""Debit order runs that wait for their release."""

from collections.abc import Sequence
from datetime import date, datetime

from flask import url_for
from sqlalchemy.orm import Session

from insurance.core.context import current_actor
from insurance.debit_orders import queries
from insurance.debit_orders.models import DebitRunStatus
from insurance.debit_orders.permissions import DebitOrdersMay
from insurance.web.filters import day, money, number, words
from insurance.web.home import SHOWN, DueToday, HomeAct, HomeItem, HomeWork


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


def _next_runs(session: Session, on: date) -> Sequence[HomeItem]:
    """Return the released runs whose debits are still to be done, or say that none is prepared.

    A draft waits above for whoever may release it.
    """
    newest = queries.list_runs(session, limit=SHOWN).items
    coming = [
        run
        for run in newest
        if run.action_date >= on and run.status is not DebitRunStatus.CANCELLED
    ]
    if not coming:
        return [HomeItem("No debit run is prepared", url_for("debit_orders.index"))]
    return [
        HomeItem(
            f"Debit run for {day(run.action_date)}",
            url_for("debit_orders.show", run_id=run.id),
            f"{words(run.status)}, {number(run.item_count)} debits, {money(run.total)}",
        )
        for run in coming
        if run.status is not DebitRunStatus.DRAFT or not current_actor().may(DebitOrdersMay.EDIT)
    ]


HOME = (HomeWork("Debit runs", DebitOrdersMay.EDIT, 70, "debit_orders.index", _drafts, {}),)
TODAY = (DueToday(DebitOrdersMay.VIEW, 40, _next_runs),)
ACTS = (HomeAct("Debit run", DebitOrdersMay.EDIT, 40, "debit_orders.prepare", "calendar", "d"),)
