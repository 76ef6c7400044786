"""What is owed when, what a receipt settles, and what a change or an end of cover costs."""

from insurance.billing.rules.allocation import (
    LineBefore,
    OpenLine,
    Share,
    allocate,
    is_far_above,
    is_well_above,
    last_in_reach,
    may_settle,
    open_status,
)
from insurance.billing.rules.cancellation import (
    CoveredPeriod,
    Refund,
    cancellation_refund,
    earned_charge,
)
from insurance.billing.rules.pro_rata import Step, instalment_at, period_charge, pro_rata
from insurance.billing.rules.references import plain_reference
from insurance.billing.rules.schedule import MONTHS_AHEAD, PlannedLine, line_charge, plan_lines

__all__ = [
    "MONTHS_AHEAD",
    "CoveredPeriod",
    "LineBefore",
    "OpenLine",
    "PlannedLine",
    "Refund",
    "Share",
    "Step",
    "allocate",
    "cancellation_refund",
    "earned_charge",
    "instalment_at",
    "is_far_above",
    "is_well_above",
    "last_in_reach",
    "line_charge",
    "may_settle",
    "open_status",
    "period_charge",
    "plain_reference",
    "plan_lines",
    "pro_rata",
]
