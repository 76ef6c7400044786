"""Telling the holder, through the outbox, what became of a policy."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from insurance.core.money import ZERO, format_money
from insurance.customers.queries import get_customer
from insurance.notifications.services import Letter, send_all_later
from insurance.organizations.queries import get_organization
from insurance.policies.models import Policy, PolicyEvent

_KINDS = {
    "POLICY_SUSPENDED": "policy_suspended",
    "POLICY_LAPSED": "policy_lapsed",
    "POLICY_REINSTATED": "policy_reinstated",
    "POLICY_LAPSE_SET_ASIDE": "policy_lapse_set_aside",
    "POLICY_CANCELLED": "policy_cancelled",
    "POLICY_NOT_TAKEN_UP": "policy_not_taken_up",
    "POLICY_EXPIRED": "policy_expired",
    "POLICY_RENEWED": "policy_renewed",
}
_CHANGED = "policy_changed"


def tell_holder(session: Session, policy: Policy, event: PolicyEvent) -> None:
    """Put a mail about an event into the outbox; nothing where the holder has no address."""
    holder = get_customer(session, policy.customer_id)
    if not holder.email:
        return
    letter = letter_about(
        event.event_type,
        to=holder.email,
        name=holder.display_name,
        number=policy.policy_number,
        day=event.effective_date,
        what=event.description,
        payload=event.payload or {},
        organization=get_organization(session).name,
    )
    send_all_later(session, [letter])


def letter_about(
    event_type: str,
    *,
    to: str,
    name: str,
    number: str,
    day: date,
    what: str,
    payload: Mapping[str, Any],
    organization: str,
) -> Letter:
    """Return what a holder reads of an event."""
    values = {
        "name": name,
        "number": number,
        "day": f"{day:%Y/%m/%d}",
        "what": what,
        "money": _money(payload),
        "organization": organization,
    }
    kind = _KINDS.get(event_type, _CHANGED)
    if event_type == "POLICY_CANCELLED" and payload.get("never_covered"):
        kind = "policy_cancelled_at_start"
    return Letter(kind, to, values)


def _money(payload: Mapping[str, Any]) -> str:
    """Return what an event says of money that the holder gets or owes, as sentences."""
    refund, arrears = (Decimal(str(payload.get(name) or 0)) for name in ("refund", "arrears"))
    if refund > ZERO:
        return f"\nWe pay {format_money(refund)} back to you.\n"
    if arrears > ZERO:
        return f"\nPremiums of {format_money(arrears)} were not paid.\n"
    return ""
