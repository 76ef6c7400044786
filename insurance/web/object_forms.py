"""Fields of insured objects in forms: one a fact, one a rating factor, rows for drivers."""

from collections.abc import Mapping, Sequence
from typing import Any

from wtforms import Field

from insurance.core.errors import DomainError
from insurance.customers.privacy import may_see_identity
from insurance.products.rules import OBJECT_FIELDS, ObjectField, ProductTerms
from insurance.web.filters import words
from insurance.web.forms import ChoiceField, DayField, Form, MoneyField, TextField

DRIVERS = 3
"""How many drivers a form asks for."""
_FOUND_OUT = frozenset({"value", "vehicle_age", "driver_age"})


def object_fields(
    kind: str,
    terms: ProductTerms,
    *,
    prefix: str = "",
    only: Sequence[str] | None = None,
    has_value: bool = True,
    has_drivers: bool = True,
) -> dict[str, Field]:
    """Return the fields of an object of a kind, by name; `only` keeps some of its facts."""
    facts = [one for one in OBJECT_FIELDS[kind] if only is None or one.name in only]
    fields: dict[str, Field] = {f"{prefix}{fact.name}": _fact(fact, terms) for fact in facts}
    if has_value:
        fields[f"{prefix}value"] = MoneyField("Value to insure it for")
    for name, levels in rating_levels(kind, terms).items():
        choices = [(level, words(level)) for level in levels]
        fields[f"{prefix}rating_{name}"] = ChoiceField(
            words(name), empty="Choose", choices=choices, default=""
        )
    if has_drivers and kind == "VEHICLE":
        fields |= driver_fields(prefix)
    return fields


def driver_fields(prefix: str = "") -> dict[str, Field]:
    """Return the fields of the drivers; the first is the main driver."""
    fields: dict[str, Field] = {}
    for place in range(DRIVERS):
        who = "Main driver" if place == 0 else f"Driver {place + 1}"
        fields[f"{prefix}driver_{place}_name"] = TextField(f"{who}: name")
        fields[f"{prefix}driver_{place}_born"] = DayField(f"{who}: date of birth")
        fields[f"{prefix}driver_{place}_licensed"] = DayField(f"{who}: licensed since")
    return fields


def rating_levels(kind: str, terms: ProductTerms) -> dict[str, tuple[str, ...]]:
    """Return the factors of the rates that no fact of the object answers, with their levels."""
    known = {one.name for one in OBJECT_FIELDS[kind]} | _FOUND_OUT
    found: dict[str, tuple[str, ...]] = {}
    for table in (
        benefit.rate_table for benefit in terms.priced_benefits if benefit.rate_table is not None
    ):
        for name in table.rating_factors:
            if name not in known:
                found.setdefault(name, table.levels(name))
    return found


def described(form: Form, kind: str, prefix: str = "") -> dict[str, Any]:
    """Return an object as it was typed: what was left empty is left out."""
    own = {
        name.removeprefix(prefix): field.data
        for name, field in form._fields.items()
        if name.startswith(prefix)
    }
    names = [one.name for one in OBJECT_FIELDS[kind]]
    typed = {name: own[name] for name in (*names, "value") if own.get(name)}
    inputs = {
        name.removeprefix("rating_"): value
        for name, value in own.items()
        if name.startswith("rating_") and value
    }
    return {"kind": kind, **typed, "rating_inputs": inputs, "drivers": drivers_typed(own)}


def drivers_typed(own: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the drivers that were typed, the first of them the main one."""
    rows = [
        {
            "name": own.get(f"driver_{place}_name") or "",
            "date_of_birth": own.get(f"driver_{place}_born"),
            "licensed_since": own.get(f"driver_{place}_licensed"),
        }
        for place in range(DRIVERS)
    ]
    filled = [row for row in rows if any(row.values())]
    return [one | {"is_main": place == 0} for place, one in enumerate(filled)]


def fill(form: Form, details: Mapping[str, Any], prefix: str = "", value: Any = None) -> None:
    """Show what an object is at present."""
    for name, known in details.items():
        if f"{prefix}{name}" in form._fields:
            form._fields[f"{prefix}{name}"].data = str(known)
    for name, level in (details.get("rating_inputs") or {}).items():
        if f"{prefix}rating_{name}" in form._fields:
            form._fields[f"{prefix}rating_{name}"].data = level
    for place, driver in enumerate((details.get("drivers") or [])[:DRIVERS]):
        for field, name in (("name", "name"), ("born", "date_of_birth"),
                            ("licensed", "licensed_since")):  # fmt: skip
            at = f"{prefix}driver_{place}_{field}"
            if name == "date_of_birth" and not may_see_identity():
                continue  # What is not shown is kept: `births_kept`.
            if at in form._fields and driver.get(name):
                form._fields[at].process_formdata([str(driver[name])])
    if value is not None and f"{prefix}value" in form._fields:
        form._fields[f"{prefix}value"].data = value


def field_of(error: DomainError, at: str, prefix: str = "") -> DomainError:
    """Return a refusal under `at` at the field of the form that it is about."""
    name = error.field or ""
    where = name.removeprefix(f"{at}.")
    if where == name and not name.startswith(("drivers", "rating_inputs.")):
        return error
    if where.startswith("drivers."):
        place, fact = where.split(".")[1:]
        ending = {"date_of_birth": "born", "licensed_since": "licensed"}.get(fact, fact)
        return DomainError(error.message, field=f"{prefix}driver_{place}_{ending}")
    if where.startswith("rating_inputs."):
        factor = where.removeprefix("rating_inputs.")
        return DomainError(error.message, field=f"{prefix}rating_{factor}")
    return DomainError(error.message, field=f"{prefix}{where}")


def _fact(fact: ObjectField, terms: ProductTerms) -> Field:
    levels = terms.factor_levels.get(fact.name) or fact.options
    if fact.options:
        empty = "Choose" if fact.is_required else "Not stated"
        choices = [(level, words(level)) for level in levels]
        return ChoiceField(fact.label, empty=empty, choices=choices, default="")
    numeric = fact.name in ("year", "postal_code")
    return TextField(
        fact.label if fact.is_required or fact.hint else f"{fact.label} (optional)",
        description=fact.hint,
        render_kw={"inputmode": "numeric"} if numeric else {},
    )
