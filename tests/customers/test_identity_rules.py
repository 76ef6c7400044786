"""ID numbers, passports, telephone numbers, companies and names."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from stdnum import luhn

from insurance.core.errors import DomainError
from insurance.customers.rules import (
    HOUR,
    branch_warning,
    check_gender,
    match_name,
    match_organization,
    read_account_holder,
    read_account_number,
    read_email,
    read_id_number,
    read_passport,
    read_phone,
    read_registration,
    search_text,
    searches_left,
)

ON = date(2026, 11, 20)


def _id_number(born: date, sequence: int = 5009, citizenship: int = 0) -> str:
    body = f"{born:%y%m%d}{sequence:04}{citizenship}8"
    return body + luhn.calc_check_digit(body)


def _refusal(number: str, born: date | None = None, on: date = ON) -> tuple[str | None, str]:
    with pytest.raises(DomainError) as refusal:
        read_id_number(number, declared_birth=born, on=on)
    return refusal.value.field, refusal.value.message


@pytest.mark.parametrize(
    ("number", "born", "gender", "standing"),
    [
        ("8001015009087", date(1980, 1, 1), "MALE", "citizen"),
        ("7503305044089", date(1975, 3, 30), "MALE", "citizen"),
        ("9001245289086", date(1990, 1, 24), "MALE", "citizen"),
        ("0002294999186", date(2000, 2, 29), "FEMALE", "permanent resident"),
        ("8501015009284", date(1985, 1, 1), "MALE", "refugee"),
        ("800101 5009 08 7", date(1980, 1, 1), "MALE", "citizen"),
        ("800101-5009-087", date(1980, 1, 1), "MALE", "citizen"),
    ],
)
def test_an_id_number_tells_birth_gender_and_standing(
    number: str, born: date, gender: str, standing: str
) -> None:
    facts = read_id_number(number, on=ON)

    assert (facts.date_of_birth, facts.gender, facts.standing) == (born, gender, standing)
    assert len(facts.id_number) == 13


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("8001015009088", "check digit"),
        ("9202204720082", "check digit"),
        ("8501015009383", "eleventh digit"),
        ("9902295001085", "no possible date of birth"),
        ("0000000000000", "no possible date of birth"),
        ("8013015009084", "no possible date of birth"),
    ],
)
def test_a_refused_id_number_is_told_its_true_reason(number: str, reason: str) -> None:
    field, message = (
        _refusal(number[:12] + luhn.calc_check_digit(number[:12]))
        if (reason != "check digit")
        else _refusal(number)
    )

    assert field == "id_number"
    assert reason in message


@pytest.mark.parametrize(
    "number", ["", "800101500908", "80010150090877", "8O01015009087", "٨" * 13]
)
def test_an_id_number_has_thirteen_digits(number: str) -> None:
    assert _refusal(number) == ("id_number", "An ID number has 13 digits.")


def test_the_declared_date_of_birth_decides_the_century() -> None:
    number = "2601055800083"

    for born in (date(1926, 1, 5), date(2026, 1, 5)):
        assert read_id_number(number, declared_birth=born, on=ON).date_of_birth == born


def test_a_declared_date_of_birth_must_agree_with_the_number() -> None:
    assert _refusal("8001015009087", date(1980, 1, 2)) == (
        "date_of_birth",
        "The date of birth does not agree with the ID number.",
    )
    assert _refusal("8001015009087", date(2080, 1, 1))[0] == "date_of_birth"


def test_where_both_centuries_are_possible_the_date_of_birth_is_asked_for() -> None:
    field, message = _refusal("2601055800083")

    assert field == "date_of_birth"
    assert "1926/01/05 or 2026/01/05" in message


def test_nobody_is_born_in_the_future() -> None:
    number = "2612311234082"

    assert read_id_number(number, on=ON).date_of_birth == date(1926, 12, 31)
    assert _refusal(number, date(2026, 12, 31))[0] == "date_of_birth"


@given(
    born=st.dates(date(1907, 1, 1), ON),
    sequence=st.integers(0, 9999),
    citizenship=st.integers(0, 2),
)
@example(born=date(1980, 1, 1), sequence=4999, citizenship=0)
@example(born=date(1980, 1, 1), sequence=5000, citizenship=0)
def test_every_sound_number_gives_back_what_it_was_made_of(
    born: date, sequence: int, citizenship: int
) -> None:
    facts = read_id_number(_id_number(born, sequence, citizenship), declared_birth=born, on=ON)

    assert facts.date_of_birth == born
    assert facts.gender == ("MALE" if sequence >= 5000 else "FEMALE")
    assert facts.standing == ("citizen", "permanent resident", "refugee")[citizenship]


@given(born=st.dates(date(1927, 1, 1), date(2008, 1, 1)))
def test_an_adult_needs_no_declared_birth(born: date) -> None:
    assert read_id_number(_id_number(born), on=ON).date_of_birth == born


@given(born=st.dates(date(1930, 1, 1), ON), place=st.integers(0, 12), digit=st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(born: date, place: int, digit: int) -> None:
    number = _id_number(born)
    wrong = number[:place] + str((int(number[place]) + digit) % 10) + number[place + 1 :]
    assume(wrong != number)

    with pytest.raises(DomainError):
        read_id_number(wrong, declared_birth=born, on=ON)


def test_the_gender_must_agree_with_the_number() -> None:
    facts = read_id_number("8001015009087", on=ON)

    assert check_gender(facts, None) == check_gender(facts, "MALE") == "MALE"
    with pytest.raises(DomainError, match="says male") as refusal:
        check_gender(facts, "FEMALE")
    assert refusal.value.field == "gender"


AT = datetime(2026, 11, 20, 9, tzinfo=UTC)


def test_a_number_counts_once_an_hour_and_the_next_waits_for_the_oldest() -> None:
    first, is_allowed = searches_left({}, "a", AT, limit=2)
    again, is_again = searches_left(first, "a", AT + timedelta(minutes=5), limit=2)
    both, is_second = searches_left(again, "b", AT + timedelta(minutes=30), limit=2)
    refused, is_third = searches_left(both, "c", AT + timedelta(minutes=59), limit=2)
    later, is_later = searches_left(refused, "c", AT + HOUR, limit=2)

    assert (is_allowed, is_again, is_second, is_third, is_later) == (True, True, True, False, True)
    assert refused == both == {"a": AT, "b": AT + timedelta(minutes=30)}
    assert set(later) == {"b", "c"}


def test_a_passport_is_the_alternative() -> None:
    assert read_passport("ab 123-456", "zw") == ("AB123456", "ZW")


@pytest.mark.parametrize(
    ("number", "country", "field"),
    [
        ("A1", "ZW", "passport_number"),
        ("A" * 21, "ZW", "passport_number"),
        ("AB12_456", "ZW", "passport_number"),
        ("AB123456", None, "passport_country"),
        ("AB123456", "ZWE", "passport_country"),
    ],
)
def test_a_passport_needs_a_number_and_a_country(
    number: str, country: str | None, field: str
) -> None:
    with pytest.raises(DomainError) as refusal:
        read_passport(number, country)

    assert refusal.value.field == field


@pytest.mark.parametrize(
    "text",
    ["082 123 4567", "0027821234567", "27821234567", "+27 82 123 4567", "(082) 123-4567"],
)
def test_a_telephone_number_is_kept_in_one_form(text: str) -> None:
    assert read_phone(text) == "+27821234567"


def test_a_foreign_number_starts_with_its_country() -> None:
    assert read_phone("+1 650 253 0000") == "+16502530000"


@pytest.mark.parametrize("text", ["", "12", "hello", "082 123 456", "+99 123 456 789", "0" * 300])
def test_a_number_that_cannot_be_called_is_refused(text: str) -> None:
    with pytest.raises(DomainError) as refusal:
        read_phone(text)

    assert refusal.value.field == "phone"


def test_an_address_of_electronic_mail_is_kept_in_lower_case() -> None:
    assert read_email(" Thandi.Nkosi@Example.ORG ") == "thandi.nkosi@example.org"


@pytest.mark.parametrize(
    "text",
    ["", "thandi", "thandi@", "@example.org", "a b@example.org", "a@b", "a@b..org", "a@b.c\nx"],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(DomainError) as refusal:
        read_email(text)

    assert refusal.value.field == "email"


def test_a_company_has_a_registration_number() -> None:
    assert read_registration("COMPANY", " 2019/123456/07 ") == "2019/123456/07"
    assert read_registration("COMPANY", None) is None
    for text in ("2019/12345/07", "2019-123456-07", "CK2019/123456/07", "IT1234/2015"):
        with pytest.raises(DomainError):
            read_registration("COMPANY", text)


@pytest.mark.parametrize("text", ["IT1234/2015", "it 1234 / 15", "IT000123/2020(G)", "MT9/2012"])
def test_a_trust_has_the_masters_reference(text: str) -> None:
    assert read_registration("TRUST", text) == text.replace(" ", "").upper()


@pytest.mark.parametrize("text", ["", "2019/123456/07", "IT1234", "1234/2015"])
def test_a_trust_without_the_masters_reference_is_refused(text: str) -> None:
    with pytest.raises(DomainError, match="Master's reference") as refusal:
        read_registration("TRUST", text)

    assert refusal.value.field == "registration_number"


@pytest.mark.parametrize("kind", ["CLUB", "BURIAL_SOCIETY", "PARTNERSHIP"])
def test_a_club_society_or_partnership_may_have_a_number_or_none(kind: str) -> None:
    assert read_registration(kind, "") is None
    assert read_registration(kind, "123-456 NPO") == "123-456NPO"
    with pytest.raises(DomainError):
        read_registration(kind, "=1+1")


@pytest.mark.parametrize(
    ("text", "kept"),
    [("62 0012 345", "620012345"), ("1234", "1234"), ("0" * 10 + "1", "0" * 10 + "1")],
)
def test_a_south_african_account_has_4_to_11_digits(text: str, kept: str) -> None:
    assert read_account_number(text) == kept


@pytest.mark.parametrize(
    "text", ["8001015009087", "123456789012", "123", "0000000", "12a45", "\u0661\u0662\u0663\u0664"]
)
def test_what_is_no_account_number_is_refused(text: str) -> None:
    with pytest.raises(DomainError) as refusal:
        read_account_number(text)

    assert refusal.value.field == "account_number"


def test_an_unknown_branch_is_warned_about_and_a_banks_own_is_not() -> None:
    assert branch_warning("051001") is None
    assert "000000" in (branch_warning("000000") or "")


@pytest.mark.parametrize(
    "name", ["\u674e \u5c0f\u9f8d", "\u0645\u062d\u0645\u062f", "\u03a0\u03b1\u03c0", "...", ""]
)
def test_an_account_holder_stands_in_letters_that_bank_files_hold(name: str) -> None:
    assert read_account_holder("Zo\u00eb M\u00fcller") == "Zo\u00eb M\u00fcller"
    with pytest.raises(DomainError, match="Latin letters") as refusal:
        read_account_holder(name)

    assert refusal.value.field == "holder"


def test_the_legal_form_makes_no_other_company() -> None:
    assert match_organization("Karoo Transport (Pty) Ltd") == "karoo transport"
    assert match_organization("KAROO TRANSPORT Limited") == "karoo transport"
    assert match_organization("Limited") == "limited"


@pytest.mark.parametrize(
    "names",
    [("Thandiwe", "Nkosi"), ("THANDIWE  ", " nkosi"), ("Thándiwé", "N'kosi"), ("thandiwe-nkosi",)],
)
def test_names_are_compared_without_accents_case_or_punctuation(names: tuple[str, ...]) -> None:
    assert match_name(*names).replace(" ", "") == "thandiwenkosi"


def test_a_missing_name_is_left_out() -> None:
    assert match_name("Thandi", None, "") == "thandi"


def test_the_search_finds_a_phone_in_its_national_form() -> None:
    text = search_text("Thandi Nkosi", "thandi@example.org", "+27821234567")

    assert text == "thandi nkosi thandi@example.org +27821234567 0821234567"
    assert search_text("Thandi Nkosi", None, "+16502530000") == "thandi nkosi +16502530000"
