"""Reading senders, whose mail is whose, and what changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from insurance.core.records import get_record
from insurance.core.tenancy import current_org
from insurance.notifications.models import Mail
from insurance.notifications.texts import PERSONAL
from insurance.senders.models import EmailChange, EmailSender, EmailSetting, EmailType
from insurance.senders.rules import TYPES

HISTORY = 50


@dataclass(frozen=True, slots=True)
class TypeLine:
    """A type of mail and who sends it; `version` is 0 while it was never said, so the default does."""

    type: str
    sender: EmailSender
    version: int
    is_default: bool

    @property
    def address(self) -> str | None:
        """Return the address that its mail is from, or None where that is the platform's."""
        is_own = self.sender.verified_at is not None and self.type not in PERSONAL
        return self.sender.email_address if is_own else None


def list_senders(session: Session) -> Sequence[EmailSender]:
    """Return the senders of the organization, by role."""
    return session.scalars(
        select(EmailSender)
        .where(EmailSender.org_id == current_org())
        .order_by(func.lower(EmailSender.role), EmailSender.id)
    ).all()


def get_sender(session: Session, sender_id: UUID, *, lock: bool = False) -> EmailSender:
    """Return a sender. Raises NotFoundError."""
    return get_record(session, EmailSender, sender_id, lock=lock)


def find_sender(session: Session, role: str) -> EmailSender | None:
    """Return the sender of a role, however its letters are written."""
    return session.scalars(
        select(EmailSender).where(
            EmailSender.org_id == current_org(), func.lower(EmailSender.role) == func.lower(role)
        )
    ).one_or_none()


def find_default(session: Session) -> UUID | None:
    """Return the default sender's id."""
    setting = session.get(EmailSetting, current_org())
    return setting.default_sender_id if setting else None


def list_types(session: Session) -> list[TypeLine]:
    """Return every type of mail with its sender, by type."""
    senders = {sender.id: sender for sender in list_senders(session)}
    default = find_default(session)
    if default is None:
        return []
    mapped = {row.type: row for row in session.scalars(_own_types())}
    lines = []
    for kind in TYPES:
        row = mapped.get(kind)
        own = row.sender_id if row else None
        version = row.version if row else 0
        lines.append(TypeLine(kind, senders[own or default], version, own is None))
    return lines


def find_type(session: Session, kind: str, *, lock: bool = False) -> EmailType | None:
    """Return what was said of a type, or None where its mail is the default sender's."""
    return session.get(EmailType, (current_org(), kind), with_for_update=lock or None)


def list_types_of(session: Session, sender_id: UUID) -> Sequence[str]:
    """Return the types that were given to a sender."""
    return session.scalars(
        _own_types()
        .with_only_columns(EmailType.type)
        .where(EmailType.sender_id == sender_id)
        .order_by(EmailType.type)
    ).all()


def find_sender_of(session: Session, mail: Mail) -> EmailSender | None:
    """Return who a mail is from: the sender it is about, its type's active one, or the default."""
    own = mail.resource_id if mail.resource == "email_senders" else None
    row = find_type(session, mail.kind)
    for sender_id in (own, row.sender_id if row else None, find_default(session)):
        sender = session.get(EmailSender, (current_org(), sender_id)) if sender_id else None
        if sender is not None and (sender.is_active or sender_id == own):
            return sender
    return None


def list_changes(session: Session, subject: str | None = None) -> Sequence[EmailChange]:
    """Return the latest changes, newest first: of everything, or of a sender or type."""
    query = select(EmailChange).where(EmailChange.org_id == current_org())
    if subject is not None:
        query = query.where(EmailChange.subject == subject)
    return session.scalars(query.order_by(EmailChange.id.desc()).limit(HISTORY)).all()


def get_change(session: Session, change_id: UUID) -> EmailChange:
    """Return a change. Raises NotFoundError."""
    return get_record(session, EmailChange, change_id)


def _own_types() -> Select[EmailType]:
    return select(EmailType).where(EmailType.org_id == current_org())
