"""What narrows an ID number down is shown only to those who may see the number.

The birth date is its first six digits and the gender its next: to everybody else a person has a
birth year. The rule stands here for screens, API answers and audit rows alike.
"""

from datetime import date
from typing import Any

from insurance.core.context import current_actor
from insurance.core.permissions import May

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


def may_see_identity() -> bool:
    """Tell whether the current actor may see ID numbers, and so birth dates and genders."""
    return current_actor().may(May.CUSTOMERS_REVEAL)


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

    A birth date written as text keeps its year; as a date it is left out. Beneficiaries (who have
    a share) and drivers have no number here and keep theirs: whoever changes them sends them all
    back.
    """
    if isinstance(value, dict):
        is_person = "date_of_birth" in value or "insured_lives" in value
        is_sent_back = "share" in value or "licensed_since" in value
        return {
            key: _hidden(key, inner, is_person=is_person, is_sent_back=is_sent_back)
            for key, inner in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [without_identity(one) for one in value]
    return value


def _hidden(key: Any, value: Any, *, is_person: bool, is_sent_back: bool) -> Any:
    if value is None or (is_sent_back and key in ("date_of_birth", "gender")):
        return value
    if key == "date_of_birth":
        return value[:4] if isinstance(value, str) else None
    if key in _NUMBERS:
        return HIDDEN
    if key == "gender" and is_person:
        return None
    return without_identity(value)
