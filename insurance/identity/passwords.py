"""Passwords as they are stored: Argon2id over the normal form, a few at a time."""

import unicodedata
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from insurance.identity.rules import LONGEST_PASSWORD

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_DECOY = _hasher.hash("nobody has this password")
_at_once = BoundedSemaphore(4)
"""Each hash takes 19 MiB; a flood of sign-ins must not take all memory."""


def hash_password(password: str) -> str:
    """Return what is stored in place of a password."""
    with _at_once:
        return _hasher.hash(_normal(password))


def verify_password(password_hash: str | None, password: str) -> bool:
    """Tell whether a password is right. Takes as long where there is none to compare with."""
    try:
        with _at_once:
            matches = _hasher.verify(password_hash or _DECOY, _normal(password))
    except (VerificationError, InvalidHashError):
        return False
    return matches and password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """Tell whether a hash was made with weaker settings than today's."""
    return _hasher.check_needs_rehash(password_hash)


def _normal(password: str) -> str:
    """Return the password in normal form C, as two keyboards may spell one letter differently."""
    return unicodedata.normalize("NFC", password[: LONGEST_PASSWORD + 1])
