"""A real SMTP server that keeps what it is sent."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword


class Postbox:
    """A real SMTP server's memory. While it is closed it refuses what comes."""

    def __init__(self) -> None:
        self.received: list[Message] = []
        self.raw: list[bytes] = []
        self.is_closed = False
        self.refusal = "451 Come back later"

    async def handle_DATA(self, _server: object, _session: object, envelope: object) -> str:  # noqa: N802
        if self.is_closed:
            return self.refusal
        self.raw.append(envelope.content)  # type: ignore[attr-defined]
        self.received.append(message_from_bytes(envelope.content))  # type: ignore[attr-defined]
        return "250 OK"


@contextmanager
def open_postbox(user: str = "", password: str = "") -> Iterator[tuple[Postbox, str]]:
    """Run an SMTP server on a free port and return it with its address.

    With a user, it takes mail from that one alone.
    """
    box = Postbox()

    def check(
        _server: object, _session: object, _envelope: object, _way: object, said: LoginPassword
    ) -> AuthResult:
        is_right = (said.login, said.password) == (user.encode(), password.encode())
        return AuthResult(success=is_right, handled=False)

    asks = {"authenticator": check, "auth_required": True, "auth_require_tls": False}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port, **(asks if user else {}))
    controller.start()
    try:
        yield box, f"smtp://127.0.0.1:{port}"
    finally:
        controller.stop()
