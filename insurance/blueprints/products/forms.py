"""Fields and choices that the product forms share."""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import Field, HiddenField
from wtforms.widgets import TextInput

from insurance.core.errors import DomainError, StaleError
from insurance.products import queries
from insurance.products.queries import ClassChoice
from insurance.web.filters import words
from insurance.web.html import refuse

_WHOLE = re.compile(r"[0-9]{1,6}", re.ASCII)
_VERSION = re.compile(r"[0-9]{1,9}", re.ASCII)


class WholeField(Field):
    """A whole number from zero on; nothing typed is None, or zero where that is said."""

    widget = TextInput()
    data: int | None

    def __init__(
        self, label: str, validators: Sequence[Any] = (), *, nothing: int | None = None, **kw: Any
    ) -> None:
        kw.setdefault("render_kw", {"inputmode": "numeric", "class": "amount"})
        super().__init__(label, validators, **kw)
        self.nothing = nothing

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else str(self.data)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was typed."""
        self.data = self.nothing
        if valuelist and (typed := valuelist[0].strip()):
            if not _WHOLE.fullmatch(typed):
                raise ValueError("Enter a whole number.")
            self.data = int(typed)


class VersionField(HiddenField):
    """The version of the record that the person saw."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the number; anything else is a version nobody has seen."""
        typed = valuelist[0] if valuelist else ""
        self.data = int(typed) if _VERSION.fullmatch(typed) else 0


def choices_of(kind: Iterable[StrEnum]) -> list[tuple[str, str]]:
    """Return an enumeration as the choices of a field."""
    return [(member.value, words(member.value).replace("Yes no", "Yes or no")) for member in kind]


def class_choices(classes: Iterable[ClassChoice], *, keep: str = "") -> list[tuple[str, str]]:
    """Return the licensed classes, and the one that a product already has."""
    return [
        (one.code, one.name if one.is_licensed else f"{one.name} (not licensed)")
        for one in classes
        if one.is_licensed or one.code == keep
    ]


def table_choices(session: Session, *, keep: Iterable[UUID] = ()) -> list[tuple[str, str]]:
    """Return the newest version of each rate table, and the ones that are bound already."""
    newest = queries.latest_rate_tables(session)
    known = {table.id for table in newest}
    bound = queries.find_rate_tables(session, [one for one in keep if one not in known])
    return [
        (str(table.id), f"{table.table_name}, version {table.version} ({words(table.rate_basis)})")
        for table in [*newest, *bound.values()]
    ]


def refuse_change(form: FlaskForm, error: DomainError) -> list[tuple[str, Any, Any]]:
    """Put a refusal on the form. After a stale save, return what both people entered.

    The form then carries the newer version, so saving again is a decision.
    """
    refuse(form, error)
    if not isinstance(error, StaleError):
        return []
    form.version.data = error.theirs.get("version")
    form.version.raw_data = None
    return [(field, error.theirs.get(field), mine) for field, mine in error.yours.items()]
