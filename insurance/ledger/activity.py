"""What is done in ledger, in the words of the trade; `{name}` is a value of the entry."""

ACTIVITY = {
    "ledger.close": "Period closed",
    "ledger.reopen": "Period reopened",
    "ledger.export_statement": "Ledger statement exported",
    "ledger_statement.export": "Ledger statement exported",
    "ledger.export_trial_balance": "Trial balance exported",
}
