"""Whether a life on one policy is the life on another, and what funeral cover it has over all."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from insurance.core.errors import DomainError
from insurance.core.money import format_money, total
from insurance.core.text import name_key

_SHORT_FORMS = {
    "bob": "robert",
    "bobby": "robert",
    "bill": "william",
    "billy": "william",
    "jack": "john",
    "johnny": "john",
    "jim": "james",
    "jimmy": "james",
    "dave": "david",
    "mike": "michael",
    "tony": "anthony",
    "harry": "henry",
    "steve": "stephen",
    "steven": "stephen",
    "kate": "catherine",
    "kathy": "catherine",
    "cathy": "catherine",
    "katherine": "catherine",
    "beth": "elizabeth",
    "betty": "elizabeth",
    "liz": "elizabeth",
    "lizzie": "elizabeth",
    "peggy": "margaret",
    "koos": "jacobus",
    "piet": "petrus",
    "pieter": "petrus",
    "jan": "johannes",
    "johan": "johannes",
    "sarel": "carel",
    "klaas": "nicolaas",
}
_SHORTEST = 3
_SPELLED = 4


class Likeness(StrEnum):
    """How far two lives are the same one."""

    SAME = "SAME"
    LIKELY = "LIKELY"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLife:
    """A life as policies know it: a name, a date of birth, and references to its numbers."""

    first_name: str
    last_name: str
    date_of_birth: date | None
    id_number_ref: UUID | None = None
    passport_ref: UUID | None = None

    @property
    def name(self) -> str:
        """Return the full name."""
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeElsewhere(KnownLife):
    """A life on another policy, with the funeral cover it has there in rand."""

    member_id: UUID
    policy_id: UUID
    policy_number: str
    cover: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeHere(KnownLife):
    """A life of the policy at hand: its place on it, its cover before and after, and its cap."""

    place: int
    member_id: UUID | None
    before: Decimal
    after: Decimal
    cap: Decimal


@dataclass(frozen=True, slots=True)
class LifeQuestion:
    """Is a life of the policy at hand the one on another policy? The answer decides a cap."""

    life: LifeHere
    other: LifeElsewhere

    @property
    def key(self) -> str:
        """Return what an answer names the question by."""
        return f"{self.life.place}:{self.other.member_id}"

    @property
    def words(self) -> str:
        """Return the question in words."""
        # Whoever answers knows the life at hand; of the other one they may know the year at most.
        born = f", born {self.other.date_of_birth:%Y}," if self.other.date_of_birth else ""
        return (
            f"Is {self.life.name} the {self.other.name}{born} whom"
            f" {self.other.policy_number} insures for {format_money(self.other.cover)}?"
        )


def likeness(one: KnownLife, other: KnownLife) -> Likeness:
    """Compare two lives by their numbers, else by name and date of birth.

    The same ID or passport number is the same life whatever the name, and two ID numbers are two
    lives. Two passport numbers say nothing: each new passport has another. Names are compared
    without case, accents and punctuation. The same name and birth date are the same life. Likely is a short form, an initial, a name left
    out, a letter mistaken or the names in another order on one birth date, and the same name where
    day and month are exchanged. Without a birth date nobody can tell.
    """
    id_number, passport = one.id_number_ref, one.passport_ref
    if passport is not None and passport == other.passport_ref:
        return Likeness.SAME
    if id_number is not None and other.id_number_ref is not None:
        return Likeness.SAME if id_number == other.id_number_ref else Likeness.OTHER
    if one.date_of_birth is None or other.date_of_birth is None:
        return Likeness.OTHER
    key, other_key = name_key(one.name), name_key(other.name)
    if one.date_of_birth != other.date_of_birth:
        swapped = exchanged(one.date_of_birth) == other.date_of_birth
        return Likeness.LIKELY if swapped and key == other_key else Likeness.OTHER
    if key == other_key:
        return Likeness.SAME
    in_order = _agree(one.first_name, other.first_name) and _agree(one.last_name, other.last_name)
    is_turned = sorted(key.split()) == sorted(other_key.split())
    return Likeness.LIKELY if in_order or is_turned else Likeness.OTHER


def exchanged(born: date) -> date | None:
    """Return a date with day and month exchanged, None where there is no such day."""
    return date(born.year, born.day, born.month) if born.day <= 12 else None


def _agree(names: str, others: str) -> bool:
    """Tell whether names of one part agree: some word of one is some word of the other."""
    words, other_words = name_key(names).split(), name_key(others).split()
    if not words or not other_words:
        return True
    return any(_is_alike(word, other) for word in words for other in other_words)


def _is_alike(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    if long == short or _SHORT_FORMS.get(short, short) == _SHORT_FORMS.get(long, long):
        return True
    if (len(short) == 1 or len(short) >= _SHORTEST) and long.startswith(short):
        return True
    if len(short) >= _SPELLED and long.endswith(short):
        return True
    return len(short) >= _SPELLED and _is_one_slip(short, long)


def _is_one_slip(short: str, long: str) -> bool:
    """Tell whether one letter more, another or two neighbours exchanged make one the other."""
    if len(long) - len(short) > 1:
        return False
    at = next((at for at, one in enumerate(short) if one != long[at]), len(short))
    rest, other_rest = short[at:], long[at:]
    if len(long) > len(short):
        return rest == other_rest[1:]
    is_turned = rest[:2] == other_rest[:2][::-1] and rest[2:] == other_rest[2:]
    return rest[1:] == other_rest[1:] or is_turned


def check_cover_of_lives(
    lives: Iterable[LifeHere],
    elsewhere: Sequence[LifeElsewhere],
    answers: Mapping[str, bool],
) -> tuple[list[DomainError], list[LifeQuestion]]:
    """Hold lives whose cover grows to their caps over all policies.

    Returns the refusals, and the questions whose answer decides whether a cap holds. `answers` says
    by a question's key whether the two are one person.
    """
    refusals: list[DomainError] = []
    questions: list[LifeQuestion] = []
    for life in lives:
        if life.after <= life.before:
            continue
        asked = [LifeQuestion(life, other) for other in elsewhere]
        same = [one for one in asked if likeness(life, one.other) is Likeness.SAME]
        likely = [one for one in asked if likeness(life, one.other) is Likeness.LIKELY]
        open_ones = [one for one in likely if one.key not in answers]
        certain = total(
            one.other.cover for one in [*same, *(one for one in likely if answers.get(one.key))]
        )
        if life.after + certain > life.cap:
            refusals.append(_over(life, life.after + certain))
        elif life.after + certain + total(one.other.cover for one in open_ones) > life.cap:
            questions += open_ones
    return refusals, questions


def _over(life: LifeHere, amount: Decimal) -> DomainError:
    return DomainError(
        f"{life.name} would have {format_money(amount)} of funeral cover over all policies;"
        f" this life may have {format_money(life.cap)}."
    )
