"""What is done in alerts, in the words of the trade; `{name}` is a value of the entry."""

ACTIVITY = {
    "alerts.choose": "Chosen what to be told of",
}
