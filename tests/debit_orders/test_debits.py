"""What came of debits, by bank and by day: the figures, the sentence, and the rows behind them."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

import pytest
from flask import Flask, g
from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.blueprints.debit_orders.debits import collection_charts
from insurance.core import clock
from insurance.core.db import transaction
from insurance.core.listing import Wanted
from insurance.core.permissions import Role
from insurance.debit_orders import services
from insurance.debit_orders.debits import Collected, list_collected, list_debits, list_items
from insurance.debit_orders.rules import Result
from insurance.debit_orders.services import ResultRow
from tests.factories.book import NOW, make_book
from tests.factories.debit_orders import due_on, make_policies, make_run, release
from tests.factories.identity import SignedInClient

SignIn = Callable[..., SignedInClient]
DAY = date(2026, 12, 1)
SPAN = f"from={DAY}&to={DAY}"


@pytest.fixture
def sent(session: Session) -> list[str]:
    """Let four debits be sent: of Absa one paid and two returned, of FNB one not answered."""
    made = make_policies(4)
    with transaction() as writing:
        _bank_with(writing, made[:3], "Absa")
    due_on(DAY, made)
    run = make_run(DAY)
    release(run)
    items = list_items(session, Wanted({"run": run.id})).items
    of = {item.policy_id: item.reference or "" for item in items}
    answers = zip(made[:3], (Result.PAID, Result.UNPAID, Result.UNPAID), strict=True)
    rows = [
        ResultRow(of[policy_id], result, "02" if result is Result.UNPAID else None)
        for policy_id, result in answers
    ]
    with transaction() as writing:
        services.mark_results(writing, rows, now=NOW)
    session.rollback()
    return [item.policy_number for item in items]


def _bank_with(session: Session, policies: list[UUID], bank: str) -> None:
    session.execute(
        text(
            "UPDATE ins.customer_bank_accounts a SET bank = :bank FROM ins.debit_order_mandates m"
            " WHERE m.bank_account_id = a.id AND m.policy_id = ANY(:policies)"
        ),
        {"bank": bank, "policies": policies},
    )


@pytest.mark.breaks_books("answers of the bank are marked without the money that came with them")
def test_what_came_back_is_counted_by_bank_and_day_and_ties_to_the_debits(
    session: Session, sent: list[str]
) -> None:
    found = list_collected(session, since=DAY, until=DAY)

    assert [(one.bank, one.sent, one.paid, one.returned) for one in found] == [
        ("Absa", 3, 1, 2),
        ("FNB", 1, 0, 0),
    ]
    span = {"since": DAY, "until": DAY}
    for one in found:
        for status, count in (("PAID", one.paid), ("UNPAID", one.returned)):
            wanted = Wanted({**span, "bank": one.bank, "status": status})
            assert len(list_debits(session, wanted).items) == count
    assert list_collected(session, since=DAY + timedelta(days=1), until=date(2027, 1, 1)) == []


@pytest.mark.breaks_books("answers of the bank are marked without the money that came with them")
def test_the_chart_says_whose_debits_came_back_most_and_leads_to_them(
    sign_in: SignIn, sent: list[str]
) -> None:
    with clock.frozen(NOW):
        clerk = sign_in(Role.FINANCE)
        page = clerk.get(clerk.url(f"/debit-orders/debits?{SPAN}")).text
        link = re.search(r'href="([^"]+bank=Absa[^"]*)"', page)
        assert link
        behind = clerk.get(link[1].replace("&amp;", "&")).text

    assert "Absa returned most: 2 of 3 debits" in page
    assert "Most came back on" not in page, "one day is no comparison"
    assert len(_policies(page)) == 4
    assert len(_policies(behind)) == 2
    assert "02 " in behind, "the bank's reason stands beside each"


def test_where_nothing_was_sent_the_page_says_what_next(sign_in: SignIn, session: Session) -> None:
    make_book()
    with clock.frozen(NOW):
        clerk = sign_in(Role.AUDITOR)
        page = clerk.get(clerk.url("/debit-orders/debits")).text

    assert "No debit was sent in these days" in page
    assert "prepare and release a run" in page
    assert "<svg height" not in page


def test_of_many_days_those_are_drawn_on_which_most_came_back(app: Flask) -> None:
    days = [DAY + timedelta(days=place) for place in range(20)]
    collected = [Collected("Absa", on, 10, 10 - n // 2, n // 2) for n, on in enumerate(days)]
    collected.append(Collected("FNB", days[3], 80, 68, 12))

    with app.test_request_context():
        g.org_slug = "insurer"
        banks, by_day = collection_charts(collected, days[0], days[-1])

    assert banks.title == "Absa returned most: 90 of 200 debits"
    assert [row.figure.amounts for row in banks.rows] == [(110, 90, 0), (68, 12, 0)]
    assert by_day.title.startswith("Most came back on 2026/12/04: 13 of 90 debits; the 12 worst of")
    assert [row.figure.name for row in by_day.rows][:2] == ["2026/12/04", "2026/12/09"]


def _policies(html: str) -> set[str]:
    return set(re.findall(r">(PL-\d+-\d+)</a>", html))
