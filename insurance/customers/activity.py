"""What is done in customers, in the words of the trade; `{name}` is a value of the entry."""

ACTIVITY = {
    "customers.create": "Customer captured",
    "customers.edit": "Details changed",
    "customers.add_bank_account": "Bank account added",
    "customers.reveal": "ID number looked at",
    "customers.search_number": "Searched by ID number",
}
