"""Two people who change one record: who saves second sees both values and decides field by field.

A form that is made from its record (`obj=` or `data=`) and has a `version` needs nothing more:
`refuse` of web/html.py puts both values on it, `ui.errors` shows them, and what the person takes of
the other's is in the field before it is validated.
"""

from copy import copy
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import request
from wtforms import Field

from insurance.core.errors import DomainError, StaleError
from insurance.web.filters import money, rate

_UNTYPED = frozenset({"BooleanField", "SelectMultipleField"})


@dataclass(frozen=True)
class BothValues:
    """What somebody else saved beside what was entered here; without a `name` it cannot be taken."""

    label: str
    theirs: str
    yours: str
    name: str = ""


def show_both(form: Any, error: DomainError, unseen: frozenset[str]) -> None:
    """Put both values of a stale save on its form, which is then on the newer version."""
    if not isinstance(error, StaleError) or "version" not in form:
        return
    if form.version.object_data is None:
        return
    form.version.data, form.version.raw_data = form.version.object_data, None
    form.conflict = [
        BothValues(field.label.text, theirs or "–", yours or "–", field.name)
        for field in form
        if field.type not in unseen
        and (theirs := _in_words(field, field.object_data))
        != (yours := _in_words(field, field.data))
    ]


def take_theirs(form: Any) -> None:
    """Put into the fields what the person takes of what somebody else saved."""
    for name in request.form.getlist("_take"):
        field = form._fields.get(name)
        if field is None or "version" not in form or name == "version":
            continue
        saved = copy(field)
        saved.data, saved.raw_data = field.object_data, None
        field.data, field.process_errors = field.object_data, []
        field.raw_data = [] if field.type in _UNTYPED else [_value_of(saved)]


def _in_words(field: Field, value: Any) -> str:
    """Return a value as the field shows it."""
    if field.type == "BooleanField":
        return "Yes" if value else "No"
    if field.type == "SelectMultipleField":
        chosen = {str(one) for one in value or ()}
        return ", ".join(label for code, label in _choices(field) if code in chosen)
    if hasattr(field, "iter_choices"):
        text = "" if value is None else str(value)
        return next((label for code, label in _choices(field) if code == text), text)
    if isinstance(value, Decimal):
        return money(value) if field.type == "MoneyField" else rate(value)
    shown = copy(field)
    shown.data, shown.raw_data = value, None
    return _value_of(shown)


def _value_of(field: Any) -> str:
    return str(field._value()) if hasattr(field, "_value") else str(field.data or "")


def _choices(field: Any) -> list[tuple[str, str]]:
    return [(str(code), str(label)) for code, label, *_ in field.iter_choices()]
