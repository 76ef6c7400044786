"""Month-end and the daily schedule."""
