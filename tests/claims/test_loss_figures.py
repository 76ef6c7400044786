"""The loss ratio from kept sums says what the ledger says, at every moment and for every period."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random
from threading import Barrier
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.billing.queries import list_premium_lines
from insurance.claims.loss_figures import loss_ratios
from insurance.claims.reports import LossRatio, Side, loss_ratios_of_ledger, page_of_loss_entries
from insurance.claims.rules import earned_between
from insurance.core.db import transaction
from insurance.core.period import Period
from insurance.core.tenancy import current_org, tenant_scope
from insurance.ledger.models import TransferType
from insurance.ledger.services import Entry, count_transfers, post
from insurance.policies.replay import find_differences
from tests.factories.book import TODAY
from tests.factories.claims import seed_claims
from tests.factories.lifecycle import at, sell
from tests.random_tries import by_chance, tries

D = Decimal
START = date(2026, 9, 20)
LINES = text(
    """
    SELECT l.policy_id, l.id, l.due_date FROM ins.premium_lines l
    WHERE l.org_id = :org ORDER BY l.policy_id, l.due_date
    """
)


@pytest.fixture
def book(session: Session) -> Session:
    """Return a session on a book of all frequencies, with claims."""
    policies = [
        sell(START + timedelta(days=9 * place), frequency=frequency)
        for place, frequency in enumerate(("MONTHLY", "QUARTERLY", "HALF_YEARLY", "ANNUAL"))
    ]
    seed_claims(policies[:2], TODAY)
    session.rollback()
    return session


def _post_anything(session: Session, random: Random) -> None:
    """Post charges early, late and without a period, their reversals, claims and recoveries."""
    lines = session.execute(LINES, {"org": current_org()}).all()
    session.rollback()
    policy_id, line_id, due = random.choice(lines)
    sides = random.choice(
        (
            ("VAT_OUTPUT", "PREMIUM_INCOME"),
            ("PREMIUM_INCOME", "VAT_OUTPUT"),
            ("CLAIMS_INCURRED", "VAT_OUTPUT"),
            ("VAT_OUTPUT", "CLAIMS_INCURRED"),
            ("VAT_OUTPUT", "CLAIMS_RECOVERED"),
            ("PREMIUM_WAIVED", "VAT_OUTPUT"),
        )
    )
    entry = Entry(
        type=TransferType.ADJUSTMENT,
        description="Anything",
        debit=sides[0],
        credit=sides[1],
        amount=D(random.randint(1, 10**6)) / 100,
        on=due + timedelta(days=random.randint(-40, 420)),
        policy_id=random.choice((policy_id, policy_id, None)),
        premium_line_id=random.choice((line_id, line_id, None)),
    )
    with at(TODAY) as now, transaction() as writing:
        post(writing, [[entry]], now=now)


def _stated(rows: list[LossRatio]) -> list[LossRatio]:
    """Return the rows that say anything, in the order of a list."""
    said = [
        row
        for row in rows
        if any((row.charged, row.premiums, row.claims, row.unearned_before, row.unearned_after))
    ]
    return sorted(said, key=lambda row: (row.product_name, str(row.product_id), str(row.month)))


def _compare(session: Session, random: Random) -> None:
    start = date(2026, 8, 1) + timedelta(days=random.randint(0, 500))
    start = random.choice((start, start.replace(day=1)))
    end = start + timedelta(days=random.choice((0, 1, 27, 30, 59, 364, 500)))
    products = session.scalars(
        text("SELECT id FROM ins.products WHERE org_id = :org"), {"org": current_org()}
    ).all()
    for product_id in (None, random.choice(products)):
        for by_month in (False, True):
            asked = {"start": start, "end": end, "by_month": by_month, "product_id": product_id}
            found = loss_ratios(session, **asked)
            assert found == _stated(found)
            assert found == _stated(loss_ratios_of_ledger(session, **asked)), asked
    session.rollback()


@by_chance
@pytest.mark.parametrize("seed", range(tries(2, 12)))
def test_kept_sums_and_what_came_since_give_what_the_whole_ledger_gives(
    book: Session, seed: int
) -> None:
    random = Random(seed)
    for _ in range(3):
        for _ in range(random.randint(0, 5)):
            _post_anything(book, random)
        _compare(book, random)
        if random.random() < 0.7:
            count_transfers(most=random.choice((1, None)))
            _compare(book, random)
    count_transfers()

    assert find_differences()[1] == []
    assert count_transfers() == 0


def test_a_period_that_ends_before_it_begins_has_no_figures(book: Session) -> None:
    assert loss_ratios(book, start=TODAY, end=TODAY - timedelta(days=1)) == []


def test_a_wrong_sum_is_named_by_the_proof(book: Session) -> None:
    count_transfers()
    with transaction() as writing:
        writing.execute(
            text(
                "UPDATE ins.loss_figures SET earned = earned + 1"
                " WHERE org_id = :org AND grain = 'DAY' AND day = :day"
            ),
            {"org": current_org(), "day": START},
        )

    (difference,) = find_differences()[1]

    assert difference.startswith(f"loss ratio of Plain cover, day {START}: the ledger gives")
    with transaction() as writing:
        writing.execute(
            text(
                "UPDATE ins.loss_figures SET earned = earned - 1"
                " WHERE org_id = :org AND grain = 'DAY' AND day = :day"
            ),
            {"org": current_org(), "day": START},
        )


def test_nothing_is_counted_twice_or_left_out_while_others_post_and_read(
    app: Flask, book: Session
) -> None:
    org_id: UUID = current_org()
    together = Barrier(3)

    def work(seed: int) -> None:
        with app.app_context(), tenant_scope(org_id):
            from insurance.core.db import db

            together.wait()
            for _ in range(8):
                _post_anything(db.session(), Random(seed))
                count_transfers()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))

    count_transfers()
    whole = {"start": date(2026, 1, 1), "end": date(2028, 12, 31)}
    assert loss_ratios(book, **whole) == _stated(loss_ratios_of_ledger(book, **whole))
    book.rollback()
    assert find_differences()[1] == []


def test_months_follow_on_each_other(book: Session) -> None:
    months = loss_ratios(book, start=START, end=date(2027, 12, 31), by_month=True)
    book.rollback()
    for earlier, later in pairwise(months):
        if earlier.product_id == later.product_id:
            assert later.unearned_before == earlier.unearned_after


def test_an_annual_premium_is_earned_by_the_day(session: Session) -> None:
    policy_id = sell(START, frequency="ANNUAL")
    session.rollback()
    line = list_premium_lines(session, policy_id)[0]
    months = loss_ratios(session, start=date(2026, 9, 1), end=date(2027, 12, 31), by_month=True)
    earned = {one.month: one.premiums for one in months if one.premiums}

    charged = sum(one.charged for one in months)
    assert charged > 0
    assert (line.due_date, line.period_end) == (START, date(2027, 9, 20))
    assert len(earned) == 13
    assert earned[date(2026, 10, 1)] == earned_between(
        charged, Period(START, line.period_end), date(2026, 10, 1), date(2026, 10, 31)
    )
    assert sum(earned.values()) == charged
    at_year_end = loss_ratios(session, start=START, end=date(2026, 12, 31))[0]
    assert at_year_end.premiums == (charged * 103 / 365).quantize(D("0.01"))
    assert at_year_end.unearned_after == charged - at_year_end.premiums
    behind = page_of_loss_entries(
        session, Side.EARNED, start=START, end=date(2026, 12, 31), product_id=None, limit=10
    ).items
    assert sum(one.amount for one in behind) == at_year_end.premiums
