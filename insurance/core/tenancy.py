"""Which organization the running code works for. Without one, tenant tables cannot be reached."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

PLATFORM_ORG_ID = UUID("00000000-0000-7000-8000-000000000001")
"""The organization of the people who run the platform; its audit log holds what they do."""

_PLATFORM = "platform"
_scope: ContextVar[UUID | str | None] = ContextVar("tenant_scope", default=None)
_on_switch: list[Callable[[], None]] = []


class NoTenantError(RuntimeError):
    """The database was asked for tenant data outside a tenant scope."""


def current_org() -> UUID:
    """Return the organization in scope. Raises NoTenantError outside one."""
    org = _scope.get()
    if not isinstance(org, UUID):
        raise NoTenantError("There is no organization in scope.")
    return org


def scope_setting() -> UUID | None:
    """Return what a transaction must announce: the organization, or None in the platform scope.

    Raises NoTenantError where no scope was entered at all.
    """
    org = _scope.get()
    if org is None:
        raise NoTenantError("The database was used outside tenant_scope() and platform_scope().")
    return org if isinstance(org, UUID) else None


@contextmanager
def tenant_scope(org_id: UUID) -> Iterator[None]:
    """Work for one organization: every transaction begun inside announces it to the database."""
    with _entered(UUID(str(org_id))):
        yield


@contextmanager
def platform_scope() -> Iterator[None]:
    """Work on the control plane alone: tenant tables show no rows in here."""
    with _entered(_PLATFORM):
        yield


def on_switch(end_open_transaction: Callable[[], None]) -> None:
    """Register what must happen before the scope changes."""
    _on_switch.append(end_open_transaction)


@contextmanager
def _entered(scope: UUID | str) -> Iterator[None]:
    if scope == _scope.get():
        yield
        return
    _switching()
    token = _scope.set(scope)
    try:
        yield
    finally:
        _switching()
        _scope.reset(token)


def _switching() -> None:
    for end_open_transaction in _on_switch:
        end_open_transaction()
