"""Days in the address of a ledger screen."""

from datetime import date

from flask import request

from insurance.web.forms import parse_day


def day_asked(name: str, default: date, problems: list[str]) -> date:
    """Return the day asked for; the default where none is, or where it cannot be read."""
    typed = request.values.get(name, "").strip()
    if not typed:
        return default
    try:
        return parse_day(typed)
    except ValueError as error:
        problems.append(str(error))
        return default
