"""Mail from an organization's own addresses leaves by its own server, which harms nobody else."""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from smtplib import SMTPServerDisconnected
from threading import Thread
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from insurance.audit_logs.models import AuditEvent
from insurance.core import clock
from insurance.core.db import transaction
from insurance.core.errors import DomainError, StaleError
from insurance.core.sealed import is_sealed
from insurance.core.settings import Settings
from insurance.notifications import delivery
from insurance.notifications.delivery import PrivateAddressError
from insurance.notifications.models import Mail
from insurance.senders import own_server, services
from insurance.senders.models import EmailSender, Security
from insurance.senders.own_server import ServerDetails, ServerRestsError
from insurance.senders.rules import SenderDetails
from tests.factories.identity import SignedInClient
from tests.factories.postbox import Postbox, open_postbox

USER, PASSWORD = "ubuntu", "a secret of the server"


@pytest.fixture(scope="module")
def their_server() -> Iterator[tuple[Postbox, int]]:
    """Return an organization's own SMTP server and its port."""
    with open_postbox(USER, PASSWORD) as (box, url):
        yield box, urlsplit(url).port or 0


@pytest.fixture
def theirs(their_server: tuple[Postbox, int]) -> tuple[Postbox, ServerDetails]:
    """Return the server, which has received nothing, and what is said of it."""
    box, port = their_server
    box.received.clear()
    return box, ServerDetails("localhost", port, Security.NONE, USER, PASSWORD)


@pytest.fixture
def claims(session: Session, mail_settings: Settings) -> EmailSender:
    """Return a sender with a proven address of its own, whose mail is about reopened claims."""
    details = SenderDetails("Claims", "Ubuntu Life Claims", "claims@ubuntulife.example")
    sender = services.create_sender(details, mail_settings, now=clock.now())
    with transaction() as running:
        running.execute(
            update(EmailSender).where(EmailSender.id == sender.id).values(verified_at=clock.now())
        )
    services.map_type("claim_reopened", "Claims", now=clock.now())
    return sender


def _keep(details: ServerDetails, settings: Settings, version: int = 0) -> None:
    own_server.keep_server(details, settings, version=version, now=clock.now())


@contextmanager
def _mute_server() -> Iterator[tuple[int, list[socket.socket]]]:
    """Run a server that takes connections and says nothing; return its port and those."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        taken: list[socket.socket] = []

        def take() -> None:
            while True:
                try:
                    taken.append(listening.accept()[0])
                except OSError:
                    return

        thread = Thread(target=take, daemon=True)
        thread.start()
        yield listening.getsockname()[1], taken
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in taken:
            connection.close()


def test_their_own_mail_leaves_by_it_and_other_mail_by_the_platforms(
    session: Session,
    mail_settings: Settings,
    claims: EmailSender,
    theirs: tuple[Postbox, ServerDetails],
    box: Postbox,
    send: Callable[..., None],
) -> None:
    their_box, details = theirs
    _keep(details, mail_settings)
    own_server.try_server(mail_settings)
    send()
    send("password_changed")
    own_server.remove_server()
    send()

    assert [mail["From"] for mail in their_box.received] == [
        "Ubuntu Life Claims <claims@ubuntulife.example>"
    ]
    assert [mail["Subject"] for mail in box.received] == [
        "Your password was changed",
        "Your claim CLM-1 is open again",
    ]
    actions = session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)).all()
    assert actions[-2:] == ["senders.keep_server", "senders.remove_server"]


def test_a_server_that_hangs_is_left_alone_for_a_while_and_stops_nothing_else(
    session: Session,
    mail_settings: Settings,
    claims: EmailSender,
    box: Postbox,
    send: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery, "_THEIRS_TIMEOUT_SECONDS", 0.2)
    with _mute_server() as (port, taken):
        _keep(ServerDetails("127.0.0.1", port, Security.NONE), mail_settings)
        with pytest.raises(SMTPServerDisconnected):
            send()
        with pytest.raises(ServerRestsError):
            send()
        send("password_changed")
        assert len(taken) == 1, "nobody waits a second time"
        with pytest.raises(DomainError, match="did not answer in time"):
            own_server.try_server(mail_settings)

    assert [mail["Subject"] for mail in box.received] == ["Your password was changed"]
    session.expire_all()
    waiting = session.scalars(select(Mail).where(Mail.sent_at.is_(None))).all()
    assert [(mail.attempts, mail.failed_at) for mail in waiting] == [(1, None), (1, None)]
    with clock.frozen(clock.now() + own_server.RESTS_FOR), pytest.raises(ConnectionRefusedError):
        send()


def test_no_server_inside_the_platforms_network_is_reached(
    session: Session,
    mail_settings: Settings,
    claims: EmailSender,
    theirs: tuple[Postbox, ServerDetails],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    their_box, details = theirs
    _keep(details, mail_settings)
    strict = replace(mail_settings, allows_private_mail_servers=False)
    with pytest.raises(DomainError, match="private network"):
        own_server.try_server(strict)
    for host in ("127.0.0.1", "10.0.0.5", "169.254.169.254", "::1", "::ffff:10.0.0.5", "0.0.0.0"):  # noqa: S104
        with pytest.raises(PrivateAddressError):
            delivery.open_server(delivery.Server("smtp", host, 25), strict)
    with pytest.raises(DomainError) as refused:
        _keep(ServerDetails("http://x", 22, Security.NONE), strict, 1)
    assert [error.field for error in refused.value.errors] == ["host", "port", "security"]
    assert their_box.received == []


def test_a_kept_password_goes_to_the_server_it_was_given_for_and_nowhere_else(
    session: Session, mail_settings: Settings, theirs: tuple[Postbox, ServerDetails]
) -> None:
    details = theirs[1]
    _keep(details, mail_settings)
    for other in (
        replace(details, host="127.0.0.1", password=""),
        replace(details, port=2525, password=""),
        replace(details, username="root", password=""),
    ):
        with pytest.raises(DomainError) as refused:
            _keep(other, mail_settings, 1)
        assert refused.value.field == "password"
    with pytest.raises(StaleError):
        _keep(details, mail_settings)
    _keep(replace(details, password=""), mail_settings, 1)
    own_server.try_server(mail_settings)
    _keep(replace(details, password="wrong"), mail_settings, 2)
    with pytest.raises(DomainError, match="does not accept this user and password"):
        own_server.try_server(mail_settings)

    server = own_server.find_server(session)
    assert server is not None
    assert is_sealed(server.password or "")
    entries = session.scalars(select(AuditEvent)).all()
    assert not any(PASSWORD in str((entry.before, entry.after)) for entry in entries)


def test_the_server_is_named_and_tried_on_screen(
    sign_in: Callable[..., SignedInClient],
    session: Session,
    mail_settings: Settings,
    theirs: tuple[Postbox, ServerDetails],
) -> None:
    admin, details = sign_in(), theirs[1]
    url = admin.url("/email-senders/server")
    assert admin.get(url).status_code == 200
    typed = {"host": details.host, "port": str(details.port), "security": "NONE", "version": "0"}
    typed |= {"username": USER, "password": PASSWORD}
    assert admin.post(url, data=typed | {"port": "0"}).status_code == 422
    assert admin.post(url, data=typed).status_code == 303
    admin.post(f"{url}/test")
    page = admin.get(admin.url("/email-senders")).text
    assert "lets us sign in" in page
    assert PASSWORD not in admin.get(url).text
    assert not re.search(r'type="password"[^>]*value="[^"]', admin.get(url).text)
    admin.post(f"{url}/remove")
    assert own_server.find_server(session) is None
