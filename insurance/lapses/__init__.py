"""Lapse rules, grace, holds, reminders and notices of non-payment."""
