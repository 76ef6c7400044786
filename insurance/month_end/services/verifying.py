"""Proving that a run's plan is the one that was approved: its effects still give its hash."""

import hashlib
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from insurance.core.tenancy import current_org
from insurance.month_end import queries
from insurance.month_end.models import MonthEndChunk
from insurance.month_end.services.chunks import effects_of_chunk
from insurance.month_end.services.effects import hash_of_texts

_SAID = text(
    """
    SELECT id, action, after ->> 'hash' AS hash FROM ins.audit_events
    WHERE org_id = :org AND resource = 'month_end_runs' AND resource_id = :run
      AND action IN ('month_end.planned', 'month_end.approve') AND after ? 'hash'
    ORDER BY id
    """
)


def verify_plan(session: Session, run_id: UUID) -> list[str]:
    """Return what of a run's plan is not as it was planned and audited, in words.

    Each part of the book is hashed again from its effects; the parts give the run's hash, and the
    audit log says the same. Raises NotFoundError.
    """
    run = queries.get_run(session, run_id)
    found, hashes = [], []
    for chunk in session.scalars(
        select(MonthEndChunk)
        .where(MonthEndChunk.org_id == current_org(), MonthEndChunk.run_id == run_id)
        .order_by(MonthEndChunk.number)
    ).all():
        hashes.append(chunk.hash or "")
        if chunk.planned_at is not None and _hash_again(session, chunk) != chunk.hash:
            found.append(f"The effects of part {chunk.number} are not those that were planned.")
    if run.hash is not None and hash_of_texts(hashes) != run.hash:
        found.append("The parts of the plan do not give its hash.")
    said = session.execute(_SAID, {"org": current_org(), "run": str(run_id)}).all()
    if run.hash is not None and not said:
        found.append("The audit log does not know the plan.")
    found += [
        f"The audit log's {row.action} knows another hash." for row in said if row.hash != run.hash
    ]
    return found


def _hash_again(session: Session, chunk: MonthEndChunk) -> str:
    again = hashlib.sha256()
    for effect in effects_of_chunk(session, chunk):
        again.update(effect.text.encode())
    return again.hexdigest()
