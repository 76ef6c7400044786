"""What the books say on a day: trial balance and account statements."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from insurance.core.db import db
from insurance.core.errors import DomainError, NotFoundError
from insurance.core.money import ZERO, total
from insurance.core.tenancy import tenant_scope
from insurance.ledger.queries import (
    StatementEntry,
    account_statement,
    position_of,
    trial_balance,
)
from insurance.ledger.services import CHART
from tests.factories.ledger import Posting, post
from tests.factories.organizations import OrganizationFacts, make_organization
from tests.random_tries import by_chance, tries

START = date(2026, 9, 1)
OCTOBER = (date(2026, 10, 1), date(2026, 10, 31))
CODES = [code for code, _name, _kind in CHART]
ACCOUNT_PAIRS = st.lists(st.sampled_from(CODES), min_size=2, max_size=2, unique=True)


def _postings(
    days: int, pairs: st.SearchStrategy[list[str]], least: int = 0
) -> st.SearchStrategy[list[Posting]]:
    return st.lists(
        st.builds(
            lambda day, pair, cents: (
                START + timedelta(days=day),
                *pair,
                str(Decimal(cents) / 100),
            ),
            st.integers(0, days),
            pairs,
            st.integers(1, 10**12),
        ),
        min_size=least,
        max_size=25,
    )


def _expected(postings: list[Posting], code: str, on: date) -> Decimal:
    debit = total(
        Decimal(amount) for day, to, _from, amount in postings if to == code and day <= on
    )
    return debit - total(
        Decimal(amount) for day, _to, source, amount in postings if source == code and day <= on
    )


@by_chance
@pytest.mark.breaks_books("moves money between accounts at random")
@settings(max_examples=tries(10, 100), deadline=None)
@given(postings=_postings(90, ACCOUNT_PAIRS), on=st.integers(-1, 91))
def test_any_set_of_postings_balances_on_any_day(
    app: Flask, postings: list[Posting], on: int
) -> None:
    day = START + timedelta(days=on)
    with app.app_context(), tenant_scope(make_organization().id):
        post(*postings)
        lines = trial_balance(db.session(), day)

    assert [line.code for line in lines] == sorted(CODES)
    assert total(line.balance for line in lines) == ZERO
    assert total(line.debit for line in lines) == total(line.credit for line in lines)
    for line in lines:
        assert line.balance == line.debit - line.credit == _expected(postings, line.code, day)


@by_chance
@settings(max_examples=tries(10, 100), deadline=None)
@given(
    postings=_postings(5, st.permutations(["BANK", "PREMIUM_DEBTORS"]), least=6),
    limit=st.integers(1, 4),
    days=st.tuples(st.integers(0, 2), st.integers(2, 5)),
)
def test_a_statement_leads_from_its_opening_to_its_closing_balance_page_by_page(
    app: Flask, postings: list[Posting], limit: int, days: tuple[int, int]
) -> None:
    code = "BANK"
    since, until = (START + timedelta(days=day) for day in days)
    with app.app_context(), tenant_scope(make_organization().id):
        post(*postings)
        session = db.session()
        entries: list[StatementEntry] = []
        cursor = None
        while True:
            found = account_statement(
                session, code, since, until, limit=limit, after=position_of(cursor)
            )
            assert len(found.entries.items) <= limit
            entries += found.entries.items
            cursor = found.entries.next_cursor
            if cursor is None:
                break
        whole = account_statement(session, code, since, until, limit=1000).entries.items

    balance = found.opening
    for entry in entries:
        balance += (entry.debit or ZERO) - (entry.credit or ZERO)
        assert entry.balance == balance
    assert balance == found.closing == _expected(postings, code, until)
    assert found.opening == _expected(postings, code, since - timedelta(days=1))
    assert found.opening + found.debit - found.credit == found.closing
    assert [entry.effective_date for entry in entries] == sorted(
        day
        for day, to, source, _amount in postings
        if code in (to, source) and since <= day <= until
    )
    assert whole == entries


def test_a_quiet_account_stands_on_the_trial_balance_with_nothing(session: Session) -> None:
    post((date(2026, 10, 1), "BANK", "PREMIUM_DEBTORS", "310.00"))

    lines = {line.code: line for line in trial_balance(session, date(2026, 10, 1))}

    assert lines["BANK"].balance == Decimal("310.00")
    assert lines["PREMIUM_DEBTORS"].balance == Decimal("-310.00")
    assert (lines["VAT_OUTPUT"].debit, lines["VAT_OUTPUT"].credit) == (ZERO, ZERO)


def test_a_statement_names_the_other_side(session: Session) -> None:
    post((OCTOBER[0], "PREMIUM_DEBTORS", "PREMIUM_INCOME", "310.00"))
    post((OCTOBER[1], "BANK", "PREMIUM_DEBTORS", "200.00"), reference="DO-1")

    due, paid = account_statement(session, "PREMIUM_DEBTORS", *OCTOBER, limit=9).entries.items

    assert (due.other_account, due.debit, due.credit, due.balance) == (
        "PREMIUM_INCOME",
        Decimal("310.00"),
        None,
        Decimal("310.00"),
    )
    assert (paid.other_account, paid.debit, paid.credit, paid.balance, paid.reference) == (
        "BANK",
        None,
        Decimal("200.00"),
        Decimal("110.00"),
        "DO-1",
    )


def test_another_insurers_postings_are_not_in_the_books(
    session: Session, other_org: OrganizationFacts
) -> None:
    with tenant_scope(other_org.id):
        post((OCTOBER[0], "BANK", "PREMIUM_DEBTORS", "999.00"))

    assert {line.debit for line in trial_balance(session, OCTOBER[1])} == {ZERO}
    assert account_statement(session, "BANK", *OCTOBER, limit=9).entries.items == []


@pytest.mark.parametrize("code", ["NO_SUCH_ACCOUNT", "bank", "BANK\x00", ""])
def test_an_account_that_is_not_on_the_chart_is_not_found(session: Session, code: str) -> None:
    with pytest.raises(NotFoundError):
        account_statement(session, code, *OCTOBER, limit=9)


def test_a_page_link_of_an_earlier_period_starts_at_the_period(session: Session) -> None:
    post((START, "BANK", "PREMIUM_DEBTORS", "5.00"), (START, "BANK", "PREMIUM_DEBTORS", "7.00"))
    post((OCTOBER[0], "BANK", "PREMIUM_DEBTORS", "1.00"))
    september = account_statement(session, "BANK", START, OCTOBER[1], limit=1)

    october = account_statement(
        session, "BANK", *OCTOBER, limit=9, after=position_of(september.entries.next_cursor)
    )

    assert [entry.balance for entry in october.entries.items] == [Decimal("13.00")]


def test_a_statement_cannot_end_before_it_starts(session: Session) -> None:
    with pytest.raises(DomainError, match="must not be before"):
        account_statement(session, "BANK", OCTOBER[1], OCTOBER[0], limit=9)


@pytest.mark.parametrize("cursor", ["x", "WyIyMDI2Il0", "WyJub3QtYS1kYXkiLCJ4Il0", "é"])
def test_a_made_up_page_link_is_refused(cursor: str) -> None:
    with pytest.raises(DomainError, match="page link"):
        position_of(cursor)
