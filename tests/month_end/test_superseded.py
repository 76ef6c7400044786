"""Of two plans for a month the newest counts, and says so of the other."""

from collections.abc import Callable
from datetime import date
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.errors import ConflictError
from insurance.core.permissions import Role
from insurance.month_end.models import StepCode
from insurance.month_end.services import apply_run, approve_run, cancel_run
from tests.factories.identity import SignedInClient, TestClient
from tests.factories.lifecycle import CHECKER, at, morning, sell
from tests.factories.month_end import carry_out, plan

DAY = date(2026, 11, 30)


@pytest.fixture
def two_plans(session: Session) -> tuple[UUID, UUID]:
    """Return an older and a newer plan for November."""
    sell(date(2026, 9, 20))
    return plan(date(2026, 11, 20), today=DAY).id, plan(DAY).id


def _approve(run_id: UUID) -> None:
    with at(DAY, CHECKER) as now:
        approve_run(run_id, comment="Checked", now=now)


def test_an_older_plan_is_not_approved_while_a_newer_one_of_the_month_counts(
    two_plans: tuple[UUID, UUID], session: Session
) -> None:
    older, newer = two_plans
    with pytest.raises(ConflictError, match="newer month-end of this month") as refused:
        _approve(older)
    assert refused.value.detail == {"superseded_by": str(newer)}

    _approve(newer)


def test_an_approved_plan_is_not_applied_once_a_newer_one_counts(session: Session) -> None:
    sell(date(2026, 9, 20))
    older = plan(date(2026, 11, 20), today=DAY)
    _approve(older.id)
    plan(DAY)

    with at(DAY) as now, pytest.raises(ConflictError, match="counts in place of this plan"):
        apply_run(older.id, on=DAY, now=now)


def test_the_older_plan_counts_again_once_the_newer_is_cancelled(
    two_plans: tuple[UUID, UUID], session: Session
) -> None:
    older, newer = two_plans
    with at(DAY) as now:
        cancel_run(newer, now=now)

    _approve(older)


def test_plans_of_other_steps_or_another_month_stand_beside_each_other(session: Session) -> None:
    sell(date(2026, 9, 20))
    others = [
        plan(date(2026, 10, 31), today=DAY),
        plan(DAY, steps=frozenset({StepCode.POST_PREMIUMS})),
        plan(DAY, steps=frozenset({StepCode.MARK_OVERDUE})),
    ]
    for run in others:
        _approve(run.id)


def test_lists_and_pages_say_which_plan_counts(
    two_plans: tuple[UUID, UUID],
    sign_in: Callable[..., SignedInClient],
    api: Callable[..., TestClient],
) -> None:
    older, newer = two_plans
    with clock.frozen(morning(DAY)):
        admin = sign_in(Role.TENANT_ADMINISTRATOR)
        listed = admin.get(admin.url("/month-end")).text
        shown = admin.get(admin.url(f"/month-end/{older}")).text
        counting = admin.get(admin.url(f"/month-end/{newer}")).text
        answer = api(Role.TENANT_ADMINISTRATOR).get(f"/api/v1/month-end/runs/{older}").json

    assert listed.count("Superseded") == 1
    assert "does not count any more" in shown
    assert f"/month-end/{newer}" in shown
    assert "Approve plan" not in shown
    assert "does not count any more" not in counting
    assert answer["superseded_by"] == str(newer)


def test_a_month_that_was_done_supersedes_the_plan_that_was_left_over(session: Session) -> None:
    sell(date(2026, 9, 20))
    older = plan(date(2026, 11, 20), today=DAY)
    carry_out(plan(DAY))

    with pytest.raises(ConflictError, match="counts in place of this plan"):
        _approve(older.id)
