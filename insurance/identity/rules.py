"""What addresses and passwords must be, how long to wait after failures, how long things last."""

import re
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from insurance.core.errors import DomainError
from insurance.core.permissions import (
    READ_ONLY_ROLES,
    TENANT_ROLES,
    Permission,
    Role,
    permissions_named,
)
from insurance.identity.permissions import PeopleMay
from insurance.organizations.permissions import DashboardMay, SettingsMay

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 128
INVITATION_LIFETIME = timedelta(days=7)
RESET_LIFETIME = timedelta(hours=1)
RESET_PAUSE = timedelta(minutes=1)
ACCESS_TOKEN_LIFETIME = timedelta(minutes=15)
REFRESH_TOKEN_LIFETIME = timedelta(days=30)
LONGEST_KEY_LIFETIME = timedelta(days=365)
FAILURES_REMEMBERED = timedelta(days=1)
RECOVERY_CODES = 10
_FREE_FAILURES = 5
_LONGEST_DELAY = timedelta(minutes=15)
_SHORTEST_OWN_PART = 8
_KEPT = frozenset({PeopleMay.VIEW, PeopleMay.MANAGE, SettingsMay.VIEW, SettingsMay.EDIT})
"""What an administrator needs to reach the people, what roles may do, and the settings."""
_EMAIL = re.compile(
    r"(?=[^@]{1,64}@)(?!.*=\?)[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
    r"(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+",
    re.ASCII,
)
_STAND_INS = str.maketrans("013457@$!", "oieastasi")


def _read_common_words() -> frozenset[str]:
    lines = (Path(__file__).parent / "common_passwords.txt").read_text("ascii").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


_COMMON = _read_common_words()
_COMMON_TWICE = re.compile(
    f"(?:{'|'.join(sorted(_COMMON, key=len, reverse=True))}){{1,2}}", re.ASCII
)


def check_email(text: str) -> str:
    """Return an e-mail address in lower case. Raises DomainError at `email` for what is not one."""
    email = text.strip().lower()
    if len(email) > 254 or not _EMAIL.fullmatch(email):
        raise DomainError("Enter an e-mail address, such as name@insurer.co.za.", field="email")
    return email


def check_password(password: str, *, context: Iterable[str] = ()) -> None:
    """Refuse a password that is too short, too long, well known or made of the person's own words.

    Length counts, not the kinds of characters. `context` holds the person's name, address and
    organization. Raises DomainError at `password`.
    """
    plain = password.casefold()
    if len(password) < SHORTEST_PASSWORD:
        problem = f"Use at least {SHORTEST_PASSWORD} characters; a few words will do."
    elif len(password) > LONGEST_PASSWORD:
        problem = f"Use at most {LONGEST_PASSWORD} characters."
    elif is_common(plain):
        problem = "This password is among the first that anybody would try."
    elif len(_without(plain, context)) < _SHORTEST_OWN_PART:
        problem = "Leave out your name, your address and the organization's name."
    else:
        return
    raise DomainError(problem, field="password")


def is_common(plain: str) -> bool:
    """Tell whether a password is digits alone, few characters repeated, or two known words."""
    if plain.isdigit() or len(set(plain)) < 5:
        return True
    spellings = (plain, plain.translate(_STAND_INS), plain.strip("0123456789!@#$%^&*()-_=+.,?"))
    return any(
        _COMMON_TWICE.fullmatch(re.sub("[^a-z]", "", spelling)) is not None
        for spelling in (*spellings, spellings[2].translate(_STAND_INS))
    )


def delay_after(failures: int) -> timedelta:
    """Return how long an address waits after so many failures in a row: 0, 2 s, 4 s … 15 min."""
    if failures < _FREE_FAILURES:
        return timedelta(0)
    return min(timedelta(seconds=2 ** min(failures - _FREE_FAILURES + 1, 10)), _LONGEST_DELAY)


def check_api_key_lifetime(days: int) -> None:
    """Refuse a key that outlives a year. Raises DomainError at `days`."""
    if not 1 <= days <= LONGEST_KEY_LIFETIME.days:
        raise DomainError("A key lasts between 1 and 365 days.", field="days")


def check_permissions(words: Iterable[str]) -> frozenset[Permission]:
    """Return the permissions of some words. Raises DomainError at `permissions` for an unknown."""
    wanted = set(words)
    found = permissions_named(wanted)
    for word in sorted(wanted - found):
        raise DomainError(f"There is no permission {word}.", field="permissions")
    return found


def check_role_grants(
    role: Role, granted: frozenset[Permission], taken: frozenset[Permission]
) -> None:
    """Refuse what an organization may not change of what a role may do.

    The platform keeps its role and its permissions to itself, who only looks is given nothing
    else, everybody keeps the home page and administrators what leads back here. Raises
    DomainError at `role` or `permissions`.
    """
    if role not in TENANT_ROLES:
        raise DomainError(f"What a {role.label.lower()} may do stays as it is.", field="role")
    if granted & taken:
        raise DomainError("Give a permission or take it, not both.", field="permissions")
    for permission in sorted(granted | taken):
        if permission.roles.isdisjoint(TENANT_ROLES):
            problem = f"“{permission.label}” is for the platform alone."
        elif permission in granted and role in READ_ONLY_ROLES and not permission.only_reads:
            problem = f"A role that only looks cannot be given “{permission.label}”."
        elif permission in taken and permission is DashboardMay.VIEW:
            problem = f"Everybody keeps “{permission.label}”: it is where they arrive."
        elif permission in taken and role is Role.TENANT_ADMINISTRATOR and permission in _KEPT:
            problem = f"Administrators keep “{permission.label}”, or nobody could give it back."
        else:
            continue
        raise DomainError(problem, field="permissions")


_BROWSERS = {
    "Edg": "Edge",
    "OPR": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox": "Firefox",
    "Chrome": "Chrome",
    "Safari": "Safari",
    "curl": "curl",
}
_SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


def browser_name(user_agent: str | None) -> str:
    """Return what a browser calls itself, in words: `Firefox on Windows`."""
    text = user_agent or ""
    browser = next((name for mark, name in _BROWSERS.items() if mark in text), "Unknown browser")
    system = next((name for mark, name in _SYSTEMS.items() if mark in text), "")
    return f"{browser} on {system}" if system else browser


def _without(plain: str, context: Iterable[str]) -> str:
    """Return what is left of a password without the words that belong to the person."""
    for word in re.findall(r"[^\W_]{3,}", " ".join(context).casefold()):
        plain = plain.replace(word, "")
    return plain
