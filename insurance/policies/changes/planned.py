"""Writing changes as a plan lists them, without reading them into the program first."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from insurance.core.planned import PlannedInsert, PlannedUpdate, type_of
from insurance.policies.models import (
    BenefitLayer,
    Endorsement,
    InsuredObject,
    Policy,
    PolicyBenefit,
    PolicyEvent,
    PolicyVersion,
)


def _table(model: Any) -> Table:
    return model.__table__  # type: ignore[no-any-return]


_NOW, _ACTOR = "CAST(:now AS timestamptz)", "CAST(:actor AS text)"
_WHOSE = {"policy_id": "UUID"}
_POLICIES = _table(Policy)
PLANNED_CHANGES: dict[str, PlannedInsert | PlannedUpdate] = {
    "events": PlannedInsert(
        _table(PolicyEvent),
        {"recorded_at": _NOW, "actor": _ACTOR, "request_id": "CAST(:request AS text)"},
        empty=("reason",),
    ),
    "versions": PlannedInsert(_table(PolicyVersion), {"snapshot_date": _NOW}),
    "endorsements": PlannedInsert(
        _table(Endorsement),
        {"created_at": _NOW, "created_by": _ACTOR, "issued_at": _NOW, "applied_at": _NOW},
        empty=("ended_at",),
    ),
    "contracts": PlannedUpdate(
        _POLICIES,
        ("premium", "coverage_amount", "current_version", "instalment"),
        key="policy_id",
        written={"updated_at": _NOW},
        beside={
            "product_id": "UUID",
            "status": type_of(_POLICIES.c.status),
            "shard": "BIGINT",
            "premium_more": "NUMERIC",
            "cover_more": "NUMERIC",
        },
    ),
    "benefits": PlannedUpdate(_table(PolicyBenefit), ("premium", "sum_assured"), beside=_WHOSE),
    "objects": PlannedUpdate(_table(InsuredObject), ("value",), beside=_WHOSE),
    "layers": PlannedInsert(_table(BenefitLayer), beside=_WHOSE),
}
"""What a plan keeps of changes, by target. `contracts` has what the portfolio's figures gain too."""


class PlannedChanges:
    """Writes events, and what rises leave, from the rows of a plan: `rows_from` reads a target's."""

    def __init__(self, rows_from: Callable[[str], str]) -> None:
        self._statements = {
            target: text(planned.statement(rows_from(target)))
            for target, planned in PLANNED_CHANGES.items()
        }
        self._count = text(
            f"""
            INSERT INTO ins.portfolio_counts AS c
                (org_id, product_id, status, shard, policies, monthly_premium, cover)
            SELECT o.org_id, r.product_id, r.status, r.shard, 0, sum(r.premium_more), sum(r.cover_more)
            {rows_from("contracts")}
            GROUP BY o.org_id, r.product_id, r.status, r.shard ORDER BY o.org_id, r.product_id, r.status, r.shard
            ON CONFLICT (org_id, product_id, status, shard) DO UPDATE
            SET monthly_premium = c.monthly_premium + excluded.monthly_premium,
                cover = c.cover + excluded.cover
            """  # noqa: S608 - sources are constants of the caller
        )

    def write_events(self, session: Session, values: Mapping[str, Any]) -> None:
        """Append the events of the plan."""
        session.execute(self._statements["events"], values)

    def write_rises(self, session: Session, values: Mapping[str, Any]) -> int:
        """Write what rises leave of history and contracts; return how many policies rise."""
        written: dict[str, Any] = {
            target: session.execute(statement, values)
            for target, statement in self._statements.items()
            if target != "events"
        }
        return int(written["contracts"].rowcount)

    def count(self, session: Session, values: Mapping[str, Any]) -> None:
        """Bring the portfolio's figures to the rises of the plan."""
        session.execute(self._count, values)
