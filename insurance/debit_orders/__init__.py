"""Mandates, debit-order runs, bank files and what banks answer."""
