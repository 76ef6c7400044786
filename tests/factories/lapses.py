"""Policies with premiums owed, for tests of lapses. Call these in an organization's scope."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text

from insurance.billing.queries import list_premium_lines
from insurance.core import clock
from insurance.core.db import db, transaction
from insurance.core.ids import new_id
from insurance.core.tenancy import current_org
from insurance.lapses import services
from insurance.lapses.models import LapseRule
from insurance.policies.services import accept_quote, pay_premium
from tests.factories.book import NOW, TODAY, make_customer, make_product

DUE = date(2026, 10, 4)
"""The first premium of the policies made here; 15 days of grace end on 19 October."""

RULE: dict[str, Any] = {
    "grace_period_days": 30,
    "grace_period_type": "CALENDAR",
    "reminder_schedule": [7, 3, 1],
    "auto_reinstate_if_paid_within_days": 14,
    "max_reinstatement_period_days": 180,
    "reinstatement_requires_medical_after_days": 90,
    "monthly_grace_days": 30,
    "quarterly_grace_days": 45,
    "annual_grace_days": 60,
    "send_sms_reminders": True,
    "send_email_reminders": True,
    "effective_from": date(2026, 1, 1),
}


@dataclass(frozen=True)
class Owing:
    """A product and a policy of it on which nothing was ever paid."""

    product_id: UUID
    customer_id: UUID
    policy_id: UUID


def noon(day: date) -> datetime:
    """Return noon of a day in the tenant's time zone."""
    return datetime(day.year, day.month, day.day, 10, tzinfo=UTC)


def make_owing(
    *, product_id: UUID | None = None, customer_id: UUID | None = None, due: date = DUE
) -> Owing:
    """Return a policy of R100.00 a month, issued on the day its first premium falls due."""
    product_id = product_id or make_product()
    customer_id = customer_id or make_customer()
    with clock.frozen(noon(due)):
        quote_id = _quote(product_id, customer_id, due)
        policy = accept_quote(quote_id, on=due, now=noon(due)).policy
    return Owing(product_id, customer_id, policy.id)


def _quote(product_id: UUID, customer_id: UUID, on: date) -> UUID:
    from insurance.quotes.services import QuoteInput, create_quote

    asked = QuoteInput(product_id=product_id, customer_id=customer_id)
    return create_quote(asked, on=on, now=noon(on)).id


def make_rule(product_id: UUID, on: date = DUE, **changes: Any) -> LapseRule:
    """Return a lapse rule of 30, 45 and 60 days of grace from 2026."""
    return services.create_lapse_rule(product_id, RULE | changes, on=on, now=noon(on))


def pay(policy_id: UUID, sequence: int, amount: str = "100.00", on: date = DUE) -> None:
    """Receive the payment of a premium, in part or in full."""
    with clock.frozen(noon(on)):
        pay_premium(
            policy_id,
            premium_of(policy_id, sequence),
            amount=Decimal(amount),
            reference=new_id().hex,
            paid_on=on,
            on=on,
            now=noon(on),
        )


def premium_of(policy_id: UUID, sequence: int) -> UUID:
    """Return a premium of a policy by its number."""
    lines = list_premium_lines(db.session(), policy_id)
    db.session().rollback()
    return next(one.id for one in lines if one.sequence == sequence)


def set_status(policy_id: UUID, status: str) -> None:
    """Put a policy into a status, whatever led there."""
    with transaction() as session:
        session.execute(
            text("UPDATE ins.policies SET status = :status WHERE org_id = :org AND id = :policy"),
            {"status": status, "org": current_org(), "policy": policy_id},
        )


def tell(policy_id: UUID, *, due: date = DUE) -> None:
    """Record that the notice of non-payment went by letter five days after the due date."""
    sent = due + timedelta(days=5)
    services.record_notice(
        policy_id,
        recipient="12 Kloof Street",
        registered_number="RC 123 456 789 ZA",
        sent_on=sent,
        on=sent,
        now=noon(sent),
    )


def make_lapses(product_id: UUID, policy_id: UUID) -> None:
    """Give a product a lapse rule and a policy a hold."""
    make_rule(product_id)
    services.place_hold(
        policy_id, reason="Dispute", expires_on=TODAY + timedelta(days=30), on=TODAY, now=NOW
    )
