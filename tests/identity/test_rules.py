"""What passwords and addresses must be, and how long failures make somebody wait."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insurance.core.errors import DomainError
from insurance.identity.rules import browser_name, check_email, check_password, delay_after

THANDI = ("Thandi Mokoena", "thandi.m@ubuntu.example", "Ubuntu Life")


@pytest.mark.parametrize(
    "password",
    [
        "the river bends north",
        "rainy tuesday in Knysna",
        "Wys my asseblief die pad huis toe",
        "ḓorobo ḽa havho 27",
        "x" * 5 + "abcdefgh-q7!" + "z" * 111,
    ],
)
def test_a_long_password_of_ones_own_is_accepted(password: str) -> None:
    check_password(password, context=THANDI)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("eleven char", "at least 12"),
        ("z1y2x3w4v5u6" * 11, "at most 128"),
        ("passwordpassword", "first that anybody"),
        ("Password2026!!", "first that anybody"),
        ("P@ssw0rd123456", "first that anybody"),
        ("qwertyuiop12", "first that anybody"),
        ("Springboks2027!", "first that anybody"),
        ("800101500908700", "first that anybody"),
        ("aaaaaaaaaaab", "first that anybody"),
        ("correct horse battery staple", "first that anybody"),
        ("thandi.mokoena.ubuntu", "Leave out your name"),
        ("ThandiMokoena77", "Leave out your name"),
    ],
)
def test_a_password_that_others_would_try_is_refused_with_the_reason(
    password: str, why: str
) -> None:
    with pytest.raises(DomainError, match=why) as refusal:
        check_password(password, context=THANDI)
    assert refusal.value.field == "password"


def test_five_slips_cost_nothing_and_then_the_wait_doubles_up_to_a_quarter_of_an_hour() -> None:
    waits = [delay_after(failures).total_seconds() for failures in (0, 4, 5, 6, 7, 13, 14, 1000)]

    assert waits == [0, 0, 2, 4, 8, 512, 900, 900]


@given(st.integers(min_value=0, max_value=10**6))
def test_no_number_of_failures_locks_an_address_for_good(failures: int) -> None:
    assert delay_after(failures) <= timedelta(minutes=15)
    assert delay_after(failures) <= delay_after(failures + 1)


def test_an_address_is_kept_in_lower_case() -> None:
    assert check_email("  Thandi.M@Ubuntu.Example ") == "thandi.m@ubuntu.example"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "thandi",
        "thandi@",
        "@ubuntu.example",
        "thandi@ubuntu",
        "a b@ubuntu.example",
        "thandi@ubuntu.example\r\nBcc: all@ubuntu.example",
        "thandi@ubuntu..example",
        "thandi@-ubuntu.example",
        "thandi@übuntu.example",
        "a" * 65 + "@ubuntu.example",
        "t@" + "a." * 130 + "example",
        "<thandi@ubuntu.example>",
        "t@x.example,u@x.example",
    ],
)
def test_what_is_not_an_address_is_refused_at_its_field(text: str) -> None:
    with pytest.raises(DomainError) as refusal:
        check_email(text)
    assert refusal.value.field == "email"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit Chrome/156.0 Safari/537", "Chrome on Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/156.0 Safari/537 Edg/156.0", "Edge on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko Firefox/153.0", "Firefox on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19) Version/19 Safari/604", "Safari on iPhone"),
        ("", "Unknown browser"),
        (None, "Unknown browser"),
    ],
)
def test_a_browser_is_named_in_words(user_agent: str | None, name: str) -> None:
    assert browser_name(user_agent) == name
