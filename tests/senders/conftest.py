"""A mail server, a name server, and settings that name both."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from insurance.core.db import transaction
from insurance.core.settings import Settings
from insurance.notifications.services import send_later, send_mail
from tests.factories.name_server import NameServer, open_name_server
from tests.factories.postbox import Postbox, open_postbox


@pytest.fixture(scope="module")
def mail_server() -> Iterator[tuple[Postbox, str]]:
    """Return a running SMTP server and its address."""
    with open_postbox() as opened:
        yield opened


@pytest.fixture(scope="module")
def running_names() -> Iterator[NameServer]:
    """Return a running DNS server."""
    with open_name_server() as server:
        yield server


@pytest.fixture
def names(running_names: NameServer) -> NameServer:
    """Return a DNS server that knows of no name."""
    running_names.texts, running_names.is_broken = {}, False
    return running_names


@pytest.fixture
def mail_settings(
    settings: Settings, app: Flask, mail_server: tuple[Postbox, str], names: NameServer
) -> Iterator[Settings]:
    """Return settings with both servers, which the screens and endpoints have, too."""
    both = replace(settings, smtp_url=mail_server[1], dns_server=names.address)
    app.config["SETTINGS"] = both
    yield both
    app.config["SETTINGS"] = settings


@pytest.fixture
def box(mail_server: tuple[Postbox, str]) -> Postbox:
    """Return what the mail server received; nothing yet."""
    mail_server[0].received.clear()
    mail_server[0].raw.clear()
    return mail_server[0]


@pytest.fixture
def send(session: Session, mail_settings: Settings) -> Callable[..., None]:
    """Return a function that sends a mail of a kind."""

    def sent(kind: str = "claim_reopened") -> None:
        with transaction() as running:
            mail_id = send_later(
                running,
                kind,
                to="thandi@x.example",
                name="Thandi",
                number="CLM-1",
                organization="Ubuntu Life",
            )
        send_mail(mail_id, mail_settings)

    return sent
