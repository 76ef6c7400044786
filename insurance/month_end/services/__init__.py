"""Commands of month-end: plan, approve, apply, cancel, follow up; index tables and escalation."""

from insurance.month_end.services.approving import approve_run, find_request
from insurance.month_end.services.counts import amount_of, counts_of, effects_of
from insurance.month_end.services.escalations import (
    Resolved,
    preview_escalation,
    record_escalation_rule,
    record_index_value,
)
from insurance.month_end.services.holders import (
    EscalationStanding,
    get_standing,
    record_escalation_notice,
    record_refusal,
    withdraw_refusal,
)
from insurance.month_end.services.reports import report_run
from insurance.month_end.services.runs import (
    ALWAYS,
    WantedRun,
    apply_run,
    cancel_run,
    fail_run,
    finish_now,
    plan_last_month,
    request_run,
    retry_run,
    set_month_end,
    wake_stalled_run,
)
from insurance.month_end.services.verifying import verify_plan
from insurance.month_end.services.work import work_on

__all__ = [
    "Resolved",
    "ALWAYS",
    "EscalationStanding",
    "WantedRun",
    "amount_of",
    "apply_run",
    "approve_run",
    "cancel_run",
    "counts_of",
    "effects_of",
    "fail_run",
    "find_request",
    "finish_now",
    "get_standing",
    "plan_last_month",
    "preview_escalation",
    "record_escalation_notice",
    "record_escalation_rule",
    "record_index_value",
    "record_refusal",
    "report_run",
    "request_run",
    "retry_run",
    "set_month_end",
    "verify_plan",
    "wake_stalled_run",
    "withdraw_refusal",
    "work_on",
]
