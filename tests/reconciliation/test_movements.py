"""A receipt is one movement of money, never a text: what banks really send loses and doubles none."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.billing.queries import arrears_on, list_receipts
from insurance.core.db import db
from insurance.policies.replay import find_differences
from insurance.reconciliation.models import ReconciliationFile
from insurance.reconciliation.queries import get_bank_money, get_file_money, sum_suspense
from tests.factories.book import TODAY
from tests.factories.reconciliation import (
    commit,
    csv_of,
    details,
    make_policies,
    row,
    verdicts,
    xlsx_of,
)

D = Decimal


@pytest.fixture
def policies(session: Session) -> list[tuple[UUID, str]]:
    """Return two policies of 100.00 a month of which three premiums have fallen due."""
    return make_policies(2)


def _money(file: ReconciliationFile) -> tuple[Decimal, ...]:
    """Return received, posted, suspense, duplicates and not posted of a file."""
    session = db.session()
    session.rollback()
    money = get_file_money(session, file.id)
    return money.received, money.posted, money.suspense, money.duplicates, money.not_posted


def test_three_payments_with_one_reference_settle_three_premiums(
    policies: list[tuple[UUID, str]], session: Session
) -> None:
    """A payer types INSURANCE every month."""
    number = policies[0][1]
    days = ["2026-11-18", "2026-11-19", "2026-11-20"]
    content = csv_of(*(row(number, reference="INSURANCE", paid_date=day) for day in days))

    file = commit(content)
    again = commit(content + b"\r\n")

    assert verdicts(file) == ["MATCHED"] * 3
    assert arrears_on(session, policies[0][0], TODAY) == 0
    assert verdicts(again) == ["DUPLICATE"] * 3
    assert _money(file) == (300, 300, 0, 0, 0)
    assert _money(again) == (300, 0, 0, 300, 0)


def test_the_same_row_twice_in_a_file_waits_for_a_person_and_is_known_after_that(
    policies: list[tuple[UUID, str]], session: Session
) -> None:
    one = row(policies[0][1], reference="INSURANCE")
    first = commit(csv_of(one))

    both = commit(csv_of(one, one))
    again = commit(csv_of(one, one, row(policies[1][1], reference="other")))

    assert verdicts(first) == ["MATCHED"]
    assert verdicts(both) == ["DUPLICATE", "SUSPENSE"]
    assert "is it other money?" in details(both)[1]
    assert verdicts(again) == ["DUPLICATE", "DUPLICATE", "MATCHED"]
    assert sum_suspense(session) == (1, D("100.00"))


def test_two_payers_with_one_text_are_both_settled(
    policies: list[tuple[UUID, str]], session: Session
) -> None:
    file = commit(csv_of(*(row(number, reference="PREMIUM") for _id, number in policies)))

    assert verdicts(file) == ["MATCHED", "MATCHED"]


def test_references_that_excel_rounded_to_one_number_lose_nobodys_money(
    policies: list[tuple[UUID, str]], session: Session
) -> None:
    """Twenty digits held as a number: both cells show 12345678901234567000."""
    head = ["policy_number", "paid_date", "amount", "reference"]
    cells = [
        [policies[0][1], "2026-11-20", 100, 12345678901234567890.0],
        [policies[1][1], "2026-11-20", 100, 12345678901234567891.0],
        [policies[1][1], "2026-11-20", 50, 12345678901234567892.0],
    ]

    file = commit(xlsx_of(head, *cells))

    assert verdicts(file) == ["MATCHED", "MATCHED", "PARTIAL"]
    assert _money(file) == (250, 250, 0, 0, 0)


def test_references_that_a_bank_cut_to_twenty_characters_lose_nobodys_money(
    policies: list[tuple[UUID, str]], session: Session
) -> None:
    cut = "PREMIUM PAYMENT REF-"
    rows = [row(policies[0][1], "100.00", cut), row(policies[0][1], "60.00", cut)]

    file = commit(csv_of(*rows))

    assert verdicts(file) == ["MATCHED", "PARTIAL"]


def test_one_movement_in_another_spelling_posts_once(
    policies: list[tuple[UUID, str]], session: Session
) -> None:
    commit(csv_of(row(policies[0][1], reference="Inv-77 / a")))

    file = commit(csv_of(row(policies[0][1].replace("-", " ").lower(), reference="INV77A")))

    assert verdicts(file) == ["DUPLICATE"]
    assert len(list_receipts(session, policies[0][0])) == 1


def test_a_row_that_names_nobody_waits_in_suspense(session: Session) -> None:
    file = commit(csv_of(row("", reference="")))

    assert (verdicts(file), details(file)) == (["SUSPENSE"], ["It names no policy."])
    assert _money(file) == (100, 0, 100, 0, 0)


def test_what_cannot_be_read_is_shown_as_not_posted(
    policies: list[tuple[UUID, str]], session: Session
) -> None:
    number = policies[0][1]
    rows = [row(number), row(number, paid_date="soon"), row(number, "many", "R3")]

    file = commit(csv_of(*rows))

    assert _money(file) == (200, 100, 0, 0, 100)
    assert get_file_money(db.session(), file.id).unreadable == 1
    assert get_bank_money(db.session()).not_posted == D("100.00")


def test_more_than_one_person_may_record_waits_in_suspense(
    policies: list[tuple[UUID, str]], session: Session
) -> None:
    file = commit(csv_of(row(policies[0][1], "100000.01"), row(policies[0][1], "100000.00", "R2")))

    assert verdicts(file) == ["SUSPENSE", "OVERPAID"]
    assert "a second person gives it to its policy" in details(file)[0]


def test_the_proof_names_money_of_a_file_that_the_bank_account_does_not_have(
    policies: list[tuple[UUID, str]], session: Session
) -> None:
    file = commit(csv_of(row(policies[0][1])))
    session.execute(
        text("UPDATE ins.reconciliation_rows SET amount = 101 WHERE file_id = :id"),
        {"id": file.id},
    )

    found = find_differences()[1]

    session.rollback()
    assert found == [
        "file bank.csv: its rows brought in 101.00, the bank account received 100.00 with them"
    ]


def test_of_several_payments_with_one_reference_the_day_says_which_came_back(
    policies: list[tuple[UUID, str]], session: Session
) -> None:
    number = policies[0][1]
    days = [(TODAY - timedelta(days=ago)).isoformat() for ago in (2, 1, 0)]
    commit(csv_of(*(row(number, reference="INSURANCE", paid_date=day) for day in days)))
    back = row(number, reference="INSURANCE", status="UNPAID", reason_code="02")

    file = commit(csv_of(back | {"paid_date": days[1]}))
    unclear = commit(csv_of(back | {"paid_date": "2026-11-01"}))

    assert (verdicts(file), verdicts(unclear)) == (["REVERSAL"], ["ERROR"])
    assert "give the day on which" in details(unclear)[0]
    standing = {one.received_on: one.status.value for one in list_receipts(session, policies[0][0])}
    assert standing[date(2026, 11, 19)] == "REVERSED"
    assert sorted(standing.values()) == ["POSTED", "POSTED", "REVERSED"]
