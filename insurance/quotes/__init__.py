"""Prices offered to a customer, each reproducible to the cent."""
