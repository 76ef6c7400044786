"""Commands on policies: issue, pay, endorse, change status, keep the schedule."""

from insurance.policies.services.issue import Issued, accept_quote
from insurance.policies.services.payments import (
    Paid,
    pay_premium,
    receive_payment,
    record_payments,
    reverse_payment,
)

__all__ = [
    "Issued",
    "Paid",
    "accept_quote",
    "pay_premium",
    "receive_payment",
    "record_payments",
    "reverse_payment",
]
