"""Index tables, notices and refusals of rises, and escalation by product version."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, String, Uuid, any_, cast, literal, select, text, tuple_
from sqlalchemy.orm import Session

from insurance.core.bulk import id_array
from insurance.core.paging import Page, page_of
from insurance.core.tenancy import current_org
from insurance.month_end.models import (
    EscalationNotice,
    EscalationRefusal,
    EscalationRule,
    IndexValue,
)


def list_index_values(
    session: Session, *, limit: int, after: tuple[str, date] | None = None, code: str | None = None
) -> Page[IndexValue]:
    """Return index tables by code, the newest month first."""
    wanted = select(IndexValue).where(IndexValue.org_id == current_org())
    if code is not None:
        wanted = wanted.where(IndexValue.index_code == code)
    if after is not None:
        wanted = wanted.where(
            (IndexValue.index_code > after[0])
            | ((IndexValue.index_code == after[0]) & (IndexValue.month < after[1]))
        )
    wanted = wanted.order_by(IndexValue.index_code, IndexValue.month.desc()).limit(limit + 1)
    rows = session.scalars(wanted).all()
    return page_of(rows, limit, lambda row: (row.index_code, row.month))


def load_index(session: Session) -> dict[tuple[str, date], Decimal]:
    """Return every value of the tenant's index tables by code and month."""
    rows = session.execute(
        select(IndexValue.index_code, IndexValue.month, IndexValue.value).where(
            IndexValue.org_id == current_org()
        )
    )
    return {(code, month): value for code, month, value in rows}


def list_refusals(session: Session, policy_ids: Iterable[UUID]) -> Sequence[EscalationRefusal]:
    """Return the refusals of policies, also those that were withdrawn, newest first."""
    return session.scalars(
        select(EscalationRefusal)
        .where(
            EscalationRefusal.org_id == current_org(),
            EscalationRefusal.policy_id == _any_of(policy_ids),
        )
        .order_by(EscalationRefusal.refused_from.desc(), EscalationRefusal.id.desc())
    ).all()


def find_open_refusal(session: Session, policy_id: UUID) -> EscalationRefusal | None:
    """Return a policy's refusal that was not withdrawn, locked."""
    return session.scalars(
        select(EscalationRefusal)
        .where(
            EscalationRefusal.org_id == current_org(),
            EscalationRefusal.policy_id == policy_id,
            EscalationRefusal.withdrawn_from.is_(None),
        )
        .with_for_update()
    ).one_or_none()


def list_notices(session: Session, policy_id: UUID) -> Sequence[EscalationNotice]:
    """Return the proof that a policy's holder was told of rises, newest first."""
    return session.scalars(
        select(EscalationNotice)
        .where(EscalationNotice.org_id == current_org(), EscalationNotice.policy_id == policy_id)
        .order_by(EscalationNotice.anniversary.desc())
    ).all()


def find_notice(session: Session, policy_id: UUID, anniversary: date) -> EscalationNotice | None:
    """Return what a policy's holder was told of the rise of one anniversary, or None."""
    return session.scalars(
        select(EscalationNotice).where(
            EscalationNotice.org_id == current_org(),
            EscalationNotice.policy_id == policy_id,
            EscalationNotice.anniversary == anniversary,
        )
    ).one_or_none()


def _any_of(policy_ids: Iterable[UUID]) -> Any:
    # An array in one text, not a list of thousands of parameters.
    return any_(cast(literal(id_array(policy_ids), String), ARRAY(Uuid)))


def list_escalation_rules(
    session: Session, policy_ids: Iterable[UUID] | None = None
) -> Sequence[EscalationRule]:
    """Return rules of the tenant, products and versions; or those of policies."""
    wanted = select(EscalationRule).where(EscalationRule.org_id == current_org())
    if policy_ids is None:
        wanted = wanted.where(EscalationRule.policy_id.is_(None))
    else:
        wanted = wanted.where(EscalationRule.policy_id == _any_of(policy_ids))
    order = tuple_(EscalationRule.valid_from, EscalationRule.id)
    return session.scalars(wanted.order_by(order)).all()


_VERSIONS = text(
    """
    SELECT v.id, pr.name, v.number FROM ins.product_versions v
    JOIN ins.products pr ON pr.org_id = v.org_id AND pr.id = v.product_id
    WHERE v.org_id = :org AND v.status <> 'draft' ORDER BY pr.name, v.number DESC LIMIT 1000
    """
)


def list_sold_versions(session: Session) -> list[tuple[UUID, str, int]]:
    """Return the product versions that were launched: id, product and number."""
    return [(row[0], row[1], row[2]) for row in session.execute(_VERSIONS, {"org": current_org()})]
