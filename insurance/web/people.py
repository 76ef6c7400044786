"""People as lists name them: by name and role, never by e-mail address."""

from collections.abc import Iterable

from flask import g

from insurance.core.db import db
from insurance.identity.queries import name_people
from insurance.web.filters import words


def know_people(emails: Iterable[str | None]) -> None:
    """Read the names of people for the rest of the request, by one statement."""
    known = _known()
    wanted = {email for email in emails if email and "@" in email} - known.keys()
    if not wanted:
        return
    for person in name_people(db.session(), wanted):
        roles = ", ".join(words(role).lower() for role in person.roles)
        known[person.email] = f"{person.name}, {roles}" if roles else person.name


def person(email: str | None) -> str:
    """Return who somebody is: name and role; the start of an address that nobody has any more."""
    if not email:
        return "–"
    return _known().get(email) or words(email.split("@")[0])


def _known() -> dict[str, str]:
    known: dict[str, str] = g.setdefault("people_known", {})
    return known
