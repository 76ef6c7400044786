"""Senders of mail of the demonstration: the claims department and the accounts."""

from datetime import datetime

from flask import current_app

from insurance.core import clock
from insurance.senders.rules import TYPES, SenderDetails
from insurance.senders.services import create_sender, map_type

_BILLING = frozenset({"premium_reminder", "non_payment_notice", "policy_lapsed"})


def seed_senders(slug: str, name: str, now: datetime) -> None:
    """Let claims and premiums be written of by those who answer for them."""
    with clock.frozen(now):
        for role, mailbox in (("Claims", "claims"), ("Billing", "accounts")):
            details = SenderDetails(role, f"{name} {role}", reply_to=f"{mailbox}@{slug}.example")
            create_sender(details, current_app.config["SETTINGS"], now=now)
        for kind in TYPES:
            if kind.startswith("claim_") or kind in _BILLING:
                map_type(kind, "Claims" if kind.startswith("claim_") else "Billing", now=now)
