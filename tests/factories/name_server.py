"""A real DNS server on this machine, for one zone that a test writes."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from dns.flags import AA
from dns.message import from_wire, make_response
from dns.rcode import NXDOMAIN, SERVFAIL
from dns.rdataclass import IN
from dns.rdatatype import TXT
from dns.rrset import from_text


class NameServer:
    """What the DNS says: TXT records by name. While it is broken it knows of nothing."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}
        self.is_broken = False
        self.address = ""

    def answer(self, wire: bytes) -> bytes:
        """Return the answer to a question."""
        asked = from_wire(wire)
        answer = make_response(asked)
        answer.flags |= AA
        name = asked.question[0].name.to_text().rstrip(".")
        if self.is_broken:
            answer.set_rcode(SERVFAIL)
        elif name not in self.texts:
            answer.set_rcode(NXDOMAIN)
        else:
            pieces = [" ".join(f'"{text[at : at + 200]}"' for at in range(0, len(text), 200))
                      for text in self.texts[name]]  # fmt: skip
            answer.answer.append(from_text(f"{name}.", 60, IN, TXT, *pieces))
        return answer.to_wire()


@contextmanager
def open_name_server() -> Iterator[NameServer]:
    """Run a DNS server on a free port."""
    server = NameServer()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as endpoint:
        endpoint.bind(("127.0.0.1", 0))
        server.address = f"127.0.0.1:{endpoint.getsockname()[1]}"

        def serve() -> None:
            while True:
                wire, sender = endpoint.recvfrom(4096)
                if wire == b"end":
                    return
                endpoint.sendto(server.answer(wire), sender)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield server
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"end", endpoint.getsockname())
        thread.join()
