"""Claims in the API: submit, documents, assess, pay, and the work around them."""
