"""Rows that answer debit orders: item, mandate, run and money move together."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from insurance.billing.queries import list_receipts
from insurance.core.db import db, transaction
from insurance.debit_orders.models import DebitOrderItem, DebitOrderRun, DebitRunStatus, Mandate
from insurance.debit_orders.rules import ItemStatus, MandateStatus
from insurance.policies.queries import get_policy
from insurance.reconciliation.models import ReconciliationFile
from tests.factories.debit_orders import make_policies, make_run, release
from tests.factories.reconciliation import commit, csv_of, details, row, verdicts

D = Decimal


@pytest.fixture
def items(session: Session) -> list[DebitOrderItem]:
    """Return the debits of a released run: the first premiums of two policies, due today."""
    make_policies(2)
    run = make_run(date(2026, 11, 23), since=date(2026, 11, 20))
    release(run)
    found = session.scalars(select(DebitOrderItem).order_by(DebitOrderItem.reference)).all()
    assert len(found) == 2
    session.expunge_all()
    session.rollback()
    return list(found)


def _answer(item: DebitOrderItem, **more: str) -> dict[str, str]:
    session = db.session()
    number = get_policy(session, item.policy_id).policy_number
    session.rollback()
    return row(number, item.amount, item.reference or "", **more)


def _now(item: DebitOrderItem) -> tuple[ItemStatus, str | None, MandateStatus, DebitRunStatus]:
    session = db.session()
    session.rollback()
    session.expire_all()
    fresh = session.get_one(DebitOrderItem, (item.org_id, item.id))
    mandate = session.get_one(Mandate, (item.org_id, fresh.mandate_id))
    run = session.get_one(DebitOrderRun, (item.org_id, fresh.run_id))
    return fresh.status, fresh.reason_code, mandate.status, run.status


def _receipts(policy_id: UUID) -> list[tuple[str, Decimal]]:
    return [(one.status.value, one.amount) for one in list_receipts(db.session(), policy_id)]


def _commit(*rows: dict[str, str]) -> ReconciliationFile:
    return commit(csv_of(*rows))


def test_a_paid_debit_settles_its_premium_and_closes_with_the_last_answer(
    items: list[DebitOrderItem],
) -> None:
    paid, unpaid = items

    file = _commit(_answer(paid), _answer(unpaid, status="UNPAID", reason_code="04"))

    assert verdicts(file) == ["MATCHED", "REVERSAL"]
    assert details(file)[1] == (
        "The debit came back: unpaid, 04 Payment stopped. No money had been posted."
        " Stop at once; get a new mandate."
    )
    assert _now(paid) == (ItemStatus.PAID, None, MandateStatus.ACTIVE, DebitRunStatus.CLOSED)
    assert _now(unpaid) == (ItemStatus.UNPAID, "04", MandateStatus.CANCELLED, DebitRunStatus.CLOSED)
    assert _receipts(paid.policy_id) == [("POSTED", paid.amount)]
    assert _receipts(unpaid.policy_id) == []


def test_a_debit_that_was_paid_and_then_disputed_is_taken_back(
    items: list[DebitOrderItem],
) -> None:
    _commit(_answer(items[0]))

    file = _commit(_answer(items[0], status="DISPUTED", reason_code="30"))

    assert verdicts(file) == ["REVERSAL"]
    assert _receipts(items[0].policy_id) == [("REVERSED", items[0].amount)]
    assert _now(items[0])[:3] == (ItemStatus.UNPAID, "30", MandateStatus.CANCELLED)


def test_a_paid_and_a_returned_row_in_one_file_leave_the_debit_unpaid(
    items: list[DebitOrderItem],
) -> None:
    file = _commit(
        _answer(items[0]), _answer(items[0], status="UNPAID", reason_code="18"), _answer(items[0])
    )

    assert verdicts(file) == ["MATCHED", "REVERSAL", "SUSPENSE"]
    assert "open a task for a possible claim" in details(file)[1]
    assert _now(items[0])[:3] == (ItemStatus.UNPAID, "18", MandateStatus.SUSPENDED)


def test_money_for_a_debit_that_came_back_waits_in_suspense(
    items: list[DebitOrderItem],
) -> None:
    _commit(_answer(items[0], status="UNPAID", reason_code="02"))

    file = _commit(_answer(items[0]))

    assert verdicts(file) == ["SUSPENSE"]
    assert _now(items[0])[0] is ItemStatus.UNPAID
    assert _receipts(items[0].policy_id) == []


def test_codes_that_lost_their_zeros_in_excel_mean_what_the_bank_meant(
    items: list[DebitOrderItem],
) -> None:
    file = _commit(
        _answer(items[0], status="UNPAID", reason_code="2"),
        _answer(items[1], status="UNPAID", reason_code="4"),
    )

    assert "unpaid, 02 Not provided for" in details(file)[0]
    assert _now(items[0])[:3] == (ItemStatus.UNPAID, "02", MandateStatus.ACTIVE)
    assert _now(items[1])[:3] == (ItemStatus.UNPAID, "04", MandateStatus.CANCELLED)


def test_an_unknown_code_asks_and_stops_nothing(items: list[DebitOrderItem]) -> None:
    file = _commit(_answer(items[0], status="UNPAID", reason_code="77"))

    assert "Ask the bank what this means" in details(file)[0]
    assert _now(items[0])[:3] == (ItemStatus.UNPAID, "77", MandateStatus.ACTIVE)


def test_a_result_with_only_the_reference_is_found_by_it(items: list[DebitOrderItem]) -> None:
    nameless = [_answer(one) | {"policy_number": ""} for one in items]

    file = _commit(nameless[0], nameless[1] | {"status": "UNPAID", "reason_code": "02"})
    back = _commit(nameless[0] | {"status": "DISPUTED", "reason_code": "30"})

    assert (verdicts(file), verdicts(back)) == (["MATCHED", "REVERSAL"], ["REVERSAL"])
    assert _receipts(items[0].policy_id) == [("REVERSED", items[0].amount)]
    assert _now(items[1])[0] is ItemStatus.UNPAID


def test_a_debit_that_is_answered_twice_in_two_spellings_is_posted_once(
    items: list[DebitOrderItem],
) -> None:
    _commit(_answer(items[0]))
    spelled = (items[0].reference or "").replace("-", " ").lower()

    file = _commit(_answer(items[0]) | {"reference": spelled, "paid_date": "2026-11-19"})

    assert verdicts(file) == ["DUPLICATE"]
    assert len(_receipts(items[0].policy_id)) == 1


def test_money_that_equals_a_debit_in_flight_is_that_debit(items: list[DebitOrderItem]) -> None:
    """Cut to twenty characters the reference of a debit has lost its policy."""
    on_its_day = _answer(items[0], paid_date="2026-11-20") | {
        "reference": (items[0].reference or "")[:20]
    }
    with transaction() as session:
        session.execute(update(DebitOrderItem).values(action_date=date(2026, 11, 20)))

    file = _commit(on_its_day)
    answer = _commit(_answer(items[0]))

    assert (verdicts(file), verdicts(answer)) == (["MATCHED"], ["DUPLICATE"])
    assert "taken for the debit" in details(file)[0]
    assert _now(items[0])[0] is ItemStatus.PAID
