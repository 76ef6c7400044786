"""What is done in month end, in the words of the trade; `{name}` is a value of the entry."""

ACTIVITY = {
    "month_end.apply": "Month-end begun",
    "month_end.apply_chunk": "Part of the month-end applied",
    "month_end.approve": "Month-end approved",
    "month_end.cancel": "Month-end cancelled",
    "month_end.complete": "Month-end completed",
    "month_end.export": "Month-end exported",
    "month_end.fail": "Month-end failed",
    "month_end.pack": "Month-end pack made",
    "month_end.plan": "Month-end planned",
    "month_end.planned": "Plan of the month-end ready",
    "month_end.record_escalation": "Escalation recorded",
    "month_end.record_index": "Index value recorded",
    "month_end.record_notice": "Notice of an increase recorded",
    "month_end.record_refusal": "Refusal of an increase recorded",
    "month_end.retry": "Month-end tried again",
    "month_end.set": "Month-end settings changed",
    "month_end.withdraw_refusal": "Refusal of an increase withdrawn",
}
