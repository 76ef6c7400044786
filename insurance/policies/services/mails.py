"""Telling the holder, through the outbox, what became of a policy."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.core.money import ZERO, format_money
from insurance.customers.queries import get_customer
from insurance.notifications.services import About, Letter
from insurance.organizations.queries import get_organization
from insurance.policies.changes import Happening

_KINDS = {
    "POLICY_SUSPENDED": "policy_suspended",
    "SUSPENSION_UNDONE": "policy_suspension_undone",
    "POLICY_LAPSED": "policy_lapsed",
    "POLICY_REINSTATED": "policy_reinstated",
    "POLICY_LAPSE_SET_ASIDE": "policy_lapse_set_aside",
    "POLICY_CANCELLED": "policy_cancelled",
    "POLICY_NOT_TAKEN_UP": "policy_not_taken_up",
    "POLICY_EXPIRED": "policy_expired",
    "POLICY_RENEWED": "policy_renewed",
}
_CHANGED = "policy_changed"


def letter_to(
    session: Session, customer_id: UUID, policy_number: str, happening: Happening
) -> Letter | None:
    """Return the mail to a holder about an event; None where the holder has no address."""
    holder = get_customer(session, customer_id)
    if not holder.email:
        return None
    return letter_about(
        happening,
        to=holder.email,
        name=holder.display_name,
        customer_id=customer_id,
        number=policy_number,
        organization=get_organization(session).name,
    )


def letter_about(
    happening: Happening,
    *,
    to: str,
    name: str,
    customer_id: UUID,
    number: str,
    organization: str,
) -> Letter:
    """Return what a holder reads of an event."""
    payload = happening.payload
    values = {
        "name": name,
        "number": number,
        "day": f"{happening.effective:%Y/%m/%d}",
        "what": happening.description,
        "money": _money(payload),
        "organization": organization,
    }
    kind = _KINDS.get(happening.event_type, _CHANGED)
    if happening.event_type == "POLICY_CANCELLED" and payload.get("never_covered"):
        kind = "policy_cancelled_at_start"
    return Letter(kind, to, values, About("policies", happening.policy_id, customer_id))


def _money(payload: Mapping[str, Any]) -> str:
    """Return what an event says of money that the holder gets or owes, as sentences."""
    refund, arrears = (Decimal(str(payload.get(name) or 0)) for name in ("refund", "arrears"))
    if refund > ZERO:
        return f"\nWe pay {format_money(refund)} back to you.\n"
    if arrears > ZERO:
        return f"\nPremiums of {format_money(arrears)} were not paid.\n"
    return ""
