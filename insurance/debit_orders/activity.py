"""What is done in debit orders, in the words of the trade; `{name}` is a value of the entry."""

ACTIVITY = {
    "debit_orders.create_mandate": "Mandate captured",
    "debit_orders.activate_mandate": "Mandate activated",
    "debit_orders.suspend_mandate": "Mandate suspended",
    "debit_orders.cancel_mandate": "Mandate cancelled",
    "debit_orders.prepare_run": "Debit run prepared",
    "debit_orders.release_run": "Debit run released",
    "debit_orders.cancel_run": "Debit run cancelled",
    "debit_orders.download_file": "Debit file downloaded",
    "debit_orders.mark_results": "Results of the bank recorded",
    "debit_orders.add_holiday": "Holiday added",
    "debit_orders.remove_holiday": "Holiday removed",
}
