"""Keys that mail from a domain is signed with (DKIM, RFC 6376): made, followed by others, used."""

import base64
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

import dkim
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core import crypto
from insurance.core.db import transaction
from insurance.core.errors import ConflictError
from insurance.core.ids import new_id
from insurance.core.tenancy import current_org
from insurance.senders import queries, rules
from insurance.senders.models import DkimKey
from insurance.senders.rules import DnsRecord

_PLACE = ("dkim_keys", "private_key")
_BITS = 2048


def ensure_key(session: Session, domain: str, *, now: datetime) -> None:
    """Make the first key of a domain, as a step of what makes a sender of it."""
    if domain and not list_keys(session, domain):
        _add_key(session, domain, now)


def rotate_key(sender_id: UUID, *, now: datetime) -> DkimKey:
    """Make the next key of a sender's domain; mail is signed with it once the DNS has it.

    Raises ConflictError for the platform's address, and while the last one is not published.
    """
    with transaction() as session:
        sender = queries.get_sender(session, sender_id, lock=True)
        keys = list_keys(session, sender.domain)
        if not keys:
            raise ConflictError("It sends from the platform's address, which has no key here.")
        if keys[0].published_at is None:
            raise ConflictError("The last key is not published yet. Publish it first.")
        key = _add_key(session, sender.domain, now)
        record(
            session,
            action="senders.rotate_key",
            resource="email_senders",
            resource_id=sender.id,
            before={"domain": key.domain, "selector": keys[0].selector},
            after={"domain": key.domain, "selector": key.selector},
        )
        return key


def list_keys(session: Session, domain: str) -> Sequence[DkimKey]:
    """Return the keys of a domain, newest first."""
    return session.scalars(
        select(DkimKey)
        .where(DkimKey.org_id == current_org(), DkimKey.domain == domain)
        .order_by(DkimKey.id.desc())
    ).all()


def list_key_records(session: Session, domain: str) -> list[DnsRecord]:
    """Return what a domain publishes of its keys: the one in use, and the next where there is one."""
    keys = list_keys(session, domain)
    used = _used(keys)
    records = [_record_of(used or keys[0], is_needed=True)] if keys else []
    if used is not None and keys[0] is not used:
        records.append(_record_of(keys[0], is_needed=False))
    return records


def note_published(session: Session, domain: str, names: set[str], *, now: datetime) -> None:
    """Let mail be signed with the newest key if its record is among the names that hold."""
    for key in list_keys(session, domain)[:1]:
        if _record_of(key, is_needed=True).name in names:
            key.published_at = key.published_at or now


def signer_of(session: Session, domain: str) -> Callable[[bytes], bytes] | None:
    """Return what signs a mail from a domain, or None where no key of it is published."""
    key = _used(list_keys(session, domain))
    if key is None:
        return None
    pem = crypto.decrypt(current_org(), *_PLACE, key.id, key.private_key)
    return partial(_sign, selector=key.selector, domain=domain, pem=pem)


def _sign(content: bytes, *, selector: str, domain: str, pem: str) -> bytes:
    signature: bytes = dkim.sign(
        content,
        selector.encode(),
        domain.encode(),
        pem.encode(),
        canonicalize=(b"relaxed", b"relaxed"),
    )
    return signature + content


def _used(keys: Sequence[DkimKey]) -> DkimKey | None:
    return next((key for key in keys if key.published_at is not None), None)


def _record_of(key: DkimKey, *, is_needed: bool) -> DnsRecord:
    return rules.dkim_record(key.domain, key.selector, key.public_key, is_needed=is_needed)


def _add_key(session: Session, domain: str, now: datetime) -> DkimKey:
    made = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    pem = made.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    public = made.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key_id = new_id()
    key = DkimKey(
        id=key_id,
        domain=domain,
        selector=f"ins-{key_id.hex[-12:]}",
        private_key=crypto.encrypt(current_org(), *_PLACE, key_id, pem.decode()),
        public_key=base64.b64encode(public).decode(),
        created_at=now,
    )
    session.add(key)
    session.flush()
    return key
