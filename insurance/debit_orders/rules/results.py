"""What a bank's answer does to an item, and what must be posted for it."""

from dataclasses import dataclass
from enum import StrEnum


class ItemStatus(StrEnum):
    """Where a debit stands."""

    INCLUDED = "INCLUDED"
    EXCLUDED = "EXCLUDED"
    SUBMITTED = "SUBMITTED"
    PAID = "PAID"
    UNPAID = "UNPAID"


class Result(StrEnum):
    """What a bank says of a debit. A dispute comes back after it was paid."""

    PAID = "PAID"
    UNPAID = "UNPAID"
    DISPUTED = "DISPUTED"


class DebitVerdict(StrEnum):
    """What became of one row of results."""

    APPLIED = "APPLIED"
    DUPLICATE = "DUPLICATE"
    UNKNOWN = "UNKNOWN"
    CONFLICT = "CONFLICT"


class Post(StrEnum):
    """What the caller must post: money received, its reversal, money nobody expects, nothing."""

    RECEIPT = "RECEIPT"
    REVERSAL = "REVERSAL"
    SUSPENSE = "SUSPENSE"
    NOTHING = "NOTHING"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one result does to one item."""

    verdict: DebitVerdict
    post: Post
    status: ItemStatus | None = None


def judge(status: ItemStatus | None, result: Result) -> Judgement:
    """Decide by the item's status (None: there is no such item) and the bank's answer.

    Only what was submitted can be answered. A debit that came back unpaid stays so: money that
    arrives for it later goes to suspense, because the premium may be in another run by then.
    """
    is_paid = result is Result.PAID
    nothing_sent = status in (None, ItemStatus.INCLUDED, ItemStatus.EXCLUDED)
    if nothing_sent:
        return Judgement(DebitVerdict.UNKNOWN, Post.SUSPENSE if is_paid else Post.NOTHING)
    if status is ItemStatus.SUBMITTED:
        if is_paid:
            return Judgement(DebitVerdict.APPLIED, Post.RECEIPT, ItemStatus.PAID)
        return Judgement(DebitVerdict.APPLIED, Post.NOTHING, ItemStatus.UNPAID)
    if status is ItemStatus.PAID and not is_paid:
        return Judgement(DebitVerdict.APPLIED, Post.REVERSAL, ItemStatus.UNPAID)
    if status is ItemStatus.UNPAID and is_paid:
        return Judgement(DebitVerdict.CONFLICT, Post.SUSPENSE)
    return Judgement(DebitVerdict.DUPLICATE, Post.NOTHING)
