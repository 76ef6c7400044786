"""Mail: written in the transaction that asks for it, sent by a job, sent once."""

import smtplib
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import NotFoundError
from insurance.core.jobs import enqueue
from insurance.core.settings import Settings
from insurance.core.tenancy import current_org
from insurance.notifications.models import Mail
from insurance.notifications.texts import TEXTS

_TIMEOUT_SECONDS = 20


def send_later(session: Session, kind: str, *, to: str, **values: str) -> None:
    """Put a mail of a kind (a key of TEXTS) into the outbox of this transaction."""
    subject, body = TEXTS[kind]
    mail = Mail(
        kind=kind,
        recipient=to,
        subject=_one_line(subject.format(**values)),
        body=body.format(**values),
        created_at=clock.now(),
        request_id=current_actor().request_id,
    )
    session.add(mail)
    session.flush()
    enqueue(session, "notifications.send_mail", mail_id=mail.id)


def send_mail(mail_id: UUID, settings: Settings) -> None:
    """Send a mail unless it was sent. Its row stays locked meanwhile, so it leaves once."""
    with transaction() as session:
        mail = session.scalars(
            select(Mail).where(Mail.org_id == current_org(), Mail.id == mail_id).with_for_update()
        ).one_or_none()
        if mail is None:
            raise NotFoundError
        if mail.sent_at is None:
            mail.attempts += 1
            _deliver(_message(mail, settings), settings)
            mail.sent_at = clock.now()
            if mail.kind in ("invitation", "password_reset"):
                # What was in the link must not lie about in the database once it has left.
                mail.body = "(sent; the link is not kept)"


def _message(mail: Mail, settings: Settings) -> EmailMessage:
    message = EmailMessage()
    message["From"] = settings.mail_from
    message["To"] = _one_line(mail.recipient)
    message["Subject"] = mail.subject
    message["Message-ID"] = f"<{mail.id}@{settings.mail_from.rpartition('@')[2]}>"
    message.set_content(mail.body)
    return message


def _deliver(message: EmailMessage, settings: Settings) -> None:
    """Hand over to the SMTP server; without one, write the mail to the instance's folder."""
    if settings.smtp_url is None:
        folder = Path(settings.instance) / "mail"
        folder.mkdir(parents=True, exist_ok=True)
        name = message["Message-ID"].strip("<>").replace("@", "-at-")
        (folder / f"{name}.eml").write_bytes(message.as_bytes())
        return
    address = urlsplit(settings.smtp_url)
    connect = smtplib.SMTP_SSL if address.scheme == "smtps" else smtplib.SMTP
    with connect(address.hostname or "", address.port or 0, timeout=_TIMEOUT_SECONDS) as server:
        if address.scheme == "smtp+starttls":
            server.starttls()
        if address.username:
            server.login(unquote(address.username), unquote(address.password or ""))
        server.send_message(message)


def _one_line(text: str) -> str:
    return " ".join(text.split())
