"""Balances from kept sums are those of the transfers, at every moment, and a wrong sum is named."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.core.db import db, transaction
from insurance.core.money import ZERO
from insurance.core.tenancy import current_org, tenant_scope
from insurance.ledger.models import LedgerTransfer
from insurance.ledger.queries import account_statement, trial_balance
from insurance.ledger.services import CHART, count_transfers, reverse_transfers
from insurance.policies.replay import find_differences
from tests.factories.ledger import NOW, post
from tests.factories.organizations import make_organization
from tests.random_tries import by_chance, tries

START = date(2026, 8, 25)
CODES = [code for code, _name, _kind in CHART]
SUMS = text(
    """
    SELECT a.code,
           coalesce((SELECT sum(amount) FROM ins.ledger_transfers WHERE org_id = a.org_id
                     AND debit_account = a.code AND effective_date BETWEEN :since AND :until), 0),
           coalesce((SELECT sum(amount) FROM ins.ledger_transfers WHERE org_id = a.org_id
                     AND credit_account = a.code AND effective_date BETWEEN :since AND :until), 0)
    FROM ins.ledger_accounts a WHERE a.org_id = :org ORDER BY a.code
    """
)
CHANGE = text(
    "UPDATE ins.ledger_figures SET amount = amount + :more WHERE org_id = :org AND grain = :grain"
)


def _sums(since: date, until: date) -> dict[str, tuple[Decimal, Decimal]]:
    values = {"org": current_org(), "since": since, "until": until}
    return {code: (debit, credit) for code, debit, credit in db.session().execute(SUMS, values)}


def _post_anything(random: Random) -> None:
    """Post transfers of many days and pairs, and reverse some of what was posted."""
    if random.random() < 0.3:
        with transaction() as session:
            wanted = LedgerTransfer.debit_account == random.choice(CODES)
            on = START + timedelta(days=random.randint(0, 160))
            reverse_transfers(session, wanted, on=on, now=NOW, why="Taken back")
        return
    post(
        *(
            (
                START + timedelta(days=random.randint(0, 130)),
                *random.sample(CODES, 2),
                str(Decimal(random.randint(1, 10**9)) / 100),
            )
            for _ in range(random.randint(1, 4))
        )
    )


def _compare(random: Random) -> None:
    session = db.session()
    on = START + timedelta(days=random.randint(-1, 170))
    found = {line.code: (line.debit, line.credit) for line in trial_balance(session, on)}
    assert found == _sums(date(1, 1, 1), on)

    code, since = random.choice(CODES), START + timedelta(days=random.randint(0, 100))
    until = since + timedelta(days=random.choice((0, 5, 31, 70)))
    entries = account_statement(session, code, since, until, limit=1000).entries.items
    after = random.choice([None, *((one.effective_date, one.id) for one in entries)])
    statement = account_statement(session, code, since, until, limit=3, after=after)
    before, during = (
        _sums(date(1, 1, 1), since - timedelta(days=1))[code],
        _sums(since, until)[code],
    )
    assert statement.opening == before[0] - before[1]
    assert (statement.debit, statement.credit) == during
    assert statement.closing == statement.opening + during[0] - during[1]
    left = [one for one in entries if after is None or (one.effective_date, one.id) > after]
    assert statement.entries.items == left[:3]
    session.rollback()


@by_chance
@pytest.mark.breaks_books("moves money between accounts at random")
@settings(max_examples=tries(8, 100), deadline=None)
@given(seed=st.integers(0, 10**9))
def test_balances_are_those_of_the_transfers_counted_or_not(app: Flask, seed: int) -> None:
    random = Random(seed)
    with app.app_context(), tenant_scope(make_organization().id):
        for _ in range(random.randint(1, 5)):
            _post_anything(random)
            if random.random() < 0.5:
                count_transfers(most=random.choice((1, None)))
            _compare(random)
        assert find_differences()[1] == []
        count_transfers()
        _compare(random)
        assert find_differences()[1] == []
        assert count_transfers() == 0


@pytest.mark.breaks_books("makes a kept sum wrong")
@pytest.mark.parametrize("grain", ["DAY", "MONTH"])
def test_a_wrong_sum_is_named_by_the_proof(session: Session, grain: str) -> None:
    post((START, "BANK", "PREMIUM_DEBTORS", "310.00"))
    count_transfers()
    day = START if grain == "DAY" else START.replace(day=1)
    values = {"org": current_org(), "grain": grain}
    with transaction() as writing:
        writing.execute(CHANGE, values | {"more": 1})

    assert find_differences()[1] == [
        f"ledger, {grain.lower()} {day}, BANK to PREMIUM_DEBTORS:"
        " the transfers give 310.00, kept is 311.00"
    ]


@pytest.mark.breaks_books("forgets a note")
def test_what_no_note_names_and_no_sum_has_is_named_by_the_proof(session: Session) -> None:
    post((START, "BANK", "PREMIUM_DEBTORS", "310.00"))
    with transaction() as writing:
        writing.execute(
            text("DELETE FROM ins.ledger_uncounted WHERE org_id = :org"), {"org": current_org()}
        )

    assert len(find_differences()[1]) == 2
    assert {line.debit for line in trial_balance(session, START)} == {ZERO}


def test_who_posts_writes_no_sum(session: Session) -> None:
    post((START, "BANK", "PREMIUM_DEBTORS", "310.00"))

    def kept() -> int:
        counted = text("SELECT count(*) FROM ins.ledger_figures WHERE org_id = :org")
        found: int = session.execute(counted, {"org": current_org()}).scalar_one()
        return found

    assert kept() == 0
    assert count_transfers() == 1
    assert kept() == 2
