"""What is done in quotes, in the words of the trade; `{name}` is a value of the entry."""

ACTIVITY = {
    "quotes.create": "Quote saved",
    "quotes.reprice": "Priced again",
    "quotes.mail": "Quote mailed",
    "quotes.decline": "Declined by the customer",
    "quotes.accept": "Accepted",
}
