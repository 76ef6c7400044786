"""Handing a mail to a server: the platform's, or one of an organization's own."""

import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from threading import Timer
from typing import Any
from urllib.parse import unquote, urlsplit

from insurance.core.settings import Settings

_TIMEOUT_SECONDS = 20
_THEIRS_TIMEOUT_SECONDS = 10
_THEIRS_MOST_SECONDS = 60
"""How long a connection lasts at most: a server that sends a byte now and then holds nobody."""
_HOLD_IPV4 = (ip_network("64:ff9b::/96"), ip_network("::/96"))
"""Addresses that a translator (RFC 6052) or an old stack reads the last four bytes of."""
_READY = 220
_TRAVELS = SMTP.clone(cte_type="7bit")


class PrivateAddressError(OSError):
    """An organization's mail server has an address inside the platform's network."""


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server of an organization's own: `scheme` is one of those of SMTP_URL."""

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Sender:
    """Whom a mail is from: without an address of its own, the platform's.

    `sign` returns a mail's bytes with a signature of the address's domain. Mail leaves by `server`
    where there is one; `on_failure` is told of an error of it.
    """

    display_name: str = ""
    address: str | None = None
    reply_to: str | None = None
    sign: Callable[[bytes], bytes] | None = None
    server: Server | None = None
    on_failure: Callable[[Exception], None] | None = None


def deliver(message: EmailMessage, sender: Sender, settings: Settings) -> None:
    """Hand over to the sender's server or the platform's; without one, to the instance's folder."""
    if sender.server is not None:
        try:
            with open_server(sender.server, settings) as server:
                _hand_over(server, message, sender, settings)
        except (OSError, smtplib.SMTPException) as error:
            if sender.on_failure is not None:
                sender.on_failure(error)
            raise
        return
    if settings.smtp_url is None:
        folder = Path(settings.instance) / "mail"
        folder.mkdir(parents=True, exist_ok=True)
        name = message["Message-ID"].strip("<>").replace("@", "-at-")
        (folder / f"{name}.eml").write_bytes(message.as_bytes())
        return
    address = urlsplit(settings.smtp_url)
    with _connect(address.scheme, address.hostname or "", address.port or 0) as server:
        if address.username:
            server.login(unquote(address.username), unquote(address.password or ""))
        _hand_over(server, message, sender, settings)


def open_server(server: Server, settings: Settings) -> smtplib.SMTP:
    """Return a connection to an organization's own server, signed in.

    Raises PrivateAddressError for one inside the platform's network, unless that is allowed, and
    OSError or SMTPException for one that does not answer or refuses.
    """
    address = _address_of(server, may_be_private=settings.allows_private_mail_servers)
    connection = _connect(
        server.scheme,
        server.host,
        server.port,
        at=address,
        timeout=_THEIRS_TIMEOUT_SECONDS,
        most=_THEIRS_MOST_SECONDS,
    )
    try:
        if server.user:
            connection.login(server.user, server.password)
    except BaseException:
        connection.close()
        raise
    return connection


def _address_of(server: Server, *, may_be_private: bool) -> str:
    """Return the address that is connected to: the one that was checked, and no later answer."""
    found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    if not may_be_private and not all(_is_public(address) for address in addresses):
        raise PrivateAddressError(f"{server.host} is inside a private network.")
    return addresses[0]


def _is_public(text: str) -> bool:
    address = ip_address(text.partition("%")[0])
    reached = _ipv4_in(address) or address
    return reached.is_global and not reached.is_multicast


def _ipv4_in(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """Return the address of four bytes that one of sixteen stands for, if it does."""
    if isinstance(address, IPv4Address):
        return None
    if any(address in network for network in _HOLD_IPV4):
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour


def _hand_over(
    server: smtplib.SMTP, message: EmailMessage, sender: Sender, settings: Settings
) -> None:
    if sender.sign is None:
        server.send_message(message)
        return
    # As it travels: what a server on the way must not change is signed.
    content = sender.sign(message.as_bytes(policy=_TRAVELS))
    server.sendmail(sender.address or settings.mail_address, [message["To"]], content)


class _At(smtplib.SMTP):
    """A connection to an address that was checked, whatever its server's name means by then.

    It ends after `most` seconds where that is set, in the middle of whatever is said.
    """

    at = ""
    most: float | None = None
    _end: tuple[Timer, socket.socket] | None = None

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        reached = socket.create_connection((self.at or host, port), timeout)
        if self.most is not None:
            own = reached.dup()  # TLS takes the other over
            timer = Timer(self.most, _hang_up, [own])
            self._end, timer.daemon = (timer, own), True
            timer.start()
        return reached

    def close(self) -> None:
        """End the connection and what would have ended it."""
        if self._end is not None:
            timer, own = self._end
            timer.cancel()
            own.close()
        super().close()

    def __exit__(self, *_error: object) -> None:
        """Say goodbye. Whatever the server answers to that, it has taken what it took."""
        with suppress(OSError):
            self.docmd("QUIT")
        self.close()

    def reach(self, host: str, port: int) -> None:
        """Connect; a certificate is checked against the name."""
        self._host = host
        code, said = self.connect(host, port)
        if code != _READY:
            self.close()
            raise smtplib.SMTPConnectError(code, said)


class _SecureAt(smtplib.SMTP_SSL, _At):
    """The same, by TLS from the first byte."""


def _hang_up(reached: socket.socket) -> None:
    with suppress(OSError):
        reached.shutdown(socket.SHUT_RDWR)


def _connect(
    scheme: str,
    host: str,
    port: int,
    *,
    at: str = "",
    timeout: float = _TIMEOUT_SECONDS,
    most: float | None = None,
) -> smtplib.SMTP:
    """Return a connection: `smtps` and `smtp+starttls` check the server's certificate."""
    trusted = ssl.create_default_context()
    is_secure = scheme == "smtps"
    server = _SecureAt(timeout=timeout, context=trusted) if is_secure else _At(timeout=timeout)
    server.at, server.most = at, most
    try:
        server.reach(host, port)
        if scheme == "smtp+starttls":
            server.starttls(context=trusted)
    except BaseException:
        server.close()
        raise
    return server
