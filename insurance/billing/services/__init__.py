"""Money for policies: receipts and what they settle, credits, reversals. Steps of a command.

The caller holds the policies' rows locked, so that two of these never work on one policy at once.
"""

from insurance.billing.services.charges import cancel_lines, charge_adjustment, uncharge
from insurance.billing.services.credits import (
    apply_credits,
    refund_credit,
    release_ahead,
    release_excess,
    release_line,
    settle_oldest,
    take_back_refund,
)
from insurance.billing.services.receipts import (
    Payment,
    Posted,
    Unmatched,
    record_receipts,
    record_unmatched,
)
from insurance.billing.services.reversals import reverse_receipt, reverse_receipts

__all__ = [
    "Payment",
    "Posted",
    "Unmatched",
    "apply_credits",
    "cancel_lines",
    "charge_adjustment",
    "record_receipts",
    "record_unmatched",
    "refund_credit",
    "release_ahead",
    "release_excess",
    "take_back_refund",
    "release_line",
    "reverse_receipt",
    "reverse_receipts",
    "settle_oldest",
    "uncharge",
]
