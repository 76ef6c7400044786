"""People as screens name them: by name and role, never by e-mail address."""

from collections.abc import Iterable

from flask import Flask, g

from insurance.core.db import db
from insurance.identity.queries import name_people
from insurance.web.filters import words


def init_app(app: Flask) -> None:
    """Register the filter `person`; a screen that names many calls `know_people` before."""
    app.jinja_env.filters["person"] = person


def know_people(emails: Iterable[str | None]) -> None:
    """Read the names of people for the rest of the request, by one statement."""
    known = _known()
    wanted = {email for email in emails if email and "@" in email} - known.keys()
    if not wanted:
        return
    known |= {email: words(email.split("@")[0]) for email in wanted}
    for member in name_people(db.session(), wanted):
        roles = ", ".join(words(role).lower() for role in member.roles)
        known[member.email] = f"{member.name}, {roles}" if roles else member.name


def person(email: str | None) -> str:
    """Return who somebody is: name and role; the start of an address that nobody has any more."""
    if not email:
        return "–"
    know_people([email])
    return _known().get(email, words(email))


def _known() -> dict[str, str]:
    known: dict[str, str] = g.setdefault("people_known", {})
    return known
