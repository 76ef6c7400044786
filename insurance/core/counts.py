"""How many of something a tenant has, without counting them: the dashboard's cheap figures.

A count is spread over shards, so that two commands rarely wait for each other's row.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from insurance.core.db import TenantTable, before_every_commit, can_wait, gathered
from insurance.core.reading import read_rows
from insurance.core.tenancy import current_org

SHARDS = 16
_COUNTS = "counts"
_SUMS = """
    SELECT subject, sum(items) FROM ins.tenant_counts
    WHERE org_id = %(org)s AND subject = ANY(%(subjects)s) GROUP BY subject"""


class TenantCount(TenantTable):
    """A part of the count of one subject, such as customers."""

    __tablename__ = "tenant_counts"

    subject: Mapped[str] = mapped_column(primary_key=True)
    shard: Mapped[int] = mapped_column(primary_key=True)
    items: Mapped[int]


def shard_of(record_id: UUID) -> int:
    """Return the shard that counts a record: its last random bits."""
    return record_id.int % SHARDS


def count_change(session: Session, subject: str, record_id: UUID, change: int = 1) -> None:
    """Add to a subject's count."""
    count_changes(session, {subject: change}, record_id)


def count_changes(session: Session, changes: Mapping[str, int], record_id: UUID) -> None:
    """Add to the counts of several subjects."""
    shard = shard_of(record_id)
    count_by_shard(session, {(subject, shard): change for subject, change in changes.items()})


def count_by_shard(session: Session, changes: Mapping[tuple[str, int], int]) -> None:
    """Add to the counts of subjects for many records at once, by subject and `shard_of` each.

    All that a command counts is added at its end, as the rows stay locked to its commit.
    """
    if can_wait(session):
        gathered(session, _COUNTS).extend(changes.items())
    else:
        _add(session, changes.items())


before_every_commit(lambda session: _add(session, gathered(session, _COUNTS)))


def _add(session: Session, changes: Iterable[tuple[tuple[str, int], int]]) -> None:
    """Add to counts, in an order in which no two commands cross."""
    sums: Counter[tuple[str, int]] = Counter()
    for key, change in changes:
        sums[key] += change
    rows = [
        {"org_id": current_org(), "subject": subject, "shard": shard, "items": change}
        for (subject, shard), change in sorted(sums.items())
        if change
    ]
    if not rows:
        return
    wanted = insert(TenantCount).values(rows)
    session.execute(
        wanted.on_conflict_do_update(
            index_elements=["org_id", "subject", "shard"],
            set_={"items": TenantCount.items + wanted.excluded["items"]},
        )
    )


def get_counts(session: Session, subjects: Iterable[str]) -> dict[str, int]:
    """Return the count of each subject."""
    wanted = list(subjects)
    rows = read_rows(session, _SUMS, {"org": current_org(), "subjects": wanted})
    found = {subject: int(items) for subject, items in rows}
    return {subject: found.get(subject, 0) for subject in wanted}
