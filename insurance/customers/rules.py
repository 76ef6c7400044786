"""Who somebody is: South African ID numbers, passports, telephone numbers and names."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

import phonenumbers
from stdnum.exceptions import ValidationError
from stdnum.za import idnr

from insurance.core.errors import DomainError

_NAME_NOISE = re.compile(r"[^a-z0-9]+")
_EMAIL = re.compile(r"[^@\s<>,;:\"()\[\]\\]{1,64}@[a-z0-9.-]{1,185}\.[a-z]{2,24}", re.ASCII | re.I)
_PASSPORT = re.compile(r"[A-Z0-9]{5,20}", re.ASCII)
_REGISTRATION = re.compile(r"[0-9]{4}/[0-9]{6}/[0-9]{2}", re.ASCII)
OLDEST_AGE = 120
ADULT_AGE = 18
NATIONAL_DIGITS = 9


@dataclass(frozen=True, slots=True)
class IdentityFacts:
    """What an ID number says."""

    id_number: str
    date_of_birth: date
    gender: str
    is_citizen: bool


def read_id_number(text: str, *, declared_birth: date | None = None, on: date) -> IdentityFacts:
    """Read a South African ID number: 13 digits, check digit, a real date, citizenship.

    The number has a two-digit year. A declared date of birth decides the century and must agree;
    without one, a birth in the future is ruled out, and where both centuries remain possible the
    date of birth is asked for. Raises DomainError at `id_number` or `date_of_birth`.
    """
    plain = re.sub(r"[\s-]", "", text)
    if not re.fullmatch(r"[0-9]{13}", plain, re.ASCII):
        raise DomainError("An ID number has 13 digits.", field="id_number")
    try:
        number = idnr.validate(plain)
    except ValidationError as error:
        raise DomainError(
            "This is not a valid ID number. Check the digits.", field="id_number"
        ) from error
    born = _birth(_possible_births(number, on), declared_birth, on)
    gender = "FEMALE" if int(number[6:10]) < 5000 else "MALE"
    return IdentityFacts(number, born, gender, number[10] == "0")


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


def read_registration(text: str) -> str:
    """Return a company registration number, such as 2019/123456/07."""
    plain = re.sub(r"\s", "", text)
    if not _REGISTRATION.fullmatch(plain):
        raise DomainError("Enter it like 2019/123456/07.", field="registration_number")
    return plain


def match_name(*names: str | None) -> str:
    """Return a name as the duplicate check compares it: no accents, case or punctuation."""
    joined = " ".join(name for name in names if name)
    plain = unicodedata.normalize("NFKD", joined).encode("ascii", "ignore").decode().lower()
    return _NAME_NOISE.sub(" ", plain).strip()


def search_text(name: str, email: str | None, phone: str | None) -> str:
    """Return what the search box looks through; a phone number also in its national form."""
    national = f"0{phone[3:]}" if phone and phone.startswith("+27") else ""
    return " ".join(part for part in (match_name(name), email, phone, national) if part)
