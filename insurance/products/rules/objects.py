"""Which things a class of business insures, and what each kind of thing is described by."""

import re
from dataclasses import dataclass

VEHICLE = "VEHICLE"
BUILDING = "BUILDING"
CONTENTS = "CONTENTS"
ALL_RISKS = "ALL_RISKS"

OBJECT_KINDS = {
    VEHICLE: "Vehicle",
    BUILDING: "Building",
    CONTENTS: "Contents",
    ALL_RISKS: "All-risks item",
}
"""Every kind of insured object, in words."""

_OF_CLASS = {
    "MOTOR": (VEHICLE,),
    "PROPERTY": (BUILDING, CONTENTS, ALL_RISKS),
    "AGRICULTURE": (BUILDING, VEHICLE, ALL_RISKS),
    "ENGINEERING": (ALL_RISKS,),
    "MARINE": (ALL_RISKS,),
    "AVIATION": (ALL_RISKS,),
    "TRANSPORT": (VEHICLE, ALL_RISKS),
    "RAIL": (ALL_RISKS,),
    "TERRORISM": (BUILDING, CONTENTS, ALL_RISKS),
    "MISCELLANEOUS": (ALL_RISKS,),
}
_OF_PERSONS = frozenset({"ACCIDENT_HEALTH", "TRAVEL"})


@dataclass(frozen=True, slots=True)
class ObjectField:
    """One fact of an insured object. `options` are its values where the rates name none."""

    name: str
    label: str
    is_required: bool = True
    options: tuple[str, ...] = ()
    hint: str = ""


_USES = ("PRIVATE", "BUSINESS", "COMMERCIAL")
_CONSTRUCTIONS = ("BRICK", "CONCRETE", "STEEL", "TIMBER", "THATCH")
_ROOFS = ("TILE", "METAL", "CONCRETE", "SLATE", "THATCH")
_HOMES = ("OWN_HOME", "HOLIDAY_HOME", "LET", "BUSINESS")
_PLACE = (
    ObjectField("address", "Street and suburb"),
    ObjectField("city", "City or town"),
    ObjectField("postal_code", "Postal code", is_required=False),
)
OBJECT_FIELDS: dict[str, tuple[ObjectField, ...]] = {
    VEHICLE: (
        ObjectField(
            "registration",
            "Registration",
            is_required=False,
            hint="Leave empty for a vehicle that is not registered yet, and enter its VIN.",
        ),
        ObjectField("make", "Make"),
        ObjectField("model", "Model"),
        ObjectField("year", "Year of manufacture"),
        ObjectField("use", "Use", options=_USES),
        ObjectField("vin", "VIN", is_required=False, hint="17 letters and digits."),
        ObjectField("address", "Kept overnight at", is_required=False),
        ObjectField("city", "City or town", is_required=False),
        ObjectField("postal_code", "Postal code", is_required=False),
    ),
    BUILDING: (
        *_PLACE,
        ObjectField("construction", "Construction", options=_CONSTRUCTIONS),
        ObjectField("roof", "Roof", options=_ROOFS),
        ObjectField("use", "Use", options=_HOMES),
    ),
    CONTENTS: (
        *_PLACE,
        ObjectField("construction", "Construction", is_required=False, options=_CONSTRUCTIONS),
        ObjectField("roof", "Roof", is_required=False, options=_ROOFS),
        ObjectField("use", "Use", is_required=False, options=_HOMES),
    ),
    ALL_RISKS: (
        ObjectField("description", "Description"),
        ObjectField("serial_number", "Serial number", is_required=False),
    ),
}
"""What each kind is described by, beside its value, drivers and rating."""

PLACE_FIELDS = ("address", "city", "postal_code", "construction", "roof")
"""What changes where a home moves to another address."""

_RANGE = re.compile(r"(\d{1,12})\s*[-\u2013]\s*(\d{1,12})", re.ASCII)
_AND_MORE = re.compile(r"(\d{1,12})\s*\+", re.ASCII)


def object_kinds(class_code: str) -> tuple[str, ...]:
    """Return the kinds of things that a class insures; none for a class of persons or duties."""
    return _OF_CLASS.get(class_code, ())


def insures_persons(category: str, class_code: str) -> bool:
    """Tell whether lives are insured: by every life class, and by accident, health and travel."""
    return category == "LIFE" or class_code in _OF_PERSONS


def level_range(level: str) -> tuple[int, int | None] | None:
    """Return the first and last whole number of a level such as `2015-2019` or `2020+`.

    The last is None where the level is open; None for a level that is no range.
    """
    if found := _RANGE.fullmatch(level.strip()):
        return int(found[1]), int(found[2])
    if found := _AND_MORE.fullmatch(level.strip()):
        return int(found[1]), None
    return None
