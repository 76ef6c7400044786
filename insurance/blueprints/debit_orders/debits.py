"""Debits of a period, and what came of them by bank and day."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from flask import Response, url_for

from insurance.blueprints.debit_orders import bp
from insurance.core.db import db
from insurance.core.period import add_months
from insurance.debit_orders.debits import SENT, Collected, ItemLine, list_collected, list_debits
from insurance.debit_orders.permissions import DebitOrdersMay
from insurance.debit_orders.rules import ItemStatus, meaning
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.charts import BarChart, Figure, chart_rows
from insurance.web.days import period_asked
from insurance.web.filters import day, number, words

DEBIT_COLUMNS = (
    "amount: Amount, money, sorts, key, summed | status: Status, tag, key, sorts",
    "reference: Reference, muted, sorts | because: Because, wrapped",
)
"""What lists of debits have in common."""


@bp.route("/debits", methods=["GET", "POST"])
@requires(DebitOrdersMay.VIEW)
def debits() -> Response:
    """List debits of the last month or other days, below what came of them by bank and day."""
    problems: dict[str, str] = {}
    since, until = period_asked(lambda end: add_months(end, -1), problems)
    return lists.show(_screen(since, until, problems))


def because(item: ItemLine) -> str:
    """Return why an item is not debited, or why its debit came back."""
    if item.exclusion:
        return words(item.exclusion)
    is_unpaid = item.status is ItemStatus.UNPAID
    return f"{item.reason_code or ''} {meaning(item.reason_code)}".strip() if is_unpaid else ""


_DAYS_DRAWN = 12


def _screen(since: date, until: date, problems: dict[str, str]) -> lists.ListScreen:
    collected = list_collected(db.session(), since=since, until=until)
    banks = sorted({one.bank for one in collected})

    return lists.ListScreen(
        title="Debits by bank and day",
        caption="Debits sent, the newest day first",
        crumbs=[("Debit orders", "debit_orders.index")],
        read=lambda session, wanted: list_debits(session, wanted.within(since=since, until=until)),
        record=lambda item: url_for("debit_orders.mandates", policy_id=item.policy_id),
        tabs=lambda _: lists.tabs_of(SENT),
        fields=(
            *lists.period(since, until),
            lists.Field("bank", "Bank", choices=lambda _: [(bank, bank) for bank in banks]),
        ),
        problems=problems,
        charts=collection_charts(collected, since, until),
        columns=lists.columns(
            "policy_number: Policy | action_date: Day, day, sorts | bank: Bank, key",
            *DEBIT_COLUMNS,
            because=because,
        ),
        empty=lists.Empty(
            "No debit was sent in these days", "Choose other days, or prepare and release a run."
        ),
        none_match="No debit matches",
        none_in_tab="No debit is in this state",
        rows=50,
    )


def collection_charts(
    collected: Sequence[Collected], since: date, until: date
) -> Sequence[BarChart]:
    """Return how many debits were paid and came back, by bank and by day, most returns first."""
    days = {"from": since.isoformat(), "to": until.isoformat()}
    by_bank = _counted(collected, lambda one: one.bank)
    by_day = _counted(collected, lambda one: one.day)
    banks = [
        _figure(bank, counts, {**days, "bank": bank, "status": ItemStatus.UNPAID.value})
        for bank, counts in sorted(by_bank.items(), key=lambda item: (-item[1][2], item[0]))
    ]
    worst = sorted(by_day, key=lambda on: (-by_day[on][2], on))[:_DAYS_DRAWN]
    dates = [
        _figure(day(on), by_day[on], {"from": on.isoformat(), "to": on.isoformat()})
        for on in sorted(worst)
    ]
    of_days = f"; the {len(worst)} worst of {len(by_day)} days" if len(worst) < len(by_day) else ""
    measures = ("Paid", "Returned", "Not answered")
    charts = (
        chart_rows(_most(by_bank, "{} returned most", str), "Bank", measures, banks),
        chart_rows(_most(by_day, "Most came back on {}", day) + of_days, "Day", measures, dates),
    )
    return [chart for chart in charts if chart and len(chart.rows) > 1]


Counts = tuple[int, int, int]


def _counted(
    collected: Iterable[Collected], key: Callable[[Collected], Any]
) -> Mapping[Any, Counts]:
    """Return how many were sent, paid and returned by a key."""
    found: dict[Any, Counts] = {}
    for one in collected:
        sent, paid, returned = found.get(key(one), (0, 0, 0))
        found[key(one)] = (sent + one.sent, paid + one.paid, returned + one.returned)
    return found


def _figure(name: str, counts: Counts, asked: dict[str, Any]) -> Figure:
    sent, paid, returned = counts
    says = f"{number(returned)} of {number(sent)} returned"
    amounts = (paid, returned, sent - paid - returned)
    return Figure(name, amounts, says, url_for("debit_orders.debits", **asked))


def _most(counted: Mapping[Any, Counts], says: str, printed: Callable[[Any], str]) -> str:
    """Return the finding: where most came back, of how many."""
    sent = sum(counts[0] for counts in counted.values())
    if not sum(counts[2] for counts in counted.values()):
        return f"None of {number(sent)} debits came back"
    key, counts = max(counted.items(), key=lambda item: (item[1][2], item[1][2] / item[1][0]))
    return f"{says.format(printed(key))}: {number(counts[2])} of {number(counts[0])} debits"
