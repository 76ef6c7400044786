"""The holder is told, once and in words, what became of a policy."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.core.db import transaction
from insurance.core.errors import DomainError
from insurance.core.money import format_money
from insurance.customers.queries import get_customer
from insurance.lapses.services import record_notice
from insurance.notifications.models import Mail
from insurance.policies.lifecycle_rules import CancellationType
from insurance.policies.queries import get_policy
from insurance.policies.services import (
    Cancellation,
    cancel_policy,
    lapse_policy,
    reinstate_policy,
    suspend_policy,
)
from insurance.policies.services.endorsements import issue_endorsement, undo_endorsement
from tests.factories.book import make_endorsement
from tests.factories.lifecycle import at, pay, sell

DUE = date(2026, 10, 4)
LAPSE = date(2026, 10, 20)


def _mails(session: Session) -> Sequence[Mail]:
    session.rollback()
    return session.scalars(select(Mail).order_by(Mail.id)).all()


def _paid(**terms: object) -> UUID:
    policy_id = sell(DUE, premium="310.00", **terms)  # type: ignore[arg-type]
    pay(policy_id, "310.00", DUE)
    return policy_id


def test_a_lapse_says_from_when_there_is_no_cover_and_what_was_not_paid(session: Session) -> None:
    policy_id = sell(DUE, premium="310.00")
    told = date(2026, 10, 9)
    with at(told) as now:
        record_notice(
            policy_id,
            recipient="12 Kloof St",
            registered_number="RC 123 456 789 ZA",
            sent_on=told,
            on=told,
            now=now,
        )
    with at(LAPSE) as now:
        lapse_policy(policy_id, reason="Unpaid", on=LAPSE, now=now)

    (mail,) = _mails(session)
    assert mail.recipient == get_customer(session, get_policy(session, policy_id).customer_id).email
    assert "has lapsed" in mail.subject
    assert "from 2026/10/20 you are no longer covered" in mail.body
    assert "310,00" in mail.body


def test_a_pause_and_its_end_are_told(session: Session) -> None:
    policy_id = _paid()
    with at(LAPSE) as now:
        suspend_policy(policy_id, reason="Abroad", on=LAPSE, now=now)
        reinstate_policy(policy_id, reason="Back", arrears_paid=True, on=LAPSE, now=now)
    suspended, restored = _mails(session)
    assert "suspended from 2026/10/20" in suspended.body
    assert "in force again: Suspension ended" in restored.body


def test_a_cancellation_names_the_refund(session: Session) -> None:
    policy_id = _paid()
    with at(LAPSE) as now:
        refund = cancel_policy(
            policy_id,
            Cancellation(kind=CancellationType.VOLUNTARY, reason="Moved"),
            on=LAPSE,
            now=now,
        ).refund
    (mail,) = _mails(session)
    assert refund > Decimal(0)
    assert f"We pay {format_money(refund)} back" in mail.body


def test_a_change_and_its_taking_back_are_told(session: Session) -> None:
    policy_id = _paid()
    day = date(2026, 11, 20)
    with at(day) as now:
        endorsement_id = make_endorsement(policy_id)
        assert _mails(session) == []
        issue_endorsement(endorsement_id, on=day, now=now)
        undo_endorsement(endorsement_id, on=day, now=now)
    changed, undone = _mails(session)
    assert "Change premium due day" in changed.body
    assert "undone" in undone.body


def test_a_refused_move_tells_nobody(session: Session) -> None:
    policy_id = _paid()
    with at(LAPSE) as now, pytest.raises(DomainError):
        lapse_policy(policy_id, reason="Unpaid", on=LAPSE, now=now)
    assert _mails(session) == []


def test_a_holder_without_an_address_is_not_written_to(session: Session) -> None:
    policy_id = _paid()
    with transaction() as writing:
        get_customer(writing, get_policy(writing, policy_id).customer_id).email = None
    with at(LAPSE) as now:
        suspend_policy(policy_id, reason="Abroad", on=LAPSE, now=now)
    assert _mails(session) == []
