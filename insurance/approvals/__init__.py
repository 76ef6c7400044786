"""Requests that need a second person: frozen, shown on the record, decided by another."""
