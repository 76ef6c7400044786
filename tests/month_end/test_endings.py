"""Policies that a month-end ends: together, and the one that fails is left out alone."""

from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.lapses.services import record_notice
from insurance.month_end import queries
from insurance.month_end.models import ExceptionKind, RunStatus, StepCode
from insurance.month_end.services import finish_now, retry_run
from insurance.policies.models import PolicyStatus
from insurance.policies.queries import get_policy
from tests.factories.lifecycle import at, pay, sell
from tests.factories.month_end import carry_out, month_end, plan

DAY = date(2026, 11, 30)
ENDINGS = frozenset({StepCode.LAPSES, StepCode.EXPIRIES})


def _owing(due: date = date(2026, 10, 5)) -> UUID:
    policy_id = sell(due)
    told = due + timedelta(days=2)
    with at(told) as now:
        record_notice(
            policy_id,
            recipient="By post",
            registered_number="RC 123 456 789 ZA",
            sent_on=told,
            on=told,
            now=now,
        )
    return policy_id


def _set_version(connection, policy_id: UUID, change: int) -> None:
    """Let a policy's next version take a number that is taken, or mend that."""
    connection.execute(
        text("UPDATE ins.policies SET current_version = current_version + :by WHERE id = :id"),
        {"id": policy_id, "by": change},
    )
    connection.commit()


def test_a_policy_that_cannot_lapse_is_quarantined_and_the_rest_lapse(
    session: Session, admin_connection
) -> None:
    well = [_owing() for _ in range(4)]
    sick = _owing()
    session.rollback()
    _set_version(admin_connection, sick, -1)

    run = month_end(DAY, steps=ENDINGS)

    session.rollback()
    assert run.status is RunStatus.COMPLETED_WITH_EXCEPTIONS
    (left,) = queries.list_exceptions(session, run.id)
    assert (left.policy_id, left.kind) == (sick, ExceptionKind.FAILED)
    assert {get_policy(session, one).status for one in well} == {PolicyStatus.LAPSED}
    assert get_policy(session, sick).status is PolicyStatus.ACTIVE
    session.rollback()
    _set_version(admin_connection, sick, 1)
    with at(DAY) as now:
        again = finish_now(retry_run(run.id, on=DAY, now=now).id, now=now)
    carry_out(again)
    session.rollback()
    session.expire_all()
    assert get_policy(session, sick).status is PolicyStatus.LAPSED


def test_who_paid_since_the_plan_is_named_while_the_others_lapse(session: Session) -> None:
    payer, others = _owing(), [_owing() for _ in range(2)]
    planned = plan(DAY, steps=ENDINGS)
    pay(payer, "200.00", DAY)

    run = carry_out(planned)

    session.rollback()
    (left,) = queries.list_exceptions(session, run.id)
    assert (left.policy_id, left.kind) == (payer, ExceptionKind.CHANGED)
    assert {get_policy(session, one).status for one in others} == {PolicyStatus.LAPSED}
