"""Mail: written in the transaction that asks for it, sent by a job, sent once."""

import mimetypes
import smtplib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from insurance.audit_logs.services import event_row, record_many
from insurance.core import clock, crypto
from insurance.core.bulk import write_rows_late
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError
from insurance.core.ids import new_id
from insurance.core.jobs import enqueue, enqueue_many
from insurance.core.settings import Settings
from insurance.core.tenancy import current_org
from insurance.notifications import queries
from insurance.notifications.delivery import Sender, deliver
from insurance.notifications.models import Mail, MailState
from insurance.notifications.rules import is_given_up
from insurance.notifications.texts import PERSONAL
from insurance.notifications.wordings import Wording, shipped_wording

_MAILS: Table = Mail.__table__  # type: ignore[assignment]
_ABOUT_NOTHING = {"resource": None, "resource_id": None, "customer_id": None}
_PATIENCE = text("SET LOCAL idle_in_transaction_session_timeout = '3min'")
"""A mail server may take its time while the mail's row is held."""
_when_given_up: list[Callable[[Session, Mail], None]] = []
_senders: list[Callable[[Session, Mail], Sender]] = []
_writers: list[Callable[[Session, Collection[str]], Mapping[str, Wording]]] = []


@dataclass(frozen=True, slots=True)
class About:
    """The record that a mail is about, and the customer whom it concerns."""

    resource: str
    resource_id: UUID
    customer_id: UUID | None = None

    @property
    def columns(self) -> dict[str, Any]:
        """Return it as columns of a mail."""
        return {name: getattr(self, name) for name in ("resource", "resource_id", "customer_id")}


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail of a kind (a key of TEXTS) to somebody, with the values of its text."""

    kind: str
    to: str
    values: Mapping[str, str]
    about: About | None = None


def on_given_up(step: Callable[[Session, Mail], None]) -> None:
    """Register what a higher area does once a mail is not tried again."""
    if step not in _when_given_up:
        _when_given_up.append(step)


def from_whom(step: Callable[[Session, Mail], Sender]) -> None:
    """Register how a higher area says whom a mail is from, at the moment it is sent."""
    _senders[:] = [step]


def in_whose_words(
    step: Callable[[Session, Collection[str]], Mapping[str, Wording]],
) -> None:
    """Register how a higher area says in which words kinds of mail are written."""
    _writers[:] = [step]


def send_all_later(session: Session, letters: Sequence[Letter]) -> int:
    """Put many mails into the outbox of this transaction and return their number.

    None of them is of a kind that holds a personal link.
    """
    now, actor = clock.now(), current_actor()
    rows: list[dict[str, Any]] = []
    wordings = _wordings_of(session, {letter.kind for letter in letters})
    for letter in letters:
        wording = wordings[letter.kind]
        subject, body = wording.fill(letter.values)
        rows.append(
            {
                "id": new_id(),
                "kind": letter.kind,
                "recipient": one_line(letter.to),
                "subject": one_line(subject),
                "body": body,
                "language": wording.language,
                "template_version": wording.version,
                "created_at": now,
                "tried_from": now,
                "attempts": 0,
                "request_id": actor.request_id,
                "asked_by": actor.user_id,
                **(letter.about.columns if letter.about else _ABOUT_NOTHING),
            }
        )
    session.flush()
    write_rows_late(session, _MAILS, rows)
    enqueue_many(session, "notifications.send_mail", [{"mail_id": row["id"]} for row in rows])
    return len(rows)


def send_later(
    session: Session,
    kind: str,
    *,
    to: str,
    attachment: tuple[str, bytes] | None = None,
    about: About | None = None,
    document_id: UUID | None = None,
    **values: str,
) -> UUID:
    """Put a mail of a kind (a key of TEXTS) into the outbox of this transaction; return its id.

    `attachment` is the name and content of a file, kept until the mail has left; `document_id` is
    the document of the record whose file that is.
    """
    wording = _wordings_of(session, {kind})[kind]
    return send_worded(
        session,
        kind,
        wording,
        to=to,
        attachment=attachment,
        about=about,
        document_id=document_id,
        values=values,
    )


def send_worded(
    session: Session,
    kind: str,
    wording: Wording,
    *,
    to: str,
    values: Mapping[str, str],
    attachment: tuple[str, bytes] | None = None,
    about: About | None = None,
    document_id: UUID | None = None,
) -> UUID:
    """Put a mail of a kind into the outbox in these words, as `send_later` does."""
    subject, words = wording.fill(values)
    now = clock.now()
    mail = Mail(
        id=new_id(),
        kind=kind,
        recipient=one_line(to),
        subject=one_line(subject),
        language=wording.language,
        template_version=wording.version,
        created_at=now,
        tried_from=now,
        request_id=current_actor().request_id,
        document_id=document_id,
        **(about.columns if about else _ABOUT_NOTHING),
        asked_by=current_actor().user_id,
    )
    # What holds a personal link is no more readable in the database than a password.
    mail.body = _sealed(mail, words) if kind in PERSONAL else words
    if attachment is not None:
        mail.attachment_name, mail.attachment = attachment
    session.add(mail)
    session.flush()
    enqueue(session, "notifications.send_mail", mail_id=mail.id)
    return mail.id


def send_copy(
    session: Session, mail: Mail, *, to: str, attachment: tuple[str, bytes] | None
) -> UUID:
    """Put the words of a mail that has left into the outbox once more; return the new mail's id.

    It is about the same record. Raises DomainError for a mail that holds a personal link.
    """
    if mail.kind in PERSONAL:
        raise DomainError("The link in this mail has expired. Ask for a new one.")
    now = clock.now()
    copy = Mail(
        id=new_id(),
        kind=mail.kind,
        recipient=one_line(to),
        subject=mail.subject,
        body=mail.body,
        language=mail.language,
        template_version=mail.template_version,
        created_at=now,
        tried_from=now,
        request_id=current_actor().request_id,
        resource=mail.resource,
        resource_id=mail.resource_id,
        customer_id=mail.customer_id,
        document_id=mail.document_id,
        asked_by=current_actor().user_id,
    )
    if attachment is not None:
        copy.attachment_name, copy.attachment = attachment
    session.add(copy)
    session.flush()
    enqueue(session, "notifications.send_mail", mail_id=copy.id)
    return copy.id


def send_mail(mail_id: UUID, settings: Settings) -> None:
    """Send a mail unless it was sent. Its row stays locked meanwhile, so it leaves once.

    A failure is noted on the mail and raised, so that the job is tried again; a mail that is
    given up is marked failed and waits for somebody to send it again.
    """
    failure: Exception | None = None
    with transaction() as session:
        session.execute(_PATIENCE)
        mail = queries.get_mail(session, mail_id, lock=True)
        if mail.state is not MailState.WAITING:
            return
        mail.attempts += 1
        try:
            sender = _sender_of(session, mail)
            deliver(_message(mail, sender, settings), sender, settings)
        except (OSError, smtplib.SMTPException) as error:
            if is_given_up(error, mail.tried_from, clock.now()):
                mail.failed_at = clock.now()
                for step in _when_given_up:
                    step(session, mail)
            else:
                failure = error
            mail.error = f"{type(error).__name__}: {error}"[:500]
        else:
            mail.sent_at, mail.error, mail.attachment = clock.now(), None, None
            if mail.kind in PERSONAL:
                mail.body = ""
    if failure is not None:
        raise failure


def send_again(mail_id: UUID) -> None:
    """Try a failed mail again from the start.

    Raises NotFoundError, ConflictError where it did not fail, DomainError where its link is old.
    """
    with transaction() as session:
        mail = queries.get_mail(session, mail_id, lock=True)
        if mail.state is not MailState.FAILED:
            raise ConflictError("Only a mail that failed can be sent again.")
        if mail.kind in PERSONAL:
            raise DomainError("The link in this mail has expired. Ask for a new one.")
        try_again(session, [mail])


def send_all_again() -> int:
    """Try every failed mail of the organization again and return how many those are.

    Mails whose personal link has expired stay as they are.
    """
    with transaction() as session:
        mails = queries.list_failed(session, lock=True)
        try_again(session, mails)
        return len(mails)


def try_again(session: Session, mails: Sequence[Mail]) -> None:
    """Try failed mails again from the start, as a step of a command that holds them."""
    now = clock.now()
    for mail in mails:
        mail.failed_at, mail.error, mail.attempts, mail.tried_from = None, None, 0, now
    enqueue_many(session, "notifications.send_mail", [{"mail_id": mail.id} for mail in mails])
    record_many(
        session,
        [
            event_row(
                action="mails.send_again",
                resource="mails",
                resource_id=mail.id,
                after={"kind": mail.kind, "subject": mail.subject},
            )
            for mail in mails
        ],
    )


def _wordings_of(session: Session, kinds: Collection[str]) -> Mapping[str, Wording]:
    if _writers:
        return _writers[0](session, kinds)
    return {kind: wording for kind in kinds if (wording := shipped_wording(kind))}


def _sender_of(session: Session, mail: Mail) -> Sender:
    return _senders[0](session, mail) if _senders else Sender()


def _message(mail: Mail, sender: Sender, settings: Settings) -> EmailMessage:
    message = EmailMessage()
    address = sender.address or settings.mail_address
    message["From"] = Address(one_line(sender.display_name), addr_spec=address)
    if sender.reply_to:
        message["Reply-To"] = sender.reply_to
    message["To"] = one_line(mail.recipient)
    message["Subject"] = one_line(mail.subject)
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = f"<{mail.id}@{address.rpartition('@')[2]}>"
    message.set_content(_opened(mail) if mail.kind in PERSONAL else mail.body)
    if mail.attachment is not None:
        kind = mimetypes.guess_type(mail.attachment_name or "")[0] or "application/pdf"
        main, _, detail = kind.partition("/")
        name = one_line(mail.attachment_name or "")
        message.add_attachment(mail.attachment, maintype=main, subtype=detail, filename=name)
    return message


def one_line(words: str) -> str:
    """Return a text as a header may hold it: in one line, and with nothing to decode in it.

    An encoded word (RFC 2047) would be read as what it stands for, which may be line breaks.
    """
    return " ".join(words.split()).replace("=?", "= ?")


def _sealed(mail: Mail, words: str) -> str:
    return crypto.encrypt(current_org(), "mails", "body", mail.id, words)


def _opened(mail: Mail) -> str:
    return crypto.decrypt(current_org(), "mails", "body", mail.id, mail.body)
