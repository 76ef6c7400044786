"""Who is the same life on two policies, and what funeral cover one life may have over all."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insurance.policies.rules import (
    KnownLife,
    LifeElsewhere,
    LifeHere,
    Likeness,
    check_cover_of_lives,
    likeness,
)
from insurance.products.rules import FuneralCaps

BORN = date(1980, 5, 7)
CAPS = FuneralCaps(Decimal(20_000), Decimal(50_000), Decimal(100_000))


def _life(first: str, last: str, born: date | None = BORN) -> KnownLife:
    return KnownLife(first_name=first, last_name=last, date_of_birth=born)


THANDI = _life("Thandiwe", "Mokoena")


@pytest.mark.parametrize(
    ("first", "last"),
    [("THANDIWE", "mokoena"), ("Thándiwe", "Mokoéna"), (" Thandiwe ", "Mokoena.")],
)
def test_case_accents_and_punctuation_make_no_other_person(first: str, last: str) -> None:
    assert likeness(THANDI, _life(first, last)) is Likeness.SAME


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("Thandi", "Mokoena"),
        ("T", "Mokoena"),
        ("Thandiwe Grace", "Mokoena"),
        ("Grace Thandiwe", "Mokoena"),
        ("Thandiwe", "Mokwena"),
        ("Tahndiwe", "Mokoena"),
        ("Thandiwe", "Mokoena-Dlamini"),
        ("Mokoena", "Thandiwe"),
        ("", "Mokoena"),
    ],
)
def test_a_short_form_or_a_slip_of_the_pen_is_likely_the_same_person(first: str, last: str) -> None:
    assert likeness(THANDI, _life(first, last)) is Likeness.LIKELY
    assert likeness(_life(first, last), THANDI) is Likeness.LIKELY


@pytest.mark.parametrize(
    ("one", "other"), [("Robert", "Bob"), ("Johannes", "Hannes"), ("Jacobus", "Koos")]
)
def test_usual_short_forms_are_known(one: str, other: str) -> None:
    assert likeness(_life(one, "Botha"), _life(other, "Botha")) is Likeness.LIKELY


def test_a_birth_date_with_day_and_month_exchanged_is_likely_a_slip() -> None:
    exchanged = _life("Thandiwe", "Mokoena", date(1980, 7, 5))

    assert likeness(THANDI, exchanged) is Likeness.LIKELY


@pytest.mark.parametrize(
    ("first", "last", "born"),
    [
        ("Sipho", "Mokoena", BORN),
        ("Thandiwe", "Naidoo", BORN),
        ("Thandiwe", "Mokoena", date(1980, 5, 8)),
        ("Thandiwe", "Mokoena", None),
    ],
)
def test_others_are_other_people(first: str, last: str, born: date | None) -> None:
    assert likeness(THANDI, _life(first, last, born)) is Likeness.OTHER


def test_strangers_in_another_script_are_no_match() -> None:
    assert likeness(_life("小龍", "李"), _life("偉", "陳")) is Likeness.OTHER


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_likeness_is_the_same_from_both_sides(
    first: str, last: str, other_first: str, other_last: str
) -> None:
    one, other = _life(first, last), _life(other_first, other_last)

    assert likeness(one, other) is likeness(other, one)
    assert likeness(one, one) is Likeness.SAME


def test_a_child_has_the_cap_of_its_age() -> None:
    assert CAPS.of("CHILD", 5) == 20_000
    assert CAPS.of("CHILD", 6) == 50_000
    assert CAPS.of("CHILD", 13) == 50_000
    assert CAPS.of("CHILD", 14) == 100_000
    assert CAPS.of("CHILD", None) == 20_000
    assert CAPS.of("MAIN_MEMBER", None) == 100_000


def _here(after: int, before: int = 0, cap: int = 100_000) -> LifeHere:
    return LifeHere(
        place=0,
        member_id=UUID(int=1),
        first_name="Thandiwe",
        last_name="Mokoena",
        date_of_birth=BORN,
        before=Decimal(before),
        after=Decimal(after),
        cap=Decimal(cap),
    )


def _there(first: str, cover: int) -> LifeElsewhere:
    return LifeElsewhere(
        member_id=UUID(int=2),
        policy_id=UUID(int=3),
        policy_number="PL-2026-000007",
        first_name=first,
        last_name="Mokoena",
        date_of_birth=BORN,
        cover=Decimal(cover),
    )


def test_cover_of_the_same_life_adds_up_to_the_cap_to_the_cent() -> None:
    assert check_cover_of_lives([_here(40_000)], [_there("Thandiwe", 60_000)], {}) == ([], [])

    ((refusal,), asked) = check_cover_of_lives([_here(40_001)], [_there("Thandiwe", 60_000)], {})

    assert asked == []
    assert "would have R\u00a0100\u00a0001,00 of funeral cover over all policies" in refusal.message


def test_a_likely_match_is_asked_about_only_where_the_answer_decides() -> None:
    assert check_cover_of_lives([_here(40_000)], [_there("Thandi", 60_000)], {}) == ([], [])

    refusals, (question,) = check_cover_of_lives([_here(50_000)], [_there("Thandi", 60_000)], {})

    assert refusals == []
    assert question.words == (
        "Is Thandiwe Mokoena the Thandi Mokoena, born 1980, whom PL-2026-000007 insures for"
        " R\u00a060\u00a0000,00?"
    )
    same = {question.key: True}
    assert check_cover_of_lives([_here(50_000)], [_there("Thandi", 60_000)], same)[0]
    other = {question.key: False}
    assert check_cover_of_lives([_here(50_000)], [_there("Thandi", 60_000)], other) == ([], [])


def test_an_answer_does_not_make_the_same_life_another() -> None:
    (key,) = [f"0:{UUID(int=2)}"]

    refusals, _asked = check_cover_of_lives(
        [_here(50_000)], [_there("Thandiwe", 60_000)], {key: False}
    )

    assert refusals


def test_a_policy_above_a_cap_may_change_as_long_as_cover_does_not_grow() -> None:
    above = _here(after=30_000, before=30_000, cap=20_000)

    assert check_cover_of_lives([above], [], {}) == ([], [])


ONE, TWO = UUID(int=1), UUID(int=2)


def _numbered(first: str, born: date | None = BORN, **numbers: UUID) -> KnownLife:
    return KnownLife(first_name=first, last_name="Mokoena", date_of_birth=born, **numbers)


def test_one_id_number_is_one_life_whatever_the_name_and_birth_date() -> None:
    married = KnownLife(
        first_name="Grace", last_name="Botha", date_of_birth=date(1980, 5, 8), id_number_ref=ONE
    )

    assert likeness(_numbered("Thandiwe", id_number_ref=ONE), married) is Likeness.SAME


def test_two_id_numbers_are_two_lives_though_name_and_birth_date_agree() -> None:
    one, other = (_numbered("Thandiwe", id_number_ref=number) for number in (ONE, TWO))

    assert likeness(one, other) is Likeness.OTHER


def test_two_passports_may_be_one_life_for_each_new_passport_has_another_number() -> None:
    one, other = (_numbered("Thandiwe", passport_ref=number) for number in (ONE, TWO))

    assert likeness(one, other) is Likeness.SAME
    assert likeness(one, _numbered("Grace", None, passport_ref=ONE)) is Likeness.SAME


@pytest.mark.parametrize("first", ["Thandiwe", "Thandi", "Sipho"])
def test_a_life_without_a_number_is_compared_by_name_and_birth_date(first: str) -> None:
    numbered, bare = _numbered("Thandiwe", id_number_ref=ONE), _numbered(first)

    assert likeness(numbered, bare) is likeness(_numbered("Thandiwe"), bare)
