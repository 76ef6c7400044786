"""Mail from a proven address is signed with a key of its domain, which is followed by others."""

from collections.abc import Callable

import dkim
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.audit_logs.models import AuditEvent
from insurance.core import clock
from insurance.core.errors import ConflictError
from insurance.core.sealed import is_sealed
from insurance.core.settings import Settings
from insurance.core.tenancy import current_org
from insurance.senders import dkim_keys, services, verification
from insurance.senders.dns import list_texts
from insurance.senders.links import sign_link
from insurance.senders.models import DkimKey, EmailSender
from insurance.senders.rules import SenderDetails
from tests.factories.name_server import NameServer
from tests.factories.postbox import Postbox

ADDRESS = "claims@ubuntulife.example"


@pytest.fixture
def sender(session: Session, mail_settings: Settings, names: NameServer) -> EmailSender:
    """Return a sender whose address is proven and whose mail is about reopened claims."""
    details = SenderDetails("Claims", "Lewe & Ēisé", ADDRESS, "help@ubuntulife.example")
    made = services.create_sender(details, mail_settings, now=clock.now())
    _publish(session, made, mail_settings, names)
    token = sign_link(mail_settings.secret_key, current_org(), made.id, ADDRESS, now=clock.now())
    verification.confirm_sender(made.id, token, mail_settings, now=clock.now())
    verification.check_dns(made.id, mail_settings, now=clock.now())
    services.map_type("claim_reopened", "Claims", now=clock.now())
    return made


def _publish(session: Session, sender: EmailSender, settings: Settings, names: NameServer) -> None:
    for record in verification.list_records(session, sender, settings):
        names.texts[record.name] = [record.expected]


def _is_signed(raw: bytes, names: NameServer) -> bool:
    """Ask the library, which asks the name server."""

    def ask(name: bytes, timeout: int = 5) -> bytes | None:
        found = list_texts(name.decode().rstrip("."), server=names.address)
        return found[0].encode() if found else None

    return bool(dkim.verify(raw, dnsfunc=ask))


def test_a_mail_is_signed_as_it_arrives(
    sender: EmailSender, names: NameServer, box: Postbox, send: Callable[..., None]
) -> None:
    send()
    send("password_changed")

    signed, plain = box.raw
    assert f"d={sender.domain}" in box.received[0]["DKIM-Signature"]
    assert _is_signed(signed, names)
    assert not _is_signed(signed.replace(b"CLM-1", b"CLM-2"), names)
    assert not _is_signed(signed.replace(b"help@ubuntulife", b"help@ubuntulive"), names)
    assert b"DKIM-Signature" not in plain, "the platform's address is not ours to sign for here"


def test_a_new_key_signs_once_it_is_published(
    session: Session,
    sender: EmailSender,
    mail_settings: Settings,
    names: NameServer,
    box: Postbox,
    send: Callable[..., None],
) -> None:
    first = dkim_keys.list_keys(session, sender.domain)[0].selector
    second = dkim_keys.rotate_key(sender.id, now=clock.now()).selector
    with pytest.raises(ConflictError, match="not published"):
        dkim_keys.rotate_key(sender.id, now=clock.now())
    found = verification.check_dns(sender.id, mail_settings, now=clock.now())
    assert found.verified_at is not None, "one that follows is not needed yet"
    send()
    _publish(session, sender, mail_settings, names)
    verification.check_dns(sender.id, mail_settings, now=clock.now())
    send()

    assert [f"s={name};" in mail["DKIM-Signature"]
            for name, mail in zip((first, second), box.received, strict=True)] == [True, True]  # fmt: skip
    assert all(_is_signed(raw, names) for raw in box.raw)
    actions = session.scalars(select(AuditEvent.action)).all()
    assert "senders.rotate_key" in actions


def test_a_private_key_is_kept_sealed(session: Session, sender: EmailSender) -> None:
    key = session.scalars(select(DkimKey)).one()
    assert is_sealed(key.private_key)
    entries = session.scalars(select(AuditEvent)).all()
    assert not any("PRIVATE" in str((entry.before, entry.after)) for entry in entries)
