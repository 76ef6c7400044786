"""Days that a person types above a list: read from the address, with what is wrong by field."""

from collections.abc import Callable
from datetime import date

from flask import request

from insurance.core.errors import DomainError
from insurance.web.business import business_day
from insurance.web.forms import parse_day


def day_asked(name: str, default: date, problems: dict[str, str]) -> date:
    """Return the day asked for; the default where none is, or where it cannot be read."""
    typed = request.values.get(name, "").strip()
    if not typed:
        return default
    try:
        return parse_day(typed)
    except ValueError as error:
        problems[name] = str(error)
        return default


def period_asked(begins: Callable[[date], date], problems: dict[str, str]) -> tuple[date, date]:
    """Return the first and the last day asked for.

    Where none are, the last is today, and `begins` says which first day goes with a last one.
    """
    until = day_asked("to", business_day(), problems)
    since = day_asked("from", begins(until), problems)
    if since > until:
        problems["to"] = "The last day must not be before the first."
        since = until
    return since, until


def refuse_problems(problems: dict[str, str]) -> None:
    """Raise DomainError with the first problem there is: a file is not made of other days."""
    for name, message in problems.items():
        raise DomainError(message, field=name)
