"""Asking the DNS what a domain publishes."""

from dns.exception import DNSException
from dns.resolver import NXDOMAIN, NoAnswer, Resolver

from insurance.core.errors import DomainError

_PATIENCE_SECONDS = 5.0


class NoAnswerError(DomainError):
    """The DNS cannot be asked at present, which says nothing about the domain."""

    status = 503


def list_texts(name: str, *, server: str | None = None) -> list[str]:
    """Return the TXT records of a name, each in one piece; none where there is no such name.

    `server` is `address:port`; without one the machine's own resolver is asked. Raises
    NoAnswerError.
    """
    try:
        return [
            b"".join(found.strings).decode("utf-8", "replace")
            for found in _resolver(server).resolve(name, "TXT", search=False)
        ]
    except (NXDOMAIN, NoAnswer):
        return []
    except (DNSException, OSError) as error:
        raise NoAnswerError(f"The DNS gave no answer about {name}. Try again later.") from error


def _resolver(server: str | None) -> Resolver:
    resolver = Resolver(configure=server is None)
    resolver.lifetime = _PATIENCE_SECONDS
    if server is not None:
        address, _, port = server.rpartition(":")
        resolver.nameservers, resolver.port = [address], int(port)
    return resolver
