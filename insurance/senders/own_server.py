"""The organization's own mail server: named, tried, used, and left alone while it is down."""

import smtplib
import ssl
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core import clock, crypto
from insurance.core.db import db, transaction
from insurance.core.errors import DomainError, NotFoundError, StaleError
from insurance.core.ids import new_id
from insurance.core.settings import Settings
from insurance.core.tenancy import current_org
from insurance.notifications.delivery import PrivateAddressError, Server, open_server
from insurance.senders import rules
from insurance.senders.models import MailServer, Security

_PLACE = ("mail_servers", "password")
RESTS_FOR = timedelta(minutes=5)
_SCHEMES = {
    Security.STARTTLS: "smtp+starttls",
    Security.TLS: "smtps",
    Security.NONE: "smtp",
}
_SAID = ("host", "port", "security", "username")


class ServerRestsError(OSError):
    """The organization's server failed a moment ago and is left alone until it is tried again."""


@dataclass(frozen=True, slots=True)
class ServerDetails:
    """What an administrator says of the server; without a `password` it stays the one it has."""

    host: str
    port: int
    security: Security
    username: str = ""
    password: str = field(default="", repr=False)


def find_server(session: Session, *, lock: bool = False) -> MailServer | None:
    """Return the organization's own server, or None where mail leaves by the platform's."""
    query = select(MailServer).where(MailServer.org_id == current_org())
    return session.scalars(query.with_for_update() if lock else query).one_or_none()


def keep_server(
    details: ServerDetails, settings: Settings, *, version: int, now: datetime
) -> MailServer:
    """Let mail from the organization's own addresses leave by its own server from now on.

    A password is given anew for another server or user. Raises DomainError at the field that is
    wrong, StaleError where somebody saved since `version`, which is 0 where there was no server.
    """
    rules.check_server(
        details.host,
        details.port,
        is_secure=details.security is not Security.NONE,
        is_free=settings.allows_private_mail_servers,
    )
    with transaction() as session:
        server = find_server(session, lock=True)
        before = _said(server) if server else None
        if (server.version if server else 0) != version:
            yours = {name: getattr(details, name) for name in _SAID}
            raise StaleError("Somebody else saved first.", theirs=before or {}, yours=yours)
        if server is None:
            server = MailServer(id=new_id(), version=0)
            session.add(server)
        _check_password(server, details)
        for name in _SAID:
            setattr(server, name, getattr(details, name))
        if details.password:
            server.password = crypto.encrypt(current_org(), *_PLACE, server.id, details.password)
        elif not details.username:
            server.password = None
        server.rests_until, server.version = None, server.version + 1
        session.flush()
        _record(session, "keep_server", server, before, _said(server), has=bool(details.password))
        return server


def remove_server() -> None:
    """Let all mail leave by the platform's server again. Raises NotFoundError."""
    with transaction() as session:
        server = find_server(session, lock=True)
        if server is None:
            raise NotFoundError
        session.delete(server)
        session.flush()
        _record(session, "remove_server", server, _said(server), None)


def try_server(settings: Settings) -> None:
    """Sign in to the organization's server and out again, holding nothing meanwhile.

    Raises NotFoundError where there is none, DomainError with what is wrong.
    """
    server = find_server(db.session())
    if server is None:
        raise NotFoundError
    wanted = _opened(server)
    db.session().rollback()
    try:
        with open_server(wanted, settings) as connection:
            connection.noop()
    except (OSError, smtplib.SMTPException) as error:
        raise DomainError(_in_words(error)) from error


def server_to_use(session: Session) -> Server | None:
    """Return the server that mail leaves by. Raises ServerRestsError while it is left alone."""
    server = find_server(session)
    if server is None:
        return None
    if server.rests_until is not None and server.rests_until > clock.now():
        raise ServerRestsError(f"{server.host} failed; it is tried again in some minutes.")
    return _opened(server)


def rester(session: Session) -> Any:
    """Return what leaves the server alone for a while, once it was told of an error of it."""
    return partial(_rest, session)


def _rest(session: Session, error: Exception) -> None:
    if isinstance(error, smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError):
        return  # this mail is at fault, not the server
    server = find_server(session, lock=True)
    if server is not None:
        server.rests_until = clock.now() + RESTS_FOR


def _check_password(server: MailServer, details: ServerDetails) -> None:
    """Refuse to send a password that is kept to a server that it was not given for.

    Refuses also what is not in ASCII, the only letters that are said when signing in.
    """
    for name in ("username", "password"):
        if not getattr(details, name).isascii() or not getattr(details, name).isprintable():
            raise DomainError("Only letters without accents, digits and signs.", field=name)
    if not details.username or details.password:
        return
    is_same = (server.host, server.port, server.username) == (
        details.host,
        details.port,
        details.username,
    )
    if server.password is None or not is_same:
        raise DomainError("Enter the password of this user at this server.", field="password")


def _opened(server: MailServer) -> Server:
    kept = server.password
    password = crypto.decrypt(current_org(), *_PLACE, server.id, kept) if kept else ""
    scheme = _SCHEMES[server.security]
    return Server(scheme, server.host, server.port, server.username, password)


def _in_words(error: Exception) -> str:
    """Return what is wrong, and nothing of what the other side said: it may be any server."""
    match error:
        case PrivateAddressError():
            return "The server is inside a private network, which is not allowed here."
        case smtplib.SMTPAuthenticationError():
            return "The server does not accept this user and password."
        case smtplib.SMTPNotSupportedError():
            return "The server does not offer what is asked of it: TLS, or signing in."
        case ssl.SSLError():
            return "No secure connection: the certificate or the kind of TLS does not fit."
        case TimeoutError() | smtplib.SMTPServerDisconnected():
            return "The server did not answer in time, or hung up."
        case smtplib.SMTPException():
            return "The server answers, but not as a mail server that takes our mail."
    return "No connection: check the server's name and port."


def _said(server: MailServer) -> dict[str, Any]:
    return {name: getattr(server, name) for name in _SAID}


def _record(
    session: Session,
    act: str,
    server: MailServer,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    *,
    has: bool = False,
) -> None:
    record(
        session,
        action=f"senders.{act}",
        resource="mail_servers",
        resource_id=server.id,
        before=before,
        after=after | {"password_changed": has} if after else {"host": server.host},
    )
