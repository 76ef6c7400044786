"""What a password must be, how long to wait after failures, and how long things last."""

from datetime import timedelta

from insurance.core.errors import DomainError

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 128
INVITATION_LIFETIME = timedelta(days=7)
RESET_LIFETIME = timedelta(hours=1)
ACCESS_TOKEN_LIFETIME = timedelta(minutes=15)
REFRESH_TOKEN_LIFETIME = timedelta(days=30)
LONGEST_KEY_LIFETIME = timedelta(days=365)
RECOVERY_CODES = 10
_FREE_FAILURES = 5
_LONGEST_DELAY = timedelta(minutes=15)

_COMMON = frozenset(
    """
    123456789012 1234567890123 12345678901234 123123123123 111111111111 000000000000 987654321098
    passwordpassword password1234 password12345 password123456 passw0rd1234 p@ssword1234
    qwertyuiopas qwertyuiop12 qwertyuiop123 qwerty123456 asdfghjkl123 zxcvbnm12345 1qaz2wsx3edc
    letmeinletmein letmein12345 welcomewelcome welcome12345 welcome123456 changemechangeme
    changeme1234 iloveyou1234 administrator admin1234567 administrator1 superman1234 football1234
    southafrica1 southafrica123 johannesburg capetown1234 springboks12 springboks123 bafanabafana
    insurance1234 insurance123 mypassword123 secretsecret secret123456 abcdefghijkl abcd12345678
    """.split()
)


def check_password(password: str, *, context: tuple[str, ...] = ()) -> None:
    """Refuse a password that is too short, too long, well known or made of the person's own words.

    Length counts, not the kinds of characters. Raises DomainError at `password`.
    """
    plain = password.casefold()
    if len(password) < SHORTEST_PASSWORD:
        problem = f"Use at least {SHORTEST_PASSWORD} characters; a few words will do."
    elif len(password) > LONGEST_PASSWORD:
        problem = f"Use at most {LONGEST_PASSWORD} characters."
    elif plain in _COMMON or len(set(plain)) < 5:
        problem = "This password is among the first that anybody would try."
    elif any(word.casefold() in plain for word in context if len(word) >= 5):
        problem = "Leave out your name, your address and the organization's name."
    else:
        return
    raise DomainError(problem, field="password")


def delay_after(failures: int) -> timedelta:
    """Return how long an account waits after so many failures in a row: none, 2 s, 4 s … 15 min."""
    if failures < _FREE_FAILURES:
        return timedelta(0)
    return min(timedelta(seconds=2 ** min(failures - _FREE_FAILURES + 1, 10)), _LONGEST_DELAY)


def check_api_key_lifetime(days: int) -> None:
    """Refuse a key that outlives a year. Raises DomainError at `days`."""
    if not 1 <= days <= LONGEST_KEY_LIFETIME.days:
        raise DomainError("A key lasts between 1 and 365 days.", field="days")
