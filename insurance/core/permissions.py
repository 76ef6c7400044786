"""What a permission is, and the roles that have it by default. Each area declares its own."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple, Self

from insurance.core.text import code_in_words


class Role(StrEnum):
    """What a person is in an organization."""

    PLATFORM_ADMINISTRATOR = "platform_administrator"
    TENANT_ADMINISTRATOR = "tenant_administrator"
    MANAGER = "manager"
    SENIOR_AGENT = "senior_agent"
    AGENT = "agent"
    UNDERWRITER = "underwriter"
    CLAIMS_ASSESSOR = "claims_assessor"
    FINANCE = "finance"
    AUDITOR = "auditor"

    @property
    def label(self) -> str:
        """Return the role in words."""
        return self.value.replace("_", " ").capitalize()


TENANT_ROLES = tuple(role for role in Role if role is not Role.PLATFORM_ADMINISTRATOR)
"""The roles an organization's own administrators may hand out."""

READ_ONLY_ROLES = frozenset({Role.AUDITOR})
"""The roles that change nothing, whatever an organization grants."""
_READ_ONLY_VERBS = frozenset({"view", "export"})
# Where the rail has another name for it than its code.
_ABOUT = {"audit": "Audit log", "senders": "Email senders", "tokens": "API keys"}


class Permission(StrEnum):
    """What somebody may do, named resource.verb; API key scopes use the same words.

    An area declares one subclass a resource in its `permissions.py`, named after it: `ClaimsMay`
    holds `PAY = "claims.pay", Role.FINANCE`, the word and the roles that have it by default.
    """

    _value_: str
    roles: frozenset[Role]

    def __new__(cls, word: str, *roles: Role) -> Self:
        """Return the permission of a word."""
        permission = str.__new__(cls, word)
        permission._value_ = word
        permission.roles = frozenset(roles)
        return permission

    @property
    def resource(self) -> str:
        """Return what it is about, in words, such as "Customers"."""
        code = self.value.split(".")[0]
        return _ABOUT.get(code) or code_in_words(code)

    @property
    def verb(self) -> str:
        """Return what may be done with that, in words, such as "reveal"."""
        return self.value.split(".")[1].replace("_", " ")

    @property
    def label(self) -> str:
        """Return the permission in words, such as "Customers: reveal"."""
        return f"{self.resource}: {self.verb}"

    @property
    def only_reads(self) -> bool:
        """Tell whether nothing is changed or revealed by it."""
        return self.value.split(".")[1] in _READ_ONLY_VERBS


def scopes_in_words(scopes: Iterable[str]) -> str:
    """Return permissions by what they are about: `Claims: pay, view; Customers: view`."""
    verbs: dict[str, list[str]] = {}
    for permission in sorted(permissions_named(scopes)):
        verbs.setdefault(permission.resource, []).append(permission.verb)
    return "; ".join(f"{resource}: {', '.join(named)}" for resource, named in verbs.items())


def list_permissions() -> list[Permission]:
    """Return what all areas declare, by resource."""
    resources = sorted(Permission.__subclasses__(), key=lambda resource: resource.__name__)
    return [permission for resource in resources for permission in resource]


def permissions_named(words: Iterable[str]) -> frozenset[Permission]:
    """Return the permissions of some words; a word that nobody declares is left out."""
    wanted = frozenset(words)
    return frozenset(permission for permission in list_permissions() if permission in wanted)


class GrantChange(NamedTuple):
    """Where an organization differs from the default: a role is given something, or loses it."""

    role: Role
    permission: Permission
    is_granted: bool


UNCHANGED = frozenset[GrantChange]()
"""The changes of an organization that keeps to the default."""


def read_changes(rows: Iterable[Sequence[Any]]) -> frozenset[GrantChange]:
    """Return changes as they were stored; of permissions that nobody declares any more, none."""
    stored = list(rows)
    declared = {one.value: one for one in permissions_named(word for _, word, _ in stored)}
    return frozenset(
        GrantChange(Role(role), declared[word], is_granted)
        for role, word, is_granted in stored
        if word in declared
    )


@lru_cache(1024)
def granted_to(
    roles: frozenset[Role], changes: frozenset[GrantChange] = UNCHANGED
) -> frozenset[Permission]:
    """Return what a person of these roles may do in an organization with these changes."""
    held = {(role, permission) for permission in list_permissions() for role in permission.roles}
    held |= {(change.role, change.permission) for change in changes if change.is_granted}
    held -= {(change.role, change.permission) for change in changes if not change.is_granted}
    return frozenset(permission for role, permission in held if role in roles)


def roles_granted(
    permission: Permission, changes: frozenset[GrantChange] = UNCHANGED
) -> frozenset[Role]:
    """Return the roles that may do something in an organization with these changes."""
    return frozenset(role for role in Role if permission in granted_to(frozenset({role}), changes))
