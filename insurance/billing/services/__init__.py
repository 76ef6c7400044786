"""Money for policies: receipts and what they settle, credits, reversals. Steps of a command.

The caller holds the policies' rows locked, so that two of these never work on one policy at once.
"""

from insurance.billing.services.charges import charge_adjustment, uncharge
from insurance.billing.services.credits import (
    apply_credits,
    refund_credit,
    release_ahead,
    release_excess,
    release_lines,
    settle_oldest,
    take_back_refund,
)
from insurance.billing.services.lines import (
    PLANNED_LINES,
    PlannedLines,
    adjustment_row,
    cancel_lines,
    lay_lines,
    mark_charged,
    mark_overdue,
    premium_row,
    price_lines,
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
    "PLANNED_LINES",
    "PlannedLines",
    "Posted",
    "Unmatched",
    "adjustment_row",
    "apply_credits",
    "cancel_lines",
    "charge_adjustment",
    "lay_lines",
    "mark_charged",
    "mark_overdue",
    "premium_row",
    "price_lines",
    "record_receipts",
    "record_unmatched",
    "refund_credit",
    "release_ahead",
    "release_excess",
    "take_back_refund",
    "release_lines",
    "reverse_receipt",
    "reverse_receipts",
    "settle_oldest",
    "uncharge",
]
