"""Every action that two people do is registered once, so what is asked for can be approved."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from insurance.approvals import subjects
from insurance.approvals.models import ApprovalRequest
from insurance.approvals.services import reject_request, request_approval, withdraw_request
from insurance.approvals.subjects import Subject, actions, register, subject_of
from insurance.core import clock
from insurance.core.context import SYSTEM, Actor
from insurance.core.db import transaction
from insurance.core.errors import DomainError, ForbiddenError
from insurance.core.ids import new_id
from insurance.core.permissions import Role
from insurance.core.tenancy import current_org
from insurance.policies.services.relief import REFUND, execute_giving_up
from tests.factories.identity import SignedInClient
from tests.factories.lifecycle import CHECKER, MAKER, at, morning

DAY = date(2026, 5, 10)


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget what a test registers."""
    monkeypatch.setattr(subjects, "_subjects", dict(subjects._subjects))
    yield


def _ask(
    subject: Subject, *, by: Actor = MAKER, asker: Actor | None = None, reason: str = "Paid twice"
) -> ApprovalRequest:
    with at(DAY, by) as now, transaction() as session:
        return request_approval(
            session,
            subject,
            new_id(),
            record_version=1,
            title="Refund",
            amount=None,
            payload={},
            reason=reason,
            now=now,
            asker=asker,
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


def test_a_job_asks_for_a_person_who_cannot_decide_it_or_for_the_organization(
    session: Session,
) -> None:
    with pytest.raises(ForbiddenError, match="a person must ask"):
        _ask(REFUND, by=SYSTEM)
    with pytest.raises(DomainError, match="Say why"):
        _ask(REFUND, by=SYSTEM, asker=MAKER, reason=" ")

    by_person = _ask(REFUND, by=SYSTEM, asker=MAKER)
    by_schedule = _ask(REFUND, by=SYSTEM, asker=SYSTEM)

    assert (by_person.requested_by, by_person.requested_by_email) == (MAKER.user_id, MAKER.email)
    assert by_schedule.requested_by == current_org()
    with at(DAY) as now, pytest.raises(ForbiddenError, match="You asked for this yourself"):
        reject_request(by_person.id, now=now)


@pytest.mark.parametrize(("end", "by"), [(reject_request, CHECKER), (withdraw_request, MAKER)])
def test_what_follows_where_a_request_is_declined_is_the_subjects_and_the_page_says_it(
    end: Callable[..., object],
    by: Actor,
    session: Session,
    sign_in: Callable[..., SignedInClient],
) -> None:
    declined: list[UUID] = []

    def note(_session: Session, request: ApprovalRequest, _now: datetime) -> None:
        declined.append(request.id)

    subject = replace(
        REFUND, action="refunds.other", when_declined=note, declined_means="the money is kept"
    )
    asked = _ask(register(subject))
    with clock.frozen(morning(DAY)):
        manager = sign_in(Role.MANAGER)
        shown = manager.get(manager.url(f"/approvals/{asked.id}")).text
    with at(DAY, by) as now:
        end(asked.id, now=now)

    assert declined == [asked.id]
    assert "the money is kept" in shown
