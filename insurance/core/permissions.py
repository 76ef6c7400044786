"""What a permission is, and the roles that have it by default. Each area declares its own."""

from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from typing import Self


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

READ_ONLY_VERBS = frozenset({"view", "export"})
"""What an auditor's permissions may end in; a test holds the declarations to it."""


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
    def label(self) -> str:
        """Return the permission in words, such as "Customers: reveal"."""
        resource, verb = self.value.split(".")
        return f"{resource.replace('_', ' ').capitalize()}: {verb}"


def list_permissions() -> list[Permission]:
    """Return what all areas declare, by resource."""
    resources = sorted(Permission.__subclasses__(), key=lambda resource: resource.__name__)
    return [permission for resource in resources for permission in resource]


def permissions_named(words: Iterable[str]) -> frozenset[Permission]:
    """Return the permissions of some words; a word that nobody declares is left out."""
    wanted = frozenset(words)
    return frozenset(one for one in list_permissions() if one in wanted)


@lru_cache
def granted_to(roles: frozenset[Role]) -> frozenset[Permission]:
    """Return what a person of these roles may do."""
    return frozenset(one for one in list_permissions() if one.roles & roles)
