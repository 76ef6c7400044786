"""Two years of month-ends over a book with 29 February and due days at the end of the month."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.billing.queries import list_premium_lines
from insurance.core.period import add_months, add_years
from insurance.ledger.queries import trial_balance
from insurance.month_end.models import RunStatus, StepCode
from insurance.month_end.services import effects_of
from insurance.policies.queries import get_policy, list_versions
from insurance.policies.replay import find_differences
from insurance.products.models import ProjectionType
from tests.factories.lifecycle import pay, sell
from tests.factories.month_end import EVERYTHING, escalate_by, month_end

D = Decimal
INDEXED = {"premium_projection_type": ProjectionType.INDEXED}
STARTS = (date(2024, 2, 29), date(2024, 1, 29), date(2024, 1, 30), date(2024, 1, 31))
FIRST, MONTHS = date(2024, 3, 31), 24


def test_24_month_ends_in_a_row(session: Session) -> None:
    book = {sell(start, premium="100.00", **INDEXED): start for start in STARTS}
    escalate_by("10", valid_from=date(2023, 1, 1))
    rises = 0

    for number in range(MONTHS):
        day = _end_of(add_months(FIRST.replace(day=1), number))
        run = month_end(day, steps=EVERYTHING - {StepCode.LAPSES})
        rises += effects_of(run, StepCode.ANNIVERSARIES)
        for policy_id in book:
            pay(policy_id, _owed(session, policy_id, day), day)
        session.rollback()

        assert run.status is RunStatus.COMPLETED
        assert find_differences()[1] == []
        assert sum(line.debit - line.credit for line in trial_balance(session, day)) == 0
        _check_schedules(session, book, day)

    assert rises == 8, "two anniversaries of each"
    for policy_id, start in book.items():
        assert get_policy(session, policy_id).premium == D("121.00")
        days = sorted(one.effective_date for one in list_versions(session, policy_id))
        assert days == [start, add_years(start, 1), add_years(start, 2)]


def _end_of(first: date) -> date:
    return add_months(first, 1) - timedelta(days=1)


def _owed(session: Session, policy_id: UUID, day: date) -> str:
    session.rollback()
    session.expire_all()
    lines = list_premium_lines(session, policy_id)
    owed = sum((one.amount - one.paid_amount for one in lines if one.due_date <= day), D(0))
    return str(owed)


def _check_schedules(session: Session, book: dict[UUID, date], day: date) -> None:
    """Due days are counted from the first one, twelve months ahead, and charged when they come."""
    session.expire_all()
    for policy_id, start in book.items():
        lines = [one for one in list_premium_lines(session, policy_id) if one.kind == "PREMIUM"]
        assert [one.due_date for one in lines] == [
            add_months(start, number) for number in range(len(lines))
        ]
        assert lines[-1].period_end >= add_months(day, 12)
        for one in lines:
            assert (one.posted_at is not None) == (one.due_date <= day)
            assert one.amount == _premium(start, min(one.due_date, day))


def _premium(start: date, due: date) -> Decimal:
    if due < add_years(start, 1):
        return D("100.00")
    if due < add_years(start, 2):
        return D("110.00")
    return D("121.00") if due < add_years(start, 3) else D("133.10")
