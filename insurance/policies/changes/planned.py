"""Writing changes as a plan lists them, without reading them into the program first."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session


class PlannedChanges:
    """Writes events, and what rises leave, from the rows of a plan.

    `rows_from` returns by a target's name what its rows `r` are read from: `events`, `versions`,
    `endorsements`, `contracts`, `benefits`, `objects` and `layers`; `o` is the organization's row.
    """

    def __init__(self, rows_from: Callable[[str], str]) -> None:
        self._events = text(
            f"""
            INSERT INTO ins.policy_events (org_id, id, policy_id, sequence, category, event_type,
                effective_date, recorded_at, description, payload, actor, request_id)
            SELECT o.org_id, r.id, r.policy_id, r.sequence, r.category, r.event_type, r.effective_date,
                   :now, r.description, r.payload, CAST(:actor AS text), CAST(:request AS text)
            {rows_from("events")}
            """
        )
        versions = text(
            f"""
            INSERT INTO ins.policy_versions (org_id, id, policy_id, version_number, event_id,
                effective_date, snapshot_date, change_reason, change_description, policy_snapshot)
            SELECT o.org_id, r.id, r.policy_id, r.version_number, r.event_id, r.effective_date, :now,
                   r.change_reason, r.change_description, r.policy_snapshot
            {rows_from("versions")}
            """
        )
        endorsements = text(
            f"""
            INSERT INTO ins.endorsements (org_id, id, policy_id, type, status, effective_date,
                change, reason, priced_on_version, priced, created_at, created_by, issued_at,
                applied_at, event_id, version_number)
            SELECT o.org_id, r.id, r.policy_id, r.type, r.status, r.effective_date, r.change, r.reason,
                   r.priced_on_version, r.priced, :now, CAST(:actor AS text), :now, :now,
                   r.event_id, r.version_number
            {rows_from("endorsements")}
            """
        )
        self._contracts = text(
            f"""
            UPDATE ins.policies p
            SET premium = v.premium, coverage_amount = v.cover, current_version = v.version,
                instalment = v.instalment, updated_at = :now
            FROM (SELECT r.* {rows_from("contracts")}) v
            WHERE p.org_id = :org AND p.id = v.policy_id
            """  # noqa: S608 - sources are constants of the caller
        )
        benefits = text(
            f"""
            UPDATE ins.policy_benefits b SET premium = v.premium, sum_assured = v.cover
            FROM (SELECT r.* {rows_from("benefits")}) v WHERE b.org_id = :org AND b.id = v.id
            """  # noqa: S608 - sources are constants of the caller
        )
        objects = text(
            f"""
            UPDATE ins.policy_objects o SET value = v.value
            FROM (SELECT r.* {rows_from("objects")}) v WHERE o.org_id = :org AND o.id = v.id
            """  # noqa: S608 - sources are constants of the caller
        )
        layers = text(
            f"""
            INSERT INTO ins.policy_benefit_layers (org_id, id, policy_benefit_id, number, amount,
                starts_on, waiting_days, waiting_until, reason)
            SELECT o.org_id, r.id, r.policy_benefit_id, r.number, r.amount, r.starts_on,
                   r.waiting_days, r.waiting_until, r.reason
            {rows_from("layers")}
            """
        )
        self._history, self._contents = (versions, endorsements), (benefits, objects, layers)
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
        session.execute(self._events, values)

    def write_rises(self, session: Session, values: Mapping[str, Any]) -> int:
        """Write what rises leave of history and contracts; return how many policies rise."""
        for statement in self._history:
            session.execute(statement, values)
        raised: Any = session.execute(self._contracts, values)
        for statement in self._contents:
            session.execute(statement, values)
        return int(raised.rowcount)

    def count(self, session: Session, values: Mapping[str, Any]) -> None:
        """Bring the portfolio's figures to the rises of the plan."""
        session.execute(self._count, values)
