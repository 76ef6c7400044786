"""Proving a sender's address: a mailed link for the mailbox, the DNS for its domain."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.db import db, transaction
from insurance.core.errors import ConflictError
from insurance.core.settings import Settings
from insurance.core.tenancy import current_org
from insurance.notifications.services import About, send_later
from insurance.organizations.queries import get_organization
from insurance.senders import queries, rules
from insurance.senders.dkim_keys import list_key_records, note_published
from insurance.senders.dns import list_texts
from insurance.senders.links import check_link, sign_link
from insurance.senders.models import EmailSender
from insurance.senders.own_server import find_server
from insurance.senders.pace import keep_pace
from insurance.senders.rules import DnsRecord


def ask_confirmation(sender_id: UUID, settings: Settings, *, url: str, now: datetime) -> UUID:
    """Mail a link to a sender's address and return the mail's id; `url` is what it is added to.

    Raises ConflictError for a sender without an address of its own, TooManyError for too many in
    an hour.
    """
    with transaction() as session:
        sender = queries.get_sender(session, sender_id, lock=True)
        address = _own_address(sender)
        keep_pace(session)
        token = sign_link(settings.secret_key, current_org(), sender.id, address, now=now)
        mail_id = send_later(
            session,
            "sender_confirmation",
            to=address,
            about=About("email_senders", sender.id),
            role=sender.role,
            address=address,
            organization=get_organization(session).name,
            link=f"{url}/{token}",
        )
        _record(session, "ask_confirmation", sender)
        return mail_id


def confirm_sender(sender_id: UUID, token: str, settings: Settings, *, now: datetime) -> None:
    """Note that the mailed link was followed. Raises NotFoundError for one that does not count."""
    with transaction() as session:
        sender = queries.get_sender(session, sender_id, lock=True)
        key, address = settings.secret_key, sender.email_address
        check_link(token, key, current_org(), sender.id, address, now=now)
        sender.confirmed_at = sender.confirmed_at or now
        _settle(sender, now)
        _record(session, "confirm", sender)


def list_records(session: Session, sender: EmailSender, settings: Settings) -> Sequence[DnsRecord]:
    """Return what the domain of a sender is to publish; nothing for the platform's own address."""
    if sender.email_address is None:
        return ()
    server = find_server(session)
    platform = settings.mail_address.rpartition("@")[2]
    includes = f"a:{server.host}" if server else f"include:{platform}"
    fixed = rules.records_of(sender.domain, includes=includes, report_to=sender.email_address)
    return [*fixed, *list_key_records(session, sender.domain)]


def check_dns(sender_id: UUID, settings: Settings, *, now: datetime) -> EmailSender:
    """Look up what the domain of a sender publishes; what is missing makes it unverified.

    Raises NoAnswerError, and changes nothing, where the DNS cannot be asked.
    """
    sender = queries.get_sender(db.session(), sender_id)
    address = _own_address(sender)
    # No row is held while somebody else's name server takes its time.
    found = [
        wanted.check(list_texts(wanted.name, server=settings.dns_server))
        for wanted in list_records(db.session(), sender, settings)
    ]
    db.session().rollback()
    with transaction() as session:
        sender = queries.get_sender(session, sender_id, lock=True)
        if sender.email_address != address:
            raise ConflictError("The address was changed meanwhile. Look again.")
        sender.dns, sender.dns_checked_at = found, now
        holds = {one["name"] for one in found if one["holds"]}
        note_published(session, sender.domain, holds, now=now)
        _settle(sender, now)
        _record(session, "check_dns", sender)
        return sender


def _own_address(sender: EmailSender) -> str:
    if sender.email_address is None:
        raise ConflictError("It sends from the platform's address, which needs no proof.")
    return sender.email_address


def _settle(sender: EmailSender, now: datetime) -> None:
    """Let a sender be verified exactly while its mailbox and its domain are proven."""
    is_proven = sender.confirmed_at is not None and rules.does_hold(sender.dns)
    sender.verified_at = (sender.verified_at or now) if is_proven else None


def _record(session: Session, act: str, sender: EmailSender) -> None:
    session.flush()
    record(
        session,
        action=f"senders.{act}",
        resource="email_senders",
        resource_id=sender.id,
        after={
            "email_address": sender.email_address,
            "confirmed_at": sender.confirmed_at,
            "verified_at": sender.verified_at,
            "dns": {one["record"]: one["holds"] for one in sender.dns},
        },
    )
