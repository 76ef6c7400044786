"""Money for policies: receipts and what they settle, credits, reversals. Steps of a command.

The caller holds the policies' rows locked, so that two of these never work on one policy at once.
"""

from insurance.billing.services.charges import cancel_lines, charge_adjustment, uncharge
from insurance.billing.services.credits import apply_credits, refund_credit, release_line
from insurance.billing.services.receipts import WRITTEN_OFF, Payment, Posted, record_receipts
from insurance.billing.services.reversals import reverse_receipt, reverse_receipts

__all__ = [
    "WRITTEN_OFF",
    "Payment",
    "Posted",
    "apply_credits",
    "cancel_lines",
    "charge_adjustment",
    "record_receipts",
    "refund_credit",
    "release_line",
    "reverse_receipt",
    "reverse_receipts",
    "uncharge",
]
