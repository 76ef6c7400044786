"""Claims that wait: mine by their deadline, those that nobody has, and those to pay."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import url_for
from sqlalchemy.orm import Session

from insurance.claims import queries
from insurance.claims.permissions import ClaimsMay
from insurance.claims.queries import ClaimListRow
from insurance.core.context import current_actor
from insurance.core.listing import Wanted
from insurance.organizations.permissions import SettingsMay
from insurance.web.filters import moment, money
from insurance.web.home import SHOWN, HomeAct, HomeItem, HomeWork, SetupStep


def _mine(session: Session, now: datetime) -> Sequence[HomeItem]:
    return _items(session, now, tab="open", given=current_actor().user_id)


def _free(session: Session, now: datetime) -> Sequence[HomeItem]:
    return _items(session, now, tab="open", free=True)


def _to_pay(session: Session, now: datetime) -> Sequence[HomeItem]:
    return _items(session, now, endpoint="claims.pay", tab="approved")


def _items(
    session: Session, now: datetime, endpoint: str = "claims.show", **narrowed: Any
) -> Sequence[HomeItem]:
    found = queries.list_claim_rows(session, Wanted(narrowed, limit=SHOWN), now=now)
    return [
        HomeItem(
            f"{claim.claim_number}, {claim.customer_name}",
            url_for(endpoint, claim_id=claim.id),
            _when(claim),
            "overdue" if claim.due_at and claim.due_at <= now else "",
        )
        for claim in found.items
    ]


def _when(claim: ClaimListRow) -> str:
    due = f", due {moment(claim.last_moment)}" if claim.last_moment else ""
    return f"{money(claim.total_claimed)}{due}"


HOME = (
    HomeWork(
        "My claims", ClaimsMay.ASSESS, 20, "claims.index", _mine, {"tab": "open", "given": "me"}
    ),
    HomeWork(
        "Claims nobody works on",
        ClaimsMay.ASSESS,
        30,
        "claims.index",
        _free,
        {"tab": "open", "given": "nobody"},
    ),
    HomeWork("Claims to pay", ClaimsMay.PAY, 40, "claims.index", _to_pay, {"tab": "approved"}),
)
ACTS = (HomeAct("Next claim", ClaimsMay.ASSESS, 20, "claims.take_next", "check", "e", posts=True),)
SETUP = (
    SetupStep(
        "Say who may pay how much",
        "Limits of each role for claims. Cautious ones hold until you set yours.",
        SettingsMay.EDIT,
        40,
        "claims.authority",
        queries.has_own_limits,
    ),
)
