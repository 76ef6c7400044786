"""What people are told of debit order runs."""

from insurance.core.alert_kinds import AlertKind, alert_kind

CLOSED = alert_kind(
    AlertKind(
        "debit_run_closed",
        "The bank has answered all debits of my run",
        "who prepared it, and who released it",
        "The bank has answered every debit of run {number}",
        {"debit_order_runs": ("debit_orders.show", "run_id")},
    )
)
