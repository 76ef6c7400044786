"""Cancelling: the money is said first and then done, to the cent."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from insurance.billing.queries import list_premium_lines, list_receipts, unapplied_credit
from insurance.core.db import db
from insurance.core.errors import ConflictError, DomainError
from insurance.ledger.queries import list_policy_transfers
from insurance.policies.lifecycle_rules import CancellationType, Initiator
from insurance.policies.queries import get_policy
from insurance.policies.services import (
    Cancellation,
    CancellationPreview,
    LifecycleOutcome,
    approve_request,
    cancel_policy,
    preview_cancellation,
    refunds_payable,
)
from tests.factories.lifecycle import CHECKER, at, pay, sell

D = Decimal


def _preview(
    policy_id: UUID, day: date, kind: str = "VOLUNTARY", **more: object
) -> CancellationPreview:
    wanted = Cancellation(kind=CancellationType(kind), reason="Sold the car", **more)  # type: ignore[arg-type]
    with at(day) as now:
        return preview_cancellation(db.session(), policy_id, wanted, on=day, now=now)


def _cancel(
    policy_id: UUID, day: date, kind: str = "VOLUNTARY", **more: object
) -> LifecycleOutcome:
    wanted = Cancellation(kind=CancellationType(kind), reason="Sold the car", **more)  # type: ignore[arg-type]
    with at(day) as now:
        outcome = cancel_policy(policy_id, wanted, on=day, now=now)
    if outcome.approval_id is not None:
        with at(day, CHECKER) as now:
            approve_request(outcome.approval_id, on=day, now=now)
    return outcome


def test_a_month_cancelled_while_cooling_off_keeps_only_the_days_enjoyed(session: Session) -> None:
    policy_id = sell(date(2026, 5, 1), premium="310.00")
    pay(policy_id, "310.00", date(2026, 5, 1))

    seen = _preview(policy_id, date(2026, 5, 21))
    done = _cancel(policy_id, date(2026, 5, 21))

    assert seen.is_cooling_off
    assert (seen.refund, done.refund) == (D("110.00"), D("110.00"))
    assert refunds_payable(session, policy_id) == D("110.00")
    assert unapplied_credit(session, policy_id) == 0
    assert get_policy(session, policy_id).ended_on == date(2026, 5, 21)
