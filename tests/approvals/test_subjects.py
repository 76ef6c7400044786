"""Every action that two people do is registered once, so what is asked for can be approved."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy.orm import Session

from insurance.approvals import subjects
from insurance.approvals.services import request_approval
from insurance.approvals.subjects import Subject, actions, register, subject_of
from insurance.core.db import transaction
from insurance.core.ids import new_id
from insurance.policies.services.relief import REFUND, execute_giving_up
from tests.factories.lifecycle import at

DAY = date(2026, 5, 10)


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget what a test registers."""
    monkeypatch.setattr(subjects, "_subjects", dict(subjects._subjects))
    yield


def _ask(subject: Subject) -> None:
    with at(DAY) as now, transaction() as session:
        request_approval(
            session,
            subject,
            new_id(),
            record_version=1,
            title="Refund",
            amount=None,
            payload={},
            reason="Paid twice",
            now=now,
        )


def test_nothing_is_asked_for_that_nobody_could_carry_out(session: Session) -> None:
    unknown = replace(REFUND, action="refunds.nobody_does")

    with pytest.raises(LookupError):
        _ask(unknown)

    register(unknown)
    _ask(unknown)


def test_an_action_is_carried_out_in_one_way(session: Session) -> None:
    other = replace(REFUND, execute=execute_giving_up)

    with pytest.raises(ValueError, match=r"refunds\.pay is registered already"):
        register(other)
    with pytest.raises(LookupError):
        _ask(other)

    assert register(REFUND) is subject_of("refunds.pay") is REFUND
    assert "refunds.pay" in actions()
