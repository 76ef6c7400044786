"""Who somebody is: South African ID numbers, passports, telephone numbers and names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import phonenumbers
from stdnum import luhn
from stdnum.exceptions import ValidationError

from insurance.core.errors import DomainError
from insurance.core.text import latin_text, name_key

_EMAIL = re.compile(r"[^@\s<>,;:\"()\[\]\\]{1,64}@[a-z0-9.-]{1,185}\.[a-z]{2,24}", re.ASCII | re.I)
_PASSPORT = re.compile(r"[A-Z0-9]{5,20}", re.ASCII)
_REGISTRATIONS = {
    "COMPANY": (
        re.compile(r"[0-9]{4}/[0-9]{6}/[0-9]{2}", re.ASCII),
        "Enter it like 2019/123456/07.",
    ),
    "TRUST": (
        re.compile(r"[A-Z]{1,3}[0-9]{1,7}/(?:[0-9]{4}|[0-9]{2})(?:\([A-Z]{1,4}\))?", re.ASCII),
        "Enter the Master's reference like IT1234/2015 or IT000123/2020(G).",
    ),
}
_ANY_REGISTRATION = (
    re.compile(r"[A-Z0-9][A-Z0-9/().-]{2,39}", re.ASCII),
    "Enter 3 to 40 letters, digits, dashes and slashes, or leave it empty.",
)
_COMPANY_FORMS = frozenset(
    ["pty", "ltd", "limited", "proprietary", "cc", "inc", "incorporated", "npc", "rf", "soc"]
)
OLDEST_AGE = 120
ADULT_AGE = 18
NATIONAL_DIGITS = 9
HOUR = timedelta(hours=1)
STANDINGS = {"0": "citizen", "1": "permanent resident", "2": "refugee"}
"""What the eleventh digit of an ID number says."""
UNIVERSAL_BRANCHES = {
    "632005": "Absa",
    "430000": "African Bank",
    "888000": "Bank Zero",
    "462005": "Bidvest Bank",
    "470010": "Capitec",
    "679000": "Discovery Bank",
    "250655": "FNB",
    "580105": "Investec",
    "198765": "Nedbank",
    "051001": "Standard Bank",
    "678910": "TymeBank",
}
"""The branch codes that stand for every branch of a bank."""


@dataclass(frozen=True, slots=True)
class IdentityFacts:
    """What an ID number says."""

    id_number: str
    date_of_birth: date
    gender: str
    standing: str


def read_id_number(text: str, *, declared_birth: date | None = None, on: date) -> IdentityFacts:
    """Read a South African ID number: 13 digits, check digit, a real date, citizenship.

    The eleventh digit is 0 for a citizen, 1 for a permanent resident and 2 for a refugee.

    The number has a two-digit year. A declared date of birth decides the century and must agree;
    without one, a birth in the future is ruled out, and where both centuries remain possible the
    date of birth is asked for. Raises DomainError at `id_number` or `date_of_birth`.
    """
    plain = re.sub(r"[\s-]", "", text)
    if not re.fullmatch(r"[0-9]{13}", plain, re.ASCII):
        raise DomainError("An ID number has 13 digits.", field="id_number")
    try:
        number = luhn.validate(plain)
    except ValidationError as error:
        raise DomainError(
            "The check digit of this ID number does not fit. Check the digits.", field="id_number"
        ) from error
    standing = STANDINGS.get(number[10])
    if standing is None:
        raise DomainError(
            "The eleventh digit of an ID number is 0 (citizen), 1 (permanent resident) or"
            " 2 (refugee).",
            field="id_number",
        )
    born = _birth(_possible_births(number, on), declared_birth, on)
    gender = "FEMALE" if int(number[6:10]) < 5000 else "MALE"
    return IdentityFacts(number, born, gender, standing)


def _birth(births: list[date], declared: date | None, on: date) -> date:
    """Return the one date of birth, or refuse: contradicted, impossible, or open to doubt."""
    if declared is not None:
        if declared not in births:
            raise DomainError(
                "The date of birth does not agree with the ID number.", field="date_of_birth"
            )
        return declared
    if not births:
        raise DomainError("The ID number holds no possible date of birth.", field="id_number")
    # Somebody over 100 is rare enough that the later birth is meant unless it is a child's.
    if len(births) == 2 and on.year - births[1].year < ADULT_AGE:
        raise DomainError(
            f"Born {births[0]:%Y/%m/%d} or {births[1]:%Y/%m/%d}? Enter the date of birth.",
            field="date_of_birth",
        )
    return births[-1]


def _possible_births(number: str, on: date) -> list[date]:
    """Return the births the first six digits allow: not in the future, not over 120 years ago."""
    births = []
    for century in (1900, 2000):
        try:
            born = date(century + int(number[:2]), int(number[2:4]), int(number[4:6]))
        except ValueError:
            continue
        if born <= on and on.year - born.year <= OLDEST_AGE:
            births.append(born)
    return births


def check_gender(facts: IdentityFacts, declared: str | None) -> str:
    """Return the gender; refuse a declared one that the ID number contradicts."""
    if declared not in (None, "", facts.gender):
        raise DomainError(f"The ID number says {facts.gender.lower()}.", field="gender")
    return facts.gender


def read_passport(text: str, country: str | None) -> tuple[str, str]:
    """Return (number, country). Raises DomainError at `passport_number` or `passport_country`."""
    plain = re.sub(r"[\s-]", "", text).upper()
    if not _PASSPORT.fullmatch(plain):
        raise DomainError(
            "A passport number has 5 to 20 letters and digits.", field="passport_number"
        )
    if not re.fullmatch(r"[A-Z]{2}", (country or "").upper(), re.ASCII):
        raise DomainError("Enter the country as two letters, such as ZW.", field="passport_country")
    return plain, (country or "").upper()


def read_phone(text: str) -> str:
    """Return a number in E.164, read as South African unless it starts with +."""
    try:
        parsed = phonenumbers.parse(text, "ZA")
    except phonenumbers.NumberParseException as error:
        raise DomainError(
            "Enter a telephone number such as 082 123 4567.", field="phone"
        ) from error
    # The library lets shorter South African numbers pass.
    is_short = parsed.country_code == 27 and len(str(parsed.national_number)) != NATIONAL_DIGITS
    if is_short or not phonenumbers.is_valid_number(parsed):
        raise DomainError("This telephone number does not exist.", field="phone")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def read_email(text: str) -> str:
    """Return an address in lower case. Raises DomainError at `email`."""
    plain = text.strip().lower()
    if not _EMAIL.fullmatch(plain) or ".." in plain:
        raise DomainError("Enter an e-mail address such as thandi@example.org.", field="email")
    return plain


def searches_left(
    recent: Mapping[str, datetime], number: str, now: datetime, *, limit: int
) -> tuple[dict[str, datetime], bool]:
    """Return the numbers searched for within the last hour with this one, and whether it may be.

    A number counts once within its hour, however often it is searched for; one that is refused is
    not counted, so the next is possible an hour after the oldest.
    """
    kept = {key: at for key, at in recent.items() if now - at < HOUR}
    is_allowed = number in kept or len(kept) < limit
    return (kept | {number: kept.get(number, now)} if is_allowed else kept), is_allowed


def read_registration(kind: str, text: str | None) -> str | None:
    """Return the number that a holder of a kind is registered by, or None where it has none.

    A company's looks like 2019/123456/07; a trust has the Master's reference on its letters of
    authority, such as IT1234/2015(G), and must state it. A club, burial society or partnership may
    have a number (of a non-profit organization, a friendly society) in any form. Raises DomainError
    at `registration_number`.
    """
    plain = re.sub(r"\s", "", text or "").upper()
    if not plain:
        if kind == "TRUST":
            raise DomainError(
                "Enter the Master's reference on the letters of authority, such as IT1234/2015(G).",
                field="registration_number",
            )
        return None
    shape, words = _REGISTRATIONS.get(kind, _ANY_REGISTRATION)
    if not shape.fullmatch(plain):
        raise DomainError(words, field="registration_number")
    return plain


def read_account_number(text: str, *, field: str = "account_number") -> str:
    """Return the digits of a South African account number: 4 to 11, not all of them zero."""
    digits = re.sub(r"[\s-]", "", text)
    if not re.fullmatch(r"[0-9]{4,11}", digits, re.ASCII):
        raise DomainError("A South African account number has 4 to 11 digits.", field=field)
    if not digits.strip("0"):
        raise DomainError("An account number is not all zeros.", field=field)
    return digits


def read_branch_code(text: str, *, field: str = "branch_code") -> str:
    """Return a branch code: six digits, a leading zero kept."""
    digits = re.sub(r"[\s-]", "", text)
    if not re.fullmatch(r"[0-9]{6}", digits, re.ASCII):
        raise DomainError("A branch code has six digits.", field=field)
    return digits


def branch_warning(code: str) -> str | None:
    """Return what is doubtful about a branch code, or None for a bank's universal one."""
    if code in UNIVERSAL_BRANCHES:
        return None
    return (
        f"Branch {code} is not the universal code of a bank that we know."
        " Compare it with the bank's letter."
    )


def read_account_holder(text: str, *, field: str = "holder") -> str:
    """Return an account holder's name, which a bank file must be able to hold."""
    if latin_text(text) is None:
        raise DomainError(
            "Enter the account holder's name in Latin letters, as the bank writes it: bank files"
            " hold no others.",
            field=field,
        )
    return text.strip()


def match_name(*names: str | None) -> str:
    """Return a name as the duplicate check compares it: no accents, case or punctuation."""
    return name_key(" ".join(name for name in names if name))


def match_organization(name: str) -> str:
    """Return the name of what is no person as it is compared: also without its legal form.

    So `Karoo Transport (Pty) Ltd` and `KAROO TRANSPORT Limited` are a likely match.
    """
    key = name_key(name)
    return " ".join(word for word in key.split() if word not in _COMPANY_FORMS) or key


def read_name(text: str | None, *, field: str, message: str) -> str:
    """Return a name that has at least one letter or digit of some script."""
    if not text or not name_key(text):
        raise DomainError(message, field=field)
    return text.strip()


def search_text(name: str, email: str | None, phone: str | None) -> str:
    """Return what the search box looks through; a phone number also in its national form."""
    national = f"0{phone[3:]}" if phone and phone.startswith("+27") else ""
    return " ".join(part for part in (match_name(name), email, phone, national) if part)
