"""Money that came in and has no policy yet."""

from collections.abc import Sequence
from datetime import datetime

from flask import url_for
from sqlalchemy.orm import Session

from insurance.reconciliation import queries
from insurance.reconciliation.permissions import ReconciliationMay
from insurance.web.filters import day, money
from insurance.web.home import SHOWN, HomeAct, HomeItem, HomeWork


def _suspense(session: Session, _now: datetime) -> Sequence[HomeItem]:
    found = queries.list_suspense(session, limit=SHOWN)
    return [
        HomeItem(
            f"{money(receipt.amount)}, {receipt.reference or 'without a reference'}",
            url_for("reconciliation.suspense"),
            f"since {day(receipt.received_on)}",
        )
        for receipt in found.items
    ]


HOME = (
    HomeWork(
        "Money in suspense",
        ReconciliationMay.UPLOAD,
        60,
        "reconciliation.suspense",
        _suspense,
        {},
    ),
)
ACTS = (HomeAct("Bank file", ReconciliationMay.UPLOAD, 30, "reconciliation.upload", "upload", "b"),)
