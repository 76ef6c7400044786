"""Who is acting, through which door, and under which request id."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from enum import StrEnum
from uuid import UUID

from insurance.core.permissions import UNCHANGED, GrantChange, Permission, Role, granted_to


class Channel(StrEnum):
    """The door a change came through."""

    BROWSER = "BROWSER"
    API = "API"
    JOB = "JOB"
    CLI = "CLI"


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a program, acting for one organization. Scopes narrow what the roles allow.

    `grant_changes` are where the organization's roles differ from the default, `timezone` is the
    one of the organization, where a sign-in has read it.
    """

    user_id: UUID | None = None
    email: str = "system"
    name: str = "System"
    org_id: UUID | None = None
    roles: frozenset[Role] = frozenset()
    grant_changes: frozenset[GrantChange] = UNCHANGED
    timezone: str | None = None
    scopes: frozenset[Permission] | None = None
    channel: Channel = Channel.CLI
    method: str = ""
    ip: str | None = None
    request_id: str | None = None
    is_system: bool = field(default=False)

    @property
    def permissions(self) -> frozenset[Permission]:
        """Return what the roles grant, narrowed by the token's scopes."""
        granted = granted_to(self.roles, self.grant_changes)
        return granted if self.scopes is None else granted & self.scopes

    def may(self, permission: Permission) -> bool:
        """Tell whether this actor is allowed something."""
        return self.is_system or permission in self.permissions

    def within(self, **changes: object) -> "Actor":
        """Return the same actor with some particulars changed."""
        return replace(self, **changes)  # type: ignore[arg-type]


SYSTEM = Actor(is_system=True)
_actor: ContextVar[Actor] = ContextVar("actor", default=SYSTEM)


def current_actor() -> Actor:
    """Return who is acting; the system itself where nobody signed in (jobs, command line)."""
    return _actor.get()


@contextmanager
def acting_as(actor: Actor) -> Iterator[Actor]:
    """Let somebody act for the length of a block."""
    token = _actor.set(actor)
    try:
        yield actor
    finally:
        _actor.reset(token)
