"""Files that overlap, in any order, in any chunks and sent again: no money is lost or doubled."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from itertools import count
from unittest import mock

from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from insurance.core.db import db
from insurance.core.tenancy import current_org, tenant_scope
from insurance.reconciliation.queries import get_bank_money, get_file_money
from insurance.reconciliation.services import postings
from tests.factories.organizations import OrganizationFacts
from tests.factories.reconciliation import commit, csv_of, make_policies, row
from tests.random_tries import by_chance, tries

Movement = tuple[int, str, str, int]
"""Which policy, day, amount, and the bank's number where the file has one."""
_EXAMPLES = count(1)
_NUMBERS: dict[object, list[str]] = {}


def _movements(numbered: bool) -> st.SearchStrategy[list[Movement]]:
    one = st.tuples(
        st.integers(0, 2),
        st.sampled_from(["2026-11-19", "2026-11-20"]),
        st.sampled_from(["100.00", "60.00"]),
        st.integers(1, 4) if numbered else st.just(0),
    )
    # A number that a file gives twice is no movement's own: it tells nothing apart.
    return st.lists(one, min_size=1, max_size=4, unique=numbered)


@by_chance
@given(
    files=st.lists(
        st.booleans().flatmap(lambda numbered: _movements(numbered).map(lambda m: (numbered, m))),
        min_size=2,
        max_size=4,
    ),
    chunk=st.sampled_from([1, 2, 5_000]),
    again=st.integers(0, 3),
)
@settings(
    max_examples=tries(5, 60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_what_came_in_is_booked_once_however_often_files_tell_of_it(
    app: Flask,
    org: OrganizationFacts,
    files: list[tuple[bool, list[Movement]]],
    chunk: int,
    again: int,
) -> None:
    """A movement came in as often as one file tells of it."""
    example = next(_EXAMPLES)
    with app.app_context(), tenant_scope(org.id), mock.patch.object(postings, "CHUNK", chunk):
        if org.id not in _NUMBERS:
            _NUMBERS[org.id] = [*(number for _id, number in make_policies(2)), "PL-9999-999999"]
        before = _bank()
        contents = [_content(_NUMBERS[org.id], example, *one) for one in files]
        order = [*contents, contents[again % len(contents)]]

        posted = {file.id: file for file in (commit(content) for content in order)}

        db.session().rollback()
        monies = [get_file_money(db.session(), file_id) for file_id in posted]
        for money in monies:
            assert money.received == money.posted + money.suspense + money.duplicates
        came = sum((money.posted + money.suspense for money in monies), Decimal(0))
        assert _bank() - before == came == _true_money(files)
        everything = get_bank_money(db.session())
        assert everything.received == everything.posted + everything.suspense
        db.session().rollback()


def _true_money(files: Sequence[tuple[bool, list[Movement]]]) -> Decimal:
    """Return what came in by what the files say, said without looking at how they are read."""
    most: Counter[object] = Counter()
    for numbered, movements in files:
        for movement, times in Counter(movements).items():
            key = (numbered, movement)
            most[key] = max(most[key], times)
    return sum((Decimal(key[1][2]) * times for key, times in most.items()), Decimal(0))


def _content(numbers: list[str], example: int, numbered: bool, movements: list[Movement]) -> bytes:
    if not numbered:
        return csv_of(
            *(
                row(numbers[place], amount, f"INSURANCE {example}", paid_date=day)
                for place, day, amount, _number in movements
            )
        )
    lines = [":20:STMT7", ":25:632005/0400000011", ":28C:00231/001", ":60F:C261101ZAR0,00"]
    for place, day, amount, number in movements:
        when = f"{day[2:4]}{day[5:7]}{day[8:]}{day[5:7]}{day[8:]}"
        own = f"E{example}P{place}D{day[8:]}A{amount[:2]}N{number}"
        lines += [
            f":61:{when}CR{amount.replace('.', ',')}NTRFPAID{example}//{own}",
            f":86:EFT {numbers[place]}",
        ]
    total = sum((Decimal(amount) for _place, _day, amount, _number in movements), Decimal(0))
    lines += [f":62F:C261120ZAR{str(total).replace('.', ',')}", "-"]
    return "\n".join(lines).encode()


def _bank() -> Decimal:
    session = db.session()
    session.rollback()
    balance = session.execute(
        text(
            "SELECT coalesce(sum(CASE WHEN debit_account = 'BANK' THEN amount ELSE -amount END), 0)"
            " FROM ins.ledger_transfers"
            " WHERE org_id = :org AND 'BANK' IN (debit_account, credit_account)"
        ),
        {"org": current_org()},
    ).scalar_one()
    session.rollback()
    return Decimal(balance)
