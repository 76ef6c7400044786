"""What an organization's administrator types, and its server answers, harms nobody else."""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from threading import Thread

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.db import transaction
from insurance.core.errors import DomainError, TooManyError
from insurance.core.settings import Settings
from insurance.notifications import delivery
from insurance.notifications.models import Mail
from insurance.notifications.services import send_later, send_mail
from insurance.senders import own_server, queries, sending, services, verification
from insurance.senders.models import EmailSender, Security
from insurance.senders.own_server import ServerDetails
from insurance.senders.rules import AN_HOUR, SenderDetails
from tests.factories.identity import SignedInClient, TestClient
from tests.factories.postbox import Postbox

ENCODED = "=?utf-8?q?x=0d=0aBcc:_thief@x.example=0d=0a=0d=0aPay_me?="
OWN = SenderDetails("Claims", "Ubuntu Life Claims", "claims@ubuntulife.example")


@pytest.fixture
def sender(session: Session, mail_settings: Settings) -> EmailSender:
    """Return a sender with a proven address, which is the default and so sends everything."""
    made = services.create_sender(OWN, mail_settings, now=clock.now())
    _set(made, verified_at=clock.now(), confirmed_at=clock.now())
    default = SenderDetails("Claims", OWN.display_name, OWN.email_address, is_default=True)
    return services.change_sender(made.id, default, mail_settings, version=1, now=clock.now())


def _set(sender: EmailSender, **values: object) -> None:
    with transaction() as running:
        running.execute(update(EmailSender).where(EmailSender.id == sender.id).values(values))


def _keep(port: int, settings: Settings) -> None:
    details = ServerDetails("127.0.0.1", port, Security.NONE)
    own_server.keep_server(details, settings, version=0, now=clock.now())


@contextmanager
def _server(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Run a server that answers one connection after the other as it is told; return its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def take() -> None:
            while True:
                try:
                    connection = listening.accept()[0]
                except OSError:
                    return
                with connection:
                    answer(connection)

        thread = Thread(target=take, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def _saying(answers: Sequence[bytes]) -> Callable[[socket.socket], None]:
    """Return what answers each thing that a mail program says with the next of some words."""

    def answer(connection: socket.socket) -> None:
        for words in answers:
            connection.sendall(words + b"\r\n")
            said = b""
            while not said.endswith(b".\r\n" if words.startswith(b"354") else b"\r\n"):
                got = connection.recv(65536)
                if not got:
                    return
                said += got

    return answer


def test_no_words_are_decoded_into_lines_of_a_header(
    session: Session, mail_settings: Settings, box: Postbox
) -> None:
    for details in (
        SenderDetails("Claims", ENCODED),
        SenderDetails(ENCODED[:40], "Claims"),
        SenderDetails("Claims", "Claims", "=?utf-8?q?a?=@x.example"),
        SenderDetails("Claims", "Claims", "a..b@x.example"),
    ):
        with pytest.raises(DomainError):
            services.create_sender(details, mail_settings, now=clock.now())
    default = queries.find_default(session)
    assert default is not None
    _set(queries.get_sender(session, default), display_name=ENCODED)
    with transaction() as running:
        mail_id = send_later(
            running,
            "message",
            to="thandi@x.example",
            attachment=(ENCODED, b"a file"),
            subject=ENCODED,
            words="Hello",
            name="Thandi",
            organization="Ubuntu",
        )
    send_mail(mail_id, mail_settings)

    (mail,) = box.received
    assert mail["Bcc"] is None
    assert "= ?utf-8?q?x=0d=0aBcc" in mail["Subject"].replace("\n", "")
    assert "Pay me" not in box.raw[0].decode()


def test_a_mail_that_was_taken_has_left_whatever_is_answered_to_the_goodbye(
    session: Session, mail_settings: Settings, sender: EmailSender, send: Callable[..., None]
) -> None:
    took = [b"220 x", b"250 x", b"250 ok", b"250 ok", b"354 go", b"250 taken", b"554 no goodbye"]
    with _server(_saying(took)) as port:
        _keep(port, mail_settings)
        send()

    session.expire_all()
    assert [(mail.state.value, mail.error) for mail in session.query(Mail)] == [("SENT", None)]


def test_a_server_that_greets_with_a_refusal_makes_mail_wait_and_not_fail(
    session: Session, mail_settings: Settings, sender: EmailSender, send: Callable[..., None]
) -> None:
    with _server(_saying([b"554 not now"])) as port:
        _keep(port, mail_settings)
        with pytest.raises(OSError, match="554"):
            send()

    session.expire_all()
    assert [mail.failed_at for mail in session.query(Mail)] == [None]


def test_a_server_that_says_a_letter_now_and_then_holds_nobody(
    session: Session,
    mail_settings: Settings,
    sender: EmailSender,
    send: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery, "_THEIRS_MOST_SECONDS", 0.3)
    ended = []

    def trickle(connection: socket.socket) -> None:
        connection.settimeout(0.02)
        for _letter in range(250):
            try:
                connection.sendall(b"2")
                if connection.recv(100) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            return
        ended.append("hung up on")

    with _server(trickle) as port:
        _keep(port, mail_settings)
        with pytest.raises(OSError):
            send()

    assert ended == ["hung up on"]
    server = own_server.find_server(session)
    assert server is not None
    assert server.rests_until is not None


@pytest.mark.parametrize(
    "host", ["64:ff9b::169.254.169.254", "2002:a00:5::", "::10.0.0.5", "2130706433", "0x7f.1"]
)
def test_no_way_to_write_a_private_address_is_reached(mail_settings: Settings, host: str) -> None:
    strict = replace(mail_settings, allows_private_mail_servers=False)
    with pytest.raises(delivery.PrivateAddressError):
        delivery.open_server(delivery.Server("smtp", host, 25), strict)


def test_what_was_lost_or_proven_since_a_change_is_not_undone_with_it(
    session: Session, mail_settings: Settings, sender: EmailSender
) -> None:
    def rename(name: str) -> None:
        version = queries.get_sender(session, sender.id).version
        details = SenderDetails("Claims", name, OWN.email_address, is_default=True)
        services.change_sender(sender.id, details, mail_settings, version=version, now=clock.now())

    def undo() -> EmailSender:
        change = queries.list_changes(session, str(sender.id))[0]
        services.undo_change(change.id, now=clock.now())
        session.expire_all()
        return queries.get_sender(session, sender.id)

    rename("New")
    _set(sender, verified_at=None, dns=[])
    lost = undo()
    assert (lost.display_name, lost.verified_at) == (OWN.display_name, None)
    rename("New")
    _set(sender, verified_at=clock.now())
    assert undo().verified_at is not None


def test_a_link_to_a_login_leaves_by_the_platform_alone(
    session: Session, mail_settings: Settings, sender: EmailSender, box: Postbox
) -> None:
    _keep(1, mail_settings)  # where nobody answers
    with transaction() as running:
        mail_id = send_later(
            running, "password_reset", to="nomsa@x.example", name="Nomsa", link="https://x/1"
        )
    send_mail(mail_id, mail_settings)

    assert mail_settings.mail_address in box.received[0]["From"]
    line = next(one for one in queries.list_types(session) if one.type == "password_reset")
    assert line.address is None


def test_tests_and_confirmations_are_mailed_so_often_an_hour(
    session: Session,
    mail_settings: Settings,
    sender: EmailSender,
    api: Callable[..., TestClient],
    sign_in: Callable[..., SignedInClient],
) -> None:
    for _number in range(AN_HOUR):
        sending.send_test(sender.id, "nomsa@x.example")

    with pytest.raises(TooManyError):
        verification.ask_confirmation(
            sender.id, mail_settings, url="https://x.example", now=clock.now()
        )
    client, browser = api(), sign_in()
    sent = client.post(f"/api/v1/email-senders/{sender.id}/test", json={"to": "a@b.example"})
    assert sent.status_code == 429
    for path in (f"/email-senders/{sender.id}/test", "/email-senders/types/claim_paid/test"):
        browser.post(browser.url(path))
        assert "within the hour" in browser.get(browser.url("/email-senders")).text
    with clock.frozen(clock.now() + timedelta(hours=1, seconds=1)):
        sending.send_test(sender.id, "nomsa@x.example")


@pytest.mark.parametrize("said", ["username", "password"])
def test_what_cannot_be_said_to_a_server_when_signing_in_is_refused_where_it_stands(
    session: Session, mail_settings: Settings, said: str
) -> None:
    details = ServerDetails("127.0.0.1", 2525, Security.NONE, "ubuntu", "a secret")
    with pytest.raises(DomainError) as refused:
        own_server.keep_server(
            replace(details, **{said: "Sêkuriteit"}),  # type: ignore[arg-type]
            mail_settings,
            version=0,
            now=clock.now(),
        )

    assert refused.value.field == said
