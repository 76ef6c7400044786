"""Whom a mail is from, at the moment it is sent; and mail that tries it."""

from uuid import UUID

from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.db import transaction
from insurance.core.errors import DomainError
from insurance.identity.rules import check_email
from insurance.notifications.delivery import Sender
from insurance.notifications.models import Mail
from insurance.notifications.services import About, send_later
from insurance.notifications.texts import PERSONAL
from insurance.organizations.queries import get_organization
from insurance.senders import queries
from insurance.senders.dkim_keys import signer_of
from insurance.senders.own_server import rester, server_to_use
from insurance.senders.pace import keep_pace


def who_sends(session: Session, mail: Mail) -> Sender:
    """Return whom a mail is from; one whose address is not verified writes from the platform's.

    So does everyone where a personal link is in the mail: who runs the organization's server, or
    reads what comes back to its address, would have the login of people of other organizations.
    Raises ServerRestsError while the organization's own server is left alone.
    """
    sender = queries.find_sender_of(session, mail)
    if sender is None:
        return Sender()
    is_proven = sender.email_address is not None and sender.verified_at is not None
    if not is_proven or mail.kind in PERSONAL:
        return Sender(sender.display_name, reply_to=sender.reply_to)
    return Sender(
        sender.display_name,
        sender.email_address,
        sender.reply_to,
        sign=signer_of(session, sender.domain),
        server=server_to_use(session),
        on_failure=rester(session),
    )


def send_test(sender_id: UUID, to: str, *, kind: str | None = None) -> UUID:
    """Send a mail as a sender, of a type where one is named, and return the mail's id.

    Raises DomainError at `to` for what is no address, TooManyError for too many in an hour.
    """
    try:
        recipient = check_email(to)
    except DomainError as error:
        raise DomainError(error.message, field="to") from error
    with transaction() as session:
        sender = queries.get_sender(session, sender_id)
        keep_pace(session)
        mail_id = send_later(
            session,
            "sender_test",
            to=recipient,
            about=About("email_senders", sender.id),
            role=sender.role,
            of=f" It sends “{kind.replace('_', ' ')}”, among others." if kind else "",
            organization=get_organization(session).name,
        )
        record(
            session,
            action="senders.test",
            resource="email_senders",
            resource_id=sender.id,
            after={"role": sender.role, "to": recipient},
        )
        return mail_id
