"""What is done in audit logs, in the words of the trade; `{name}` is a value of the entry."""

ACTIVITY = {
    "audit.export": "Audit log exported",
}
