"""What an organization may be called and licensed for."""

import pytest

from insurance.core.errors import DomainError
from insurance.organizations.rules import (
    check_licence,
    check_name,
    check_settings,
    check_slug,
    classes_of,
    read_version,
)

CATEGORIES = {"RISK": "LIFE", "FUNERAL": "LIFE", "MOTOR": "NON_LIFE", "PROPERTY": "NON_LIFE"}


@pytest.mark.parametrize("slug", ["ubuntu-life", "abc", "a1b", "a" * 40])
def test_a_slug_of_letters_digits_and_dashes_is_accepted(slug: str) -> None:
    check_slug(slug)


@pytest.mark.parametrize(
    "slug",
    [
        "",
        "ab",
        "Ubuntu",
        "1st-life",
        "-life",
        "life-",
        "a--b",
        "a_b",
        "a b",
        "a/b",
        "äbc",
        "a" * 41,
        "api",
        "static",
        "sign-in",
        "platform",
        "healthz",
        "security",
        "welcome",
        "open",
        "a\nbc",
    ],
)
def test_what_addresses_cannot_carry_or_already_mean_is_refused(slug: str) -> None:
    with pytest.raises(DomainError) as refusal:
        check_slug(slug)
    assert refusal.value.field == "slug"


@pytest.mark.parametrize(
    ("licence", "classes"),
    [
        ("LIFE", ["RISK", "FUNERAL"]),
        ("NON_LIFE", ["MOTOR"]),
        ("MICRO", ["FUNERAL", "PROPERTY"]),
        ("LIFE", []),
    ],
)
def test_a_licence_names_classes_of_its_kind(licence: str, classes: list[str]) -> None:
    check_licence(licence, classes, CATEGORIES)


@pytest.mark.parametrize(
    ("licence", "classes", "why"),
    [
        ("LIFE", ["RISK", "MOTOR"], "A life licence cannot name MOTOR"),
        ("NON_LIFE", ["FUNERAL"], "A non-life licence cannot name FUNERAL"),
        ("MICRO", ["FUNERAL", "PETS"], "There is no class PETS"),
    ],
)
def test_no_insurer_holds_both_life_and_non_life_classes_unless_it_is_a_microinsurer(
    licence: str, classes: list[str], why: str
) -> None:
    with pytest.raises(DomainError, match=why):
        check_licence(licence, classes, CATEGORIES)


def test_a_licence_without_classes_named_covers_its_kind() -> None:
    assert classes_of("LIFE", CATEGORIES) == ("RISK", "FUNERAL")
    assert classes_of("NON_LIFE", CATEGORIES) == ("MOTOR", "PROPERTY")
    assert classes_of("MICRO", CATEGORIES) == tuple(CATEGORIES)


@pytest.mark.parametrize(
    ("zone", "currency", "minutes", "fields"),
    [
        ("Africa/Johannesburg", "ZAR", 5, []),
        ("Mars/Olympus", "ZAR", 30, ["timezone"]),
        ("../../etc/passwd", "ZAR", 30, ["timezone"]),
        ("UTC", "XXX", 4, ["currency", "session_idle_minutes"]),
        ("UTC", "ZAR", 721, ["session_idle_minutes"]),
    ],
)
def test_settings_that_cannot_work_are_refused_all_at_once(
    zone: str, currency: str, minutes: int, fields: list[str]
) -> None:
    try:
        check_settings(zone, currency, minutes)
        refused = []
    except DomainError as error:
        refused = [single.field for single in error.errors]
    assert refused == fields


@pytest.mark.parametrize("name", ["", "   ", "x" * 201])
def test_an_organization_has_a_name(name: str) -> None:
    with pytest.raises(DomainError):
        check_name(name)


@pytest.mark.parametrize(
    ("text", "version"),
    [("7", 7), ("", 0), ("-1", 0), ("1e3", 0), ("9" * 50, 0), (None, 0), ("٣", 0)],
)
def test_a_form_without_a_sound_version_counts_as_stale(text: object, version: int) -> None:
    assert read_version(text) == version
