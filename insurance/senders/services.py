"""Changing senders and whose mail is whose; each change counts from the next mail on."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.context import current_actor
from insurance.core.db import constraint_of, transaction
from insurance.core.errors import ConflictError, DomainError, NotFoundError, StaleError
from insurance.core.ids import new_id
from insurance.core.settings import Settings
from insurance.core.tenancy import current_org
from insurance.core.undo import UNDO, UNDOES, undo_facts
from insurance.organizations.queries import get_organization
from insurance.senders import queries, rules
from insurance.senders.dkim_keys import ensure_key
from insurance.senders.models import EmailChange, EmailSender, EmailSetting, EmailType
from insurance.senders.rules import SenderDetails

_FIRST_ROLE = "General"
_EDITED = ("role", "display_name", "email_address", "reply_to", "is_active")
_PROVEN = ("confirmed_at", "verified_at", "dns_checked_at")
_ROLE_TAKEN = "email_senders_role_key"
_DONE = {
    "create": "MADE",
    "change": "CHANGED",
    "delete": "DELETED",
    "map": "MAPPED",
    "undo": "PUT_BACK",
}


def open_senders(session: Session) -> None:
    """Give a new organization its default sender: its name, at the platform's address."""
    organization = get_organization(session)
    sender = EmailSender(
        id=new_id(),
        role=_FIRST_ROLE,
        display_name=organization.name[: rules.LONGEST_NAME],
        is_active=True,
        verified_at=organization.created_at,
        dns=[],
        created_at=organization.created_at,
    )
    session.add(sender)
    session.flush()
    session.add(EmailSetting(default_sender_id=sender.id))


def create_sender(details: SenderDetails, settings: Settings, *, now: datetime) -> EmailSender:
    """Make a sender. One with an address of its own sends nothing from it until it is verified.

    Raises DomainError at the field that is wrong, such as a role that there is.
    """
    details = rules.check_sender(details, platform_address=settings.mail_address)
    try:
        with transaction() as session:
            setting = _hold_setting(session)
            sender = EmailSender(id=new_id(), version=1, created_at=now, dns=[])
            facts: dict[str, Any] = {"sender": None}
            _apply(sender, details, now)
            ensure_key(session, sender.domain, now=now)
            session.add(sender)
            session.flush()
            if details.is_default:
                facts["default"] = _make_default(setting, sender)
            _note(session, "create", sender, None, facts, now)
            return sender
    except IntegrityError as error:
        raise _in_words(error) from error


def change_sender(
    sender_id: UUID, details: SenderDetails, settings: Settings, *, version: int, now: datetime
) -> EmailSender:
    """Change a sender. A new address is to be verified; until then mail is from the platform's.

    Raises StaleError where somebody saved since `version`, ConflictError where the default would
    be none any more, DomainError at the field that is wrong.
    """
    details = rules.check_sender(details, platform_address=settings.mail_address)
    try:
        with transaction() as session:
            setting = _hold_setting(session)
            sender = queries.get_sender(session, sender_id, lock=True)
            before, facts = _said(sender), _facts(sender)
            if sender.version != version:
                wanted = {name: getattr(details, name) for name in _EDITED}
                raise StaleError("Somebody else saved first.", theirs=before, yours=wanted)
            was_default = setting.default_sender_id == sender.id
            if was_default and not (details.is_active and details.is_default):
                raise ConflictError("There is one default. Make another sender the default first.")
            _apply(sender, details, now)
            ensure_key(session, sender.domain, now=now)
            sender.version += 1
            if details.is_default and not was_default:
                facts["default"] = _make_default(setting, sender)
            session.flush()
            _note(session, "change", sender, before, facts, now)
            return sender
    except IntegrityError as error:
        raise _in_words(error) from error


def delete_sender(sender_id: UUID, *, now: datetime) -> None:
    """Delete a sender. Raises ConflictError while it is the default or has types of mail."""
    with transaction() as session:
        setting = _hold_setting(session)
        sender = queries.get_sender(session, sender_id, lock=True)
        _remove(session, setting, sender)
        _note(session, "delete", sender, _said(sender), _facts(sender), now)


def map_type(kind: str, role: str, *, version: int | None = None, now: datetime) -> EmailType:
    """Let a type of mail be sent by the sender of a role, from the next mail on.

    Raises DomainError at what is unknown, ConflictError for a sender that is not verified or not
    active, StaleError where somebody else said it since `version`.
    """
    rules.check_type(kind)
    with transaction() as session:
        _hold_setting(session)
        sender = queries.find_sender(session, role.strip())
        if sender is None:
            raise DomainError("There is no sender of this role.", field="role")
        rules.check_mapped(sender.role, sender.state)
        row = queries.find_type(session, kind, lock=True) or EmailType(
            type=kind, sender_id=None, version=0
        )
        before = _role_of(session, row.sender_id)
        if version is not None and row.version != version:
            raise StaleError(
                "Somebody else saved first.", theirs={"role": before}, yours={"role": sender.role}
            )
        facts = {"sender_id": row.sender_id and str(row.sender_id)}
        row.sender_id, row.version = sender.id, row.version + 1
        session.add(row)
        _note_type(session, "map", kind, (before, sender.role), {UNDO: facts}, now)
        return row


def undo_change(change_id: UUID, *, now: datetime) -> EmailChange:
    """Put a sender, or whose mail a type is, back to what it was before a change.

    Raises ConflictError where it was changed since, after a day, or where what would come back is
    not verified or not active.
    """
    with transaction() as session:
        setting = _hold_setting(session)
        change = queries.get_change(session, change_id)
        same = queries.list_changes(session, change.subject)
        later = [one for one in same if one.id > change.id]
        facts = undo_facts(change, later, now=now, instead="Change it as it shall be.")
        if later:
            raise ConflictError("This was changed again since. Undo the later change first.")
        if "sender_id" in facts:
            _put_back_type(session, change, facts, now)
        else:
            _put_back_sender(session, setting, change, facts, now)
        return change


def _hold_setting(session: Session) -> EmailSetting:
    """Return the organization's setting, held: who changes senders does so one after the other."""
    setting = session.get(EmailSetting, current_org(), with_for_update=True, populate_existing=True)
    if setting is None:
        raise NotFoundError
    return setting


def _apply(sender: EmailSender, details: SenderDetails, now: datetime) -> None:
    if details.email_address is None:
        sender.confirmed_at, sender.dns, sender.dns_checked_at = None, [], None
        sender.verified_at = sender.verified_at if _is_platforms(sender) else now
    elif details.email_address != sender.email_address:
        sender.confirmed_at = sender.verified_at = sender.dns_checked_at = None
        sender.dns = []
    for name in _EDITED:
        setattr(sender, name, getattr(details, name))


def _is_platforms(sender: EmailSender) -> bool:
    return sender.email_address is None and sender.verified_at is not None


def _make_default(setting: EmailSetting, sender: EmailSender) -> str:
    """Make a sender the default and return whose place it takes."""
    rules.check_mapped(sender.role, sender.state)
    before = setting.default_sender_id
    setting.default_sender_id = sender.id
    return str(before)


def _remove(session: Session, setting: EmailSetting, sender: EmailSender) -> None:
    if setting.default_sender_id == sender.id:
        raise ConflictError("This is the default. Make another sender the default first.")
    types = queries.list_types_of(session, sender.id)
    if types:
        listed = ", ".join(types[:5])
        raise ConflictError(f"It still sends {listed}. Give those another sender first.")
    session.delete(sender)
    session.flush()


def _put_back_type(
    session: Session, change: EmailChange, facts: Mapping[str, Any], now: datetime
) -> None:
    row = queries.find_type(session, change.subject, lock=True)
    if row is None:
        raise NotFoundError
    before = _role_of(session, row.sender_id)
    wanted = UUID(facts["sender_id"]) if facts["sender_id"] else None
    if wanted is not None:
        sender = session.get(EmailSender, (current_org(), wanted))
        if sender is None:
            raise ConflictError("The sender that it had is deleted. Choose another.")
        rules.check_mapped(sender.role, sender.state)
    row.sender_id, row.version = wanted, row.version + 1
    undone = {UNDOES: str(change.id)}
    roles = (before, _role_of(session, wanted))
    _note_type(session, "undo", change.subject, roles, undone, now)


def _put_back_sender(
    session: Session,
    setting: EmailSetting,
    change: EmailChange,
    facts: Mapping[str, Any],
    now: datetime,
) -> None:
    sender = session.get(EmailSender, (current_org(), UUID(change.subject)), with_for_update=True)
    before, kept = (_said(sender) if sender else None), facts["sender"]
    if "default" in facts:
        earlier = queries.get_sender(session, UUID(facts["default"]))
        if sender is None or setting.default_sender_id != sender.id:
            raise ConflictError("Another sender is the default since. Undo that first.")
        _make_default(setting, earlier)
        session.flush()
    if kept is None:
        if sender is None:
            raise NotFoundError
        _remove(session, setting, sender)
    else:
        # What was proven or lost of the same address since is no part of the change.
        is_same = sender is not None and sender.email_address == kept["email_address"]
        stays = (*_PROVEN, "dns") if is_same else ()
        sender = sender or EmailSender(id=UUID(change.subject), version=0)
        for name, value in kept.items():
            if name in stays:
                continue
            is_moment = name in (*_PROVEN, "created_at") and value is not None
            setattr(sender, name, datetime.fromisoformat(value) if is_moment else value)
        if setting.default_sender_id == sender.id and not sender.is_active:
            raise ConflictError("It is the default now and stays active.")
        sender.version += 1
        session.add(sender)
    try:
        session.flush()
    except IntegrityError as error:
        raise _in_words(error) from error
    assert sender is not None
    _note(session, "undo", sender, before, {}, now, undoes=change.id)


def _facts(sender: EmailSender) -> dict[str, Any]:
    return {"sender": _kept(sender)}


def _kept(sender: EmailSender) -> dict[str, Any]:
    """Return everything of a sender that an undoing puts back."""
    moments = {name: getattr(sender, name) for name in (*_PROVEN, "created_at")}
    return {name: getattr(sender, name) for name in (*_EDITED, "dns")} | {
        name: moment and moment.isoformat() for name, moment in moments.items()
    }


def _said(sender: EmailSender) -> dict[str, Any]:
    return {name: getattr(sender, name) for name in _EDITED}


def _role_of(session: Session, sender_id: UUID | None) -> str | None:
    """Return a sender's role, or nothing for the default's mail."""
    return queries.get_sender(session, sender_id).role if sender_id else None


def _note(
    session: Session,
    act: str,
    sender: EmailSender,
    before: dict[str, Any] | None,
    facts: dict[str, Any],
    now: datetime,
    *,
    undoes: UUID | None = None,
) -> None:
    """Write a change of a sender into its history and the audit log."""
    after = None if act == "delete" else _said(sender)
    payload: dict[str, Any] = {"before": before, "after": after}
    payload |= {UNDO: facts} if undoes is None else {UNDOES: str(undoes)}
    _add_change(session, str(sender.id), f"SENDER_{_DONE[act]}", payload, now)
    record(
        session,
        action=f"senders.{act}",
        resource="email_senders",
        resource_id=sender.id,
        before=before,
        after=after if after is not None else {"role": sender.role},
    )


def _note_type(
    session: Session,
    act: str,
    kind: str,
    roles: tuple[str | None, str | None],
    facts: dict[str, Any],
    now: datetime,
) -> None:
    """Write whose mail a type is into its history and the audit log."""
    before, after = ({"type": kind, "role": role or "the default"} for role in roles)
    _add_change(
        session, kind, f"TYPE_{_DONE[act]}", {"before": before, "after": after, **facts}, now
    )
    record(
        session,
        action=f"senders.{act}",
        resource="email_types",
        resource_id=kind,
        before=before,
        after=after,
    )


def _add_change(
    session: Session, subject: str, event_type: str, payload: dict[str, Any], now: datetime
) -> None:
    change = EmailChange(
        id=new_id(),
        subject=subject,
        event_type=event_type,
        actor=current_actor().email,
        recorded_at=now,
        payload=payload,
    )
    session.add(change)
    session.flush()


def _in_words(error: IntegrityError) -> Exception:
    if constraint_of(error) == _ROLE_TAKEN:
        return DomainError("There is a sender of this role. Choose another.", field="role")
    return error
