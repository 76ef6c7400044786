"""Insured objects: read strictly, named, and rated by what they are."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from insurance.core.errors import DomainError, raise_all
from insurance.core.money import ZERO, format_money
from insurance.core.period import age_last_birthday
from insurance.products.rules import OBJECT_FIELDS, OBJECT_KINDS, ObjectField, ProductTerms

MAX_OBJECTS = 50
MAX_DRIVERS = 10
MAX_VALUE = Decimal(10) ** 12
YOUNGEST_DRIVER = 16
OLDEST_YEAR = 1885
LONGEST = 200

_PLATE = re.compile(r"(?=.*[A-Z])[A-Z0-9]{2,10}", re.ASCII)
_PLATE_WRITTEN = re.compile(r"[A-Z0-9][A-Z0-9 -]*", re.ASCII)
_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}", re.ASCII)
_POSTAL_CODE = re.compile(r"[0-9]{4}", re.ASCII)
_YEAR = re.compile(r"[0-9]{4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class QuotedObject:
    """A vehicle, a building, contents or an item. `value` is its sum insured in rand.

    `details` are its facts by the names of OBJECT_FIELDS, a vehicle's `drivers`, and the
    `rating_inputs` that hold for it alone. They are plain JSON.
    """

    kind: str
    value: Decimal | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return how people call it: `Toyota Corolla 2019, ABC 123 GP`."""
        return object_name(self.kind, self.details)


def read_object(
    kind: str,
    given: Mapping[str, Any],
    *,
    on: date,
    levels: Mapping[str, Sequence[str]] | None = None,
    at: str = "",
) -> QuotedObject:
    """Return an object as it was described, cleaned. Raises DomainError(s) under the field `at`.

    `given` holds its facts with `value`, `drivers` and `rating_inputs`. `levels` are the values
    that the product's rates know of a fact; a fact they rate may have those alone.
    """
    where = f"{at}." if at else ""
    if kind not in OBJECT_KINDS:
        words = ", ".join(OBJECT_KINDS)
        raise DomainError(f"Choose one of {words}.", field=f"{where}kind")
    errors: list[DomainError] = []
    details: dict[str, Any] = {}
    for fact in OBJECT_FIELDS[kind]:
        text = " ".join(str(given.get(fact.name) or "").split())
        try:
            if known := _read_fact(fact, text, on, (levels or {}).get(fact.name, ())):
                details[fact.name] = known
        except DomainError as error:
            errors.append(DomainError(error.message, field=f"{where}{fact.name}"))
    if kind == "VEHICLE":
        if not given.get("registration") and not given.get("vin"):
            words = "Enter the registration, or the VIN of a vehicle that is not registered yet."
            errors.append(DomainError(words, field=f"{where}registration"))
        details["drivers"] = _read_drivers(given.get("drivers") or [], on, where, errors)
    elif given.get("drivers"):
        errors.append(DomainError("Only a vehicle has drivers.", field=f"{where}drivers"))
    details["rating_inputs"] = {
        name: str(level) for name, level in (given.get("rating_inputs") or {}).items() if level
    }
    value = _read_value(given.get("value"), where, errors)
    raise_all(errors)
    return QuotedObject(kind, value, details)


def read_drivers(
    given: Sequence[Mapping[str, Any]], *, on: date, at: str = ""
) -> list[dict[str, Any]]:
    """Return the drivers of a vehicle as they were named. Raises DomainError(s)."""
    errors: list[DomainError] = []
    drivers = _read_drivers(given, on, f"{at}." if at else "", errors)
    raise_all(errors)
    return drivers


def registration_key(text: str) -> str:
    """Return a registration as it is compared and looked for: capitals and digits alone."""
    return re.sub(r"[^A-Z0-9]", "", text.upper())


def object_name(kind: str, details: Mapping[str, Any]) -> str:
    """Return how people call an object."""
    if kind == "VEHICLE":
        what = " ".join(str(details[one]) for one in ("make", "model", "year") if details.get(one))
        plate = details.get("registration") or (f"VIN {vin}" if (vin := details.get("vin")) else "")
        return ", ".join(one for one in (what, plate) if one) or OBJECT_KINDS[kind]
    if kind == "ALL_RISKS":
        return str(details.get("description") or OBJECT_KINDS[kind])
    place = ", ".join(str(details[one]) for one in ("address", "city") if details.get(one))
    return f"{OBJECT_KINDS[kind]}, {place}" if place else OBJECT_KINDS[kind]


def rating_facts(
    kind: str, value: Decimal | None, details: Mapping[str, Any], on: date
) -> dict[str, str]:
    """Return what an object is rated on, by the names of the rate tables' factors.

    Its facts under their names, its `value` in rand, a vehicle's `vehicle_age` in years and the
    `driver_age` of its youngest driver on the day, and its own rating inputs.
    """
    facts = {name: str(level) for name, level in (details.get("rating_inputs") or {}).items()}
    facts |= {
        fact.name: str(details[fact.name])
        for fact in OBJECT_FIELDS[kind]
        if details.get(fact.name) is not None
    }
    if value is not None:
        facts["value"] = f"{value:f}"
    if year := details.get("year"):
        facts["vehicle_age"] = str(max(on.year - int(year), 0))
    if ages := _ages(details, on):
        facts["driver_age"] = str(min(ages))
    return facts


def check_objects(
    terms: ProductTerms, objects: Sequence[QuotedObject], at: str = "insured_objects"
) -> list[DomainError]:
    """Return what a product cannot insure, and which object it lacks."""
    errors = []
    kinds = terms.object_kinds
    if not kinds:
        words = "This product insures no vehicle, building or other object."
        return [DomainError(words, field=at)]
    for place, one in enumerate(objects):
        if one.kind not in kinds:
            names = ", ".join(OBJECT_KINDS[kind].lower() for kind in kinds)
            errors.append(
                DomainError(f"This product insures: {names}.", field=f"{at}.{place}.kind")
            )
    errors += _twice(objects, at)
    for benefit in terms.priced_benefits:
        if benefit.is_mandatory and not any(benefit.insures(one.kind) for one in objects):
            what = OBJECT_KINDS[benefit.object_kind or kinds[0]].lower()
            errors.append(DomainError(f"{benefit.name} insures a {what}: add it.", field=at))
    return errors


def check_value(terms: ProductTerms, value: Decimal | None, at: str) -> list[DomainError]:
    """Hold the value of one object to the limits of the product."""
    low, high = terms.min_sum_assured, terms.max_sum_assured
    if value is None:
        return [DomainError("Enter the value to insure it for.", field=at)]
    if low is not None and value < low:
        return [DomainError(f"The smallest cover is {format_money(low)}.", field=at)]
    if high is not None and value > high:
        return [DomainError(f"The largest cover is {format_money(high)}.", field=at)]
    return []


def excess_of(loss: Decimal, amount: Decimal, per_cent: Decimal) -> Decimal:
    """Return what the policyholder bears of a loss, in rand: never more than the loss.

    The amount, or per cent of the loss where that is more, rounded half up to the cent.
    """
    share = (loss * per_cent / 100).quantize(Decimal("0.01"), "ROUND_HALF_UP")
    return min(max(amount, share), loss)


def excess_words(amount: Decimal, per_cent: Decimal) -> str:
    """Return an excess as documents print it; empty where there is none."""
    if not per_cent:
        return format_money(amount) if amount else ""
    share = f"{per_cent.normalize():f}% of the claim"
    return f"{share}, at least {format_money(amount)}" if amount else share


def _read_fact(fact: ObjectField, text: str, on: date, levels: Sequence[str]) -> str | int | None:
    if not text:
        if fact.is_required:
            raise DomainError(f"Enter the {fact.label.lower()}.")
        return None
    if len(text) > LONGEST:
        raise DomainError(f"At most {LONGEST} characters.")
    if reader := _READERS.get(fact.name):
        return reader(text, on)
    if fact.options:
        return _one_of(text, levels or fact.options)
    return text


def _read_registration(text: str, _on: date) -> str:
    written = text.upper()
    if not _PLATE_WRITTEN.fullmatch(written) or not _PLATE.fullmatch(registration_key(written)):
        raise DomainError("Enter a registration such as ABC 123 GP or CA 123-456.")
    return written


def _read_vin(text: str, _on: date) -> str:
    vin = re.sub(r"[\s-]", "", text).upper()
    if not _VIN.fullmatch(vin):
        raise DomainError("A VIN has 17 letters and digits, without I, O and Q.")
    return vin


def _read_year(text: str, on: date) -> int:
    last = on.year + 1
    if not _YEAR.fullmatch(text) or not OLDEST_YEAR <= int(text) <= last:
        raise DomainError(f"Enter a year from {OLDEST_YEAR} to {last}.")
    return int(text)


def _read_postal_code(text: str, _on: date) -> str:
    if not _POSTAL_CODE.fullmatch(text):
        raise DomainError("A postal code has four digits.")
    return text


_READERS: dict[str, Callable[[str, date], str | int]] = {
    "registration": _read_registration,
    "vin": _read_vin,
    "year": _read_year,
    "postal_code": _read_postal_code,
}


def _one_of(text: str, options: Sequence[str]) -> str:
    wanted = text.upper().replace(" ", "_")
    found = next((option for option in options if wanted == option.upper().replace(" ", "_")), None)
    if found is None:
        raise DomainError(f"Choose one of {', '.join(options)}.")
    return found


def _read_value(given: Any, where: str, errors: list[DomainError]) -> Decimal | None:
    if given in (None, ""):
        return None
    value = Decimal(str(given))
    if not ZERO < value < MAX_VALUE:
        errors.append(DomainError("Enter an amount above zero.", field=f"{where}value"))
    return value


def _read_drivers(
    given: Sequence[Mapping[str, Any]], on: date, where: str, errors: list[DomainError]
) -> list[dict[str, Any]]:
    if len(given) > MAX_DRIVERS:
        errors.append(DomainError(f"At most {MAX_DRIVERS} drivers.", field=f"{where}drivers"))
        return []
    drivers: list[dict[str, Any]] = []
    for place, one in enumerate(given):
        at = f"{where}drivers.{place}"
        name = " ".join(str(one.get("name") or "").split())[:LONGEST]
        if not name:
            errors.append(DomainError("Enter the name of the driver.", field=f"{at}.name"))
        born = _day(one.get("date_of_birth"))
        licensed = _day(one.get("licensed_since"))
        if born and (born > on or age_last_birthday(born, on) < YOUNGEST_DRIVER):
            words = f"A driver is at least {YOUNGEST_DRIVER} years old."
            errors.append(DomainError(words, field=f"{at}.date_of_birth"))
        if licensed and (licensed > on or (born and licensed <= born)):
            words = "Enter a day between the birth of the driver and today."
            errors.append(DomainError(words, field=f"{at}.licensed_since"))
        drivers.append(
            {
                "name": name,
                "date_of_birth": born.isoformat() if born else None,
                "licensed_since": licensed.isoformat() if licensed else None,
                "is_main": bool(one.get("is_main")),
            }
        )
    if sum(driver["is_main"] for driver in drivers) > 1:
        errors.append(DomainError("A vehicle has one main driver.", field=f"{where}drivers"))
    return drivers


def _day(given: Any) -> date | None:
    if isinstance(given, str) and given:
        return date.fromisoformat(given)
    return given or None


def _ages(details: Mapping[str, Any], on: date) -> list[int]:
    born = [_day(one.get("date_of_birth")) for one in details.get("drivers") or []]
    return [age_last_birthday(one, on) for one in born if one is not None and one <= on]


def _twice(objects: Sequence[QuotedObject], at: str) -> list[DomainError]:
    errors, seen = [], set()
    for place, one in enumerate(objects):
        key = registration_key(one.details.get("registration") or "")
        if key and key in seen:
            words = f"{one.details['registration']} is on this quote twice."
            errors.append(DomainError(words, field=f"{at}.{place}.registration"))
        seen.add(key)
    return errors
