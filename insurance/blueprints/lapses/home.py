"""Policies that lapse tomorrow unless somebody pays, and the first rule of a new organization."""

from collections.abc import Sequence
from datetime import date

from flask import url_for
from sqlalchemy.orm import Session

from insurance.debit_orders.queries import list_collecting
from insurance.lapses import queries
from insurance.lapses.permissions import LapsesMay
from insurance.lapses.queries import LapseState
from insurance.policies.queries import get_portfolio
from insurance.web.business import business_day
from insurance.web.filters import number
from insurance.web.home import DueToday, HomeItem, SetupStep

_COUNTED_AT_ONCE = 5_000
"""A larger book is counted by a job, as the list of arrears is."""
_SHOWN = {LapseState.DUE: "due to lapse", LapseState.TOMORROW: "to lapse tomorrow"}


def _lapsing(session: Session, on: date) -> Sequence[HomeItem]:
    kept = queries.find_arrears_list(session, on)
    if kept is None and get_portfolio(session).policies >= _COUNTED_AT_ONCE:
        return []
    counts = (
        kept.counts
        if kept
        else queries.count_lapse_states(session, on, collecting=list_collecting(session, on=on))
    )
    return [
        HomeItem(
            f"{number(counts[state])} {'policy' if counts[state] == 1 else 'policies'} {words}",
            url_for("lapses.index", state=state.value),
        )
        for state, words in _SHOWN.items()
        if counts[state]
    ]


TODAY = (DueToday(LapsesMay.VIEW, 20, _lapsing),)
SETUP = (
    SetupStep(
        "Set when it lapses",
        "How long cover goes on unpaid. Until a rule says so, the days of grace are the law's.",
        LapsesMay.EDIT,
        26,
        "lapses.rules",
        lambda session: bool(queries.list_ruled_products(session, business_day())),
    ),
)
