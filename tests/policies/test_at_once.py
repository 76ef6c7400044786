"""Many clerks and the daily schedule on one policy at once: they take turns, the books balance."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from insurance.billing.queries import list_premium_lines
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.tenancy import tenant_scope
from insurance.policies import queries
from insurance.policies.models import EndorsementStatus, EndorsementType
from insurance.policies.replay import find_differences
from insurance.policies.services import accept_quote, pay_premium, reverse_payment
from insurance.policies.services.endorsements import (
    EndorsementRequest,
    endorse_policy,
    undo_endorsement,
)
from insurance.policies.services.schedule_steps import keep_schedules
from tests.factories.book import NOW, TODAY, make_customer, make_quote
from tests.factories.lifecycle import at
from tests.factories.organizations import OrganizationFacts
from tests.factories.products import make_family_product

D = Decimal
DAY = TODAY + timedelta(days=45)
CLERKS, TURNS = 5, 5


@pytest.fixture
def policy_id(session: Session) -> UUID:
    """Return a policy of 500 000 of which a premium falls due before the clerks begin."""
    quote_id = make_quote(make_family_product().id, make_customer(), sum_assured=D(500_000))
    return accept_quote(quote_id, on=TODAY, now=NOW).policy.id


def _acts(policy_id: UUID, session: Session) -> list[Callable[[str], Any]]:
    lines = [one.id for one in list_premium_lines(session, policy_id)]
    death = next(
        one.benefit.id
        for one in queries.list_benefits(session, policy_id)
        if one.benefit.benefit_code == "DEATH_MAIN"
    )
    session.rollback()
    day = {"on": DAY, "now": NOW + (DAY - TODAY)}

    def pay(name: str) -> None:
        pay_premium(policy_id, lines[1], amount=D(100), reference=name, paid_on=DAY, **day)

    def take_back(_name: str) -> None:
        reverse_payment(policy_id, lines[1], reason_code="02", reference=None, **day)

    def change(name: str) -> None:
        data = {"policy_benefit_id": death, "new_sum_assured": D(300_000 + sum(name.encode()))}
        wanted = EndorsementRequest(
            type=EndorsementType.CHANGE_COVER, data=data, effective_date=DAY
        )
        endorse_policy(policy_id, wanted, **day)

    def undo(_name: str) -> None:
        issued = queries.list_endorsements(db.session(), policy_id, EndorsementStatus.ISSUED)
        for one in issued[-1:]:
            undo_endorsement(one.id, **day)

    def keep(_name: str) -> None:
        keep_schedules(**day)

    return [pay, take_back, change, undo, keep]


def test_clerks_who_pay_take_back_change_and_undo_at_once_leave_the_books_in_balance(
    app: Flask, org: OrganizationFacts, policy_id: UUID, session: Session
) -> None:
    acts = _acts(policy_id, session)

    def clerk(number: int) -> int:
        done = 0
        with app.app_context(), tenant_scope(org.id), at(DAY):
            for turn in range(TURNS):
                try:
                    acts[(number + turn) % len(acts)](f"{number}-{turn}")
                    done += 1
                except DomainError:
                    db.session().rollback()
        return done

    with ThreadPoolExecutor(CLERKS) as clerks:
        assert sum(clerks.map(clerk, range(CLERKS))) > TURNS

    session.expire_all()
    session.rollback()
    assert find_differences()[1] == []
