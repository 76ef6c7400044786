"""What a sender may be called, whose mail it may send, and what its domain must say in DNS."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from insurance.core.errors import ConflictError, DomainError, raise_all
from insurance.core.text import visible
from insurance.identity.rules import check_email
from insurance.notifications.texts import TEXTS

LINK_LASTS = timedelta(days=3)
AN_HOUR = 20
"""So many tests and confirmations are mailed in an hour at most."""
LONGEST_ROLE, LONGEST_NAME = 40, 120
PORTS = (25, 465, 587, 2525)
_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", re.ASCII)
UNMAPPED = frozenset({"sender_test", "sender_confirmation"})
"""What is about a sender is from that sender."""
TYPES = tuple(sorted(TEXTS.keys() - UNMAPPED))


@dataclass(frozen=True, slots=True)
class SenderDetails:
    """What an administrator says of a sender. Without an address mail is from the platform's."""

    role: str
    display_name: str
    email_address: str | None = None
    reply_to: str | None = None
    is_active: bool = True
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """A record that a domain publishes, and what it is compared by: all of these are in it."""

    record: str
    name: str
    expected: str
    begins: str
    holds: tuple[str, ...] = ()
    is_needed: bool = True

    def check(self, found: Sequence[str]) -> dict[str, Any]:
        """Return the record beside what was found; two of a kind count for none (RFC 7208, 4.5)."""
        own = [text for text in found if text.lower().startswith(self.begins)]
        terms = own[0].lower().replace(";", " ").split() if len(own) == 1 else []
        return {
            "record": self.record,
            "name": self.name,
            "expected": self.expected,
            "found": " | ".join(own)[:1000] or None,
            "holds": bool(terms) and all(term.lower() in terms for term in self.holds),
            "is_needed": self.is_needed,
        }


def check_sender(details: SenderDetails, *, platform_address: str) -> SenderDetails:
    """Return the details as they are kept. Raises DomainErrors at the fields that are wrong.

    Neither role nor name may hold what would end a mail's header; the platform's own address is
    kept as none.
    """
    problems: list[DomainError] = []
    for field, longest in (("role", LONGEST_ROLE), ("display_name", LONGEST_NAME)):
        problems += _problems_of(getattr(details, field), field, longest)
    addresses = {}
    for field in ("email_address", "reply_to"):
        try:
            addresses[field] = _address(getattr(details, field), field)
        except DomainError as error:
            problems.append(error)
    if details.is_default and not details.is_active:
        problems.append(DomainError("The default sender is active.", field="is_active"))
    raise_all(problems)
    if addresses["email_address"] == platform_address.lower():
        addresses["email_address"] = None
    return SenderDetails(
        role=details.role.strip(),
        display_name=details.display_name.strip(),
        is_active=details.is_active,
        is_default=details.is_default,
        **addresses,
    )


def _problems_of(words: str, field: str, longest: int) -> list[DomainError]:
    if not words.strip():
        return [DomainError("This must not be empty.", field=field)]
    if len(words.strip()) > longest:
        return [DomainError(f"At most {longest} characters.", field=field)]
    if any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") for letter in words):
        return [DomainError("Remove the line breaks and control characters.", field=field)]
    if "=?" in words:
        return [DomainError("Remove “=?”: mail programs read it as code.", field=field)]
    if visible(words) != words:
        return [DomainError("Remove the characters that cannot be seen.", field=field)]
    return []


def _address(text: str | None, field: str) -> str | None:
    if not text or not text.strip():
        return None
    try:
        return check_email(text)
    except DomainError as error:
        raise DomainError(error.message, field=field) from error


def check_server(host: str, port: int, *, is_secure: bool, is_free: bool) -> None:
    """Refuse a mail server that has no name, or is reached as it must not be unless all is free.

    Raises DomainErrors at the fields that are wrong.
    """
    problems = []
    if not _HOST.fullmatch(host):
        problems.append(DomainError("Enter a name such as smtp.insurer.co.za.", field="host"))
    if not (1 <= port <= 65535 if is_free else port in PORTS):
        ports = "between 1 and 65535" if is_free else "one of 25, 465, 587 and 2525"
        problems.append(DomainError(f"The port is {ports}.", field="port"))
    if not (is_secure or is_free):
        problems.append(DomainError("Choose STARTTLS or TLS.", field="security"))
    raise_all(problems)


def check_type(kind: str) -> None:
    """Refuse a type of mail that the product does not send. Raises DomainError at `type`."""
    if kind not in TYPES:
        raise DomainError("There is no such type of mail.", field="type")


def check_mapped(role: str, state: str) -> None:
    """Refuse to let a sender have types, or be the default, whose mail would not leave as it."""
    if state == "INACTIVE":
        raise ConflictError(f"The sender {role} is not active.", field="role")
    if state == "NOT_VERIFIED":
        raise ConflictError(
            f"The address of {role} is not verified yet: confirm it by the mailed link and publish"
            " its DNS records first.",
            field="role",
        )


def records_of(domain: str, *, includes: str, report_to: str) -> tuple[DnsRecord, ...]:
    """Return what a domain publishes so that mail from it is ours to send.

    `includes` is the term of SPF (RFC 7208, 5) that names the server it leaves by.
    """
    policy = f"v=DMARC1; p=quarantine; rua=mailto:{report_to}"
    return (
        DnsRecord("SPF", domain, f"v=spf1 {includes} ~all", "v=spf1", (includes,)),
        DnsRecord("DMARC", f"_dmarc.{domain}", policy, "v=dmarc1"),
    )


def dkim_record(
    domain: str, selector: str, public_key: str, *, is_needed: bool = True
) -> DnsRecord:
    """Return what a domain publishes of a key: one that follows another is not needed yet."""
    return DnsRecord(
        "DKIM" if is_needed else "DKIM, new",
        f"{selector}._domainkey.{domain}",
        f"v=DKIM1; k=rsa; p={public_key}",
        "v=dkim1",
        (f"p={public_key}",),
        is_needed,
    )


def does_hold(dns: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether everything that is needed was found."""
    return bool(dns) and all(found["holds"] for found in dns if found["is_needed"])
