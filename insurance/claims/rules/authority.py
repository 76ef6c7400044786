"""Who may approve and pay how much. Nobody is without a limit."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from insurance.core.errors import ForbiddenError
from insurance.core.money import ZERO, format_money


@dataclass(frozen=True, slots=True)
class Limits:
    """What one person may approve or pay, in rand: at once, of a benefit, of a claim."""

    transaction: Decimal
    benefit: Decimal
    claim: Decimal


@dataclass(frozen=True, slots=True)
class Authority:
    """A role at a level."""

    role: str
    level: int


def _same(amount: int) -> Limits:
    return Limits(Decimal(amount), Decimal(amount), Decimal(amount))


DEFAULT_LIMITS: Mapping[Authority, Limits] = {
    **{
        Authority("claims_assessor", level): _same(amount)
        for level, amount in enumerate((100_000, 250_000, 500_000, 1_000_000, 5_000_000), 1)
    },
    **{
        Authority(role, level): _same(amount)
        for role in ("manager", "tenant_administrator")
        for level, amount in enumerate((1_000_000, 2_000_000, 3_000_000, 5_000_000, 10_000_000), 1)
    },
    **{
        Authority("finance", level): _same(amount)
        for level, amount in enumerate((1_000_000, 2_000_000, 3_000_000, 5_000_000, 10_000_000), 1)
    },
}
"""The limits of an organization that has not set its own."""


class AuthorityExceededError(ForbiddenError):
    """More than the person may approve or pay; `detail` says the limit and who may."""

    def __init__(self, message: str, detail: dict[str, Any]) -> None:
        super().__init__(message)
        self.detail = detail


def limits_of(roles: Iterable[str], level: int, table: Mapping[Authority, Limits]) -> Limits:
    """Return the widest limits of a person's roles at their level; nothing for other roles."""
    found = [table[one] for role in roles if (one := Authority(role, level)) in table]
    return max(found, key=lambda one: one.transaction, default=Limits(ZERO, ZERO, ZERO))


def check_authority(
    limits: Limits,
    table: Mapping[Authority, Limits],
    *,
    transaction: Decimal,
    benefits: Iterable[Decimal],
    claim: Decimal,
    allowed: frozenset[str],
) -> None:
    """Refuse what is above a person's limits. Raises AuthorityExceededError.

    `allowed` are the roles that hold the permission at all, so that the refusal can name who may.
    """
    highest = max(benefits, default=ZERO)
    for what, amount, limit in (
        ("at once", transaction, limits.transaction),
        ("of one benefit", highest, limits.benefit),
        ("of one claim", claim, limits.claim),
    ):
        if amount > limit:
            wanted = Limits(transaction, highest, claim)
            raise AuthorityExceededError(
                f"{format_money(amount)} is above your limit of {format_money(limit)} {what}.",
                {
                    "code": "AUTHORITY_EXCEEDED",
                    "limit": limit,
                    "amount": amount,
                    "scope": what,
                    "may_approve": _who_may(table, wanted, allowed),
                },
            )


def _who_may(
    table: Mapping[Authority, Limits], wanted: Limits, allowed: frozenset[str]
) -> list[dict[str, object]]:
    """Return the lowest level of each role whose limits are wide enough."""
    found: dict[str, int] = {}
    for one, limits in table.items():
        is_enough = (
            limits.transaction >= wanted.transaction
            and limits.benefit >= wanted.benefit
            and limits.claim >= wanted.claim
        )
        if is_enough and one.role in allowed:
            found[one.role] = min(one.level, found.get(one.role, one.level))
    return [{"role": role, "level": level} for role, level in sorted(found.items())]
