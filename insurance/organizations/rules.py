"""What an organization may be called and licensed for."""

import re
from collections.abc import Collection, Mapping
from zoneinfo import available_timezones

from insurance.core.errors import DomainError, raise_all

RESERVED_SLUGS = frozenset(
    [
        "api",
        "static",
        "sign-in",
        "sign-out",
        "session-token",
        "security",
        "preferences",
        "theme",
        "forgotten",
        "new-password",
        "welcome",
        "open",
        "platform",
        "healthz",
        "readyz",
        "metrics",
        "admin",
        "docs",
        "help",
        "login",
        "logout",
    ]
)
_SLUG = re.compile(r"[a-z](?:[a-z0-9]|-(?!-)){1,38}[a-z0-9]", re.ASCII)
ZONES = tuple(
    sorted(
        (
            zone
            for zone in available_timezones()
            if zone.startswith("Africa/") or zone in ("Indian/Mauritius", "UTC")
        ),
        key=lambda zone: (zone != "Africa/Johannesburg", zone),
    )
)
"""What the screens offer, South Africa's first; programs may name any zone there is."""
CURRENCIES = ("ZAR", "NAD", "BWP", "LSL", "SZL", "USD")


def check_slug(slug: str) -> None:
    """Refuse a slug that addresses cannot carry. Raises DomainError at `slug`."""
    if not _SLUG.fullmatch(slug):
        raise DomainError(
            "Use 3 to 40 lower-case letters, digits and single dashes, starting with a letter.",
            field="slug",
        )
    if slug in RESERVED_SLUGS:
        raise DomainError("This word is reserved.", field="slug")


def check_name(name: str) -> None:
    """Refuse an empty or endless name. Raises DomainError at `name`."""
    if not name.strip() or len(name) > 200:
        raise DomainError("Enter a name of at most 200 characters.", field="name")


def classes_of(licence_type: str, categories: Mapping[str, str]) -> tuple[str, ...]:
    """Return every class a licence of a kind can name."""
    return tuple(
        code for code, category in categories.items() if licence_type in (category, "MICRO")
    )


def check_licence(
    licence_type: str, class_codes: Collection[str], categories: Mapping[str, str]
) -> None:
    """Refuse classes that the licence cannot name.

    An insurer is licensed for life or for non-life business; a microinsurer may have both
    (Insurance Act 18 of 2017, section 5 and Schedule 2). Raises DomainError at `licensed_classes`.
    """
    unknown = sorted(set(class_codes) - set(categories))
    if unknown:
        raise DomainError(f"There is no class {unknown[0]}.", field="licensed_classes")
    if licence_type == "MICRO":
        return
    foreign = sorted(code for code in class_codes if categories[code] != licence_type)
    if foreign:
        raise DomainError(
            f"A {licence_type.replace('_', '-').lower()} licence cannot name {', '.join(foreign)}.",
            field="licensed_classes",
        )


def check_settings(
    timezone: str, currency: str, idle_minutes: int, number_searches: int = 30
) -> None:
    """Refuse settings that cannot work. Raises DomainError(s) at their fields."""
    errors = []
    if timezone not in available_timezones():
        errors.append(
            DomainError("Choose a time zone such as Africa/Johannesburg.", field="timezone")
        )
    if currency not in CURRENCIES:
        errors.append(DomainError(f"Choose one of {', '.join(CURRENCIES)}.", field="currency"))
    if not 5 <= idle_minutes <= 720:
        errors.append(DomainError("Between 5 and 720 minutes.", field="session_idle_minutes"))
    if not 1 <= number_searches <= 1000:
        errors.append(DomainError("Between 1 and 1000.", field="number_searches_per_hour"))
    raise_all(errors)


def read_version(text: object) -> int:
    """Return the version a form was filled in on; 0, which none is, for anything else."""
    plain = str(text)
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 10 else 0
