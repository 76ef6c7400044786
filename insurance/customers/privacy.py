"""What narrows an ID number down is shown only to those who may see the number.

The birth date is its first six digits and the gender its next: to everybody else a person has a
birth year. The rule stands here for screens, API answers and audit rows alike.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from insurance.core.context import current_actor
from insurance.core.text import name_key
from insurance.customers.permissions import CustomersMay

HIDDEN = "*************"
"""What stands for a number that is on file and not shown."""
_NUMBERS = frozenset(
    (
        "id_number",
        "passport_number",
        "id_number_masked",
        "passport_masked",
        # Equal references are one number: they would tell of a guessed one whose it is.
        "id_number_ref",
        "passport_ref",
    )
)
_BIRTH = ("date_of_birth", "born")


def may_see_identity() -> bool:
    """Tell whether the current actor may see ID numbers, and so birth dates and genders."""
    return current_actor().may(CustomersMay.REVEAL)


def birth_words(born: date | str | None) -> str:
    """Return a birth date as the current actor may see it: `1987/04/02`, `1987` or a dash."""
    if not born:
        return "–"
    written = born if isinstance(born, str) else born.isoformat()
    return written[:10].replace("-", "/") if may_see_identity() else written[:4]


def as_shown(value: Any) -> Any:
    """Return data as the current actor may see it."""
    return value if may_see_identity() else without_identity(value)


def without_identity(value: Any) -> Any:
    """Return data, however deep, without numbers, birth dates and genders.

    A birth date written as text keeps its year; as a date it is left out. Of lives, beneficiaries,
    drivers and payees alike: `births_kept` gives back what somebody was not shown.
    """
    if isinstance(value, dict):
        is_person = "date_of_birth" in value or "insured_lives" in value
        return {key: _hidden(key, inner, is_person=is_person) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_identity(one) for one in value]
    return value


def _hidden(key: Any, value: Any, *, is_person: bool) -> Any:
    if value is None:
        return value
    if isinstance(key, str) and key.endswith(_BIRTH) and isinstance(value, (str, date)):
        return value[:4] if isinstance(value, str) else None
    if key in _NUMBERS:
        return HIDDEN
    if key == "gender" and is_person:
        return None
    return without_identity(value)


def births_kept(
    people: Sequence[Mapping[str, Any]], known: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return people as somebody sent them all back, with the birth dates they were not shown.

    Who may see birth dates means what they leave empty; of everybody else's people, those who are
    on file under the same name keep theirs.
    """
    if may_see_identity():
        return [dict(person) for person in people]
    on_file: dict[str, list[Any]] = {}
    for one in known:
        on_file.setdefault(_named(one), []).append(one.get("date_of_birth"))
    found = []
    for one in people:
        births = on_file.get(_named(one)) or [None]
        found.append({**one, "date_of_birth": one.get("date_of_birth") or births.pop(0)})
    return found


def _named(person: Mapping[str, Any]) -> str:
    parts = (person.get(name) for name in ("name", "first_name", "last_name"))
    return name_key(" ".join(str(part) for part in parts if part))
