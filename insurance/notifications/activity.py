"""What is done in notifications, in the words of the trade; `{name}` is a value of the entry."""

ACTIVITY = {
    "mails.send_again": "Mail tried again",
}
