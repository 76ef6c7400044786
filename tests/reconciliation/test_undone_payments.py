"""A payment that the bank reports, too, is not undone as if it had never come."""

from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from insurance.billing.queries import list_receipts
from insurance.core import clock
from insurance.core.errors import ConflictError
from insurance.policies.queries import list_events
from insurance.policies.services import undo_payment
from tests.factories.book import NOW, TODAY
from tests.factories.lifecycle import at, pay
from tests.factories.reconciliation import commit, csv_of, make_policies, row, verdicts

D = Decimal


@pytest.fixture(autouse=True)
def november() -> Iterator[None]:
    """Hold the clock in November 2026."""
    with clock.frozen(NOW):
        yield


def _undo(event_id: UUID) -> None:
    with at(TODAY) as now:
        undo_payment(event_id, on=TODAY, now=now)


def _paid(session: Session, policy_id: UUID) -> UUID:
    pay(policy_id, "100.00", TODAY, "R1")
    event_id = list_events(session, policy_id, limit=1)[0].id
    session.rollback()
    return event_id


def test_money_that_a_bank_file_was_passed_over_for_is_not_undone(
    session: Session,
) -> None:
    ((policy_id, number),) = make_policies()
    event_id = _paid(session, policy_id)
    file = commit(csv_of(row(number)))
    assert verdicts(file) == ["DUPLICATE"]

    with pytest.raises(
        ConflictError, match=r"came: row 2 of bank\.csv.*use Reverse on its premium"
    ):
        _undo(event_id)

    assert [one.status.value for one in list_receipts(session, policy_id)] == ["POSTED"]


def test_a_bank_file_that_comes_after_the_undo_posts_its_money(session: Session) -> None:
    ((policy_id, number),) = make_policies()
    _undo(_paid(session, policy_id))

    file = commit(csv_of(row(number)))

    assert verdicts(file) == ["MATCHED"]
    posted = [one.amount for one in list_receipts(session, policy_id) if one.status == "POSTED"]
    assert posted == [D("100.00")]
