"""API keys and a delegation of the demonstration, and how the book stood day by day."""

from datetime import date, timedelta
from uuid import UUID

from insurance.alerts.services import warn_of_keys
from insurance.approvals.services import delegate_decisions, reject_request
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.customers.permissions import CustomersMay
from insurance.identity.services import create_api_key
from insurance.policies.lifecycle_rules import CancellationType
from insurance.policies.permissions import PoliciesMay
from insurance.policies.services import Cancellation, cancel_policy
from insurance.quotes.permissions import QuotesMay
from insurance.seeding.moments import office_hour

_KEYS = (
    ("Website quotes", frozenset({QuotesMay.CREATE, QuotesMay.VIEW}), 90, 120),
    ("Broker import", frozenset({PoliciesMay.VIEW, CustomersMay.VIEW}), 80, 90),
)
"""Names, scopes, days since they were made and days that they last: the second one ends soon."""


def seed_keys(today: date) -> None:
    """Make keys for programs that act for the acting person, who is told of one that ends soon."""
    user_id = current_actor().user_id
    assert user_id is not None
    for name, scopes, ago, days in _KEYS:
        made = office_hour(today - timedelta(days=ago), 9)
        with clock.frozen(made):
            create_api_key(user_id=user_id, name=name, scopes=scopes, days=days, now=made)


def seed_warnings() -> None:
    """Tell holders of keys that end soon, as the periodic job does."""
    warn_of_keys(now=clock.now())


def seed_request(policy_id: UUID, today: date) -> UUID:
    """Ask for a cancellation that a second person decides, and return the request."""
    now = office_hour(today, 8)
    wanted = Cancellation(kind=CancellationType.FRAUD, reason="The proposer did not sign")
    with clock.frozen(now):
        asked = cancel_policy(policy_id, wanted, on=today, now=now)
    assert asked.approval_id is not None
    return asked.approval_id


def seed_refusal(request_id: UUID, today: date) -> None:
    """Refuse what a colleague asked for, with the reason."""
    now = office_hour(today, 9)
    with clock.frozen(now):
        reject_request(request_id, now=now, note="Ask the broker for the affidavit first")


def seed_delegation(delegate_id: UUID, today: date) -> None:
    """Let a colleague decide in the acting person's place during a leave that comes soon."""
    first_day = today + timedelta(days=7)
    delegate_decisions(
        delegate_id,
        first_day=first_day,
        last_day=first_day + timedelta(days=9),
        reason="On leave",
        now=clock.now(),
    )
