"""Which version an edit goes to, and copies of a launched one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import insert
from sqlalchemy.orm import Session

from insurance.core.context import current_actor
from insurance.core.db import TenantRecord
from insurance.core.errors import ConflictError
from insurance.core.ids import new_id
from insurance.products import queries
from insurance.products.models import (
    InceptionRule,
    Product,
    ProductBenefit,
    ProductVersion,
    VersionStatus,
)
from insurance.products.services.facts import EditMode

T = TypeVar("T", bound=TenantRecord)


def open_draft(session: Session, product: Product, mode: EditMode, now: datetime) -> ProductVersion:
    """Return the draft that an edit of a locked product goes to, cloned where the mode says so.

    Who acts is one of those who drafted it from here on.
    """
    draft = _opened(session, product, mode, now)
    mark_author(draft)
    return draft


def mark_author(draft: ProductVersion) -> None:
    """Note who works on a draft: that person cannot be the second one at its launch."""
    user_id = current_actor().user_id
    if user_id is not None and str(user_id) not in draft.drafted_by:
        draft.drafted_by = [*draft.drafted_by, str(user_id)]


def _opened(session: Session, product: Product, mode: EditMode, now: datetime) -> ProductVersion:
    draft = queries.find_draft(session, product.id)
    if mode is EditMode.CLONE and draft is not None:
        raise ConflictError(
            f"Version {draft.number} is already being drafted. Change, launch or discard it first.",
            field="mode",
            detail={"draft_version": draft.number, "allowed_modes": ["AUTO", "IN_PLACE"]},
        )
    if draft is not None:
        return draft
    if mode is EditMode.IN_PLACE:
        raise ConflictError(
            "A launched version cannot be changed in place. Clone it into a new draft.",
            field="mode",
            detail={"allowed_modes": ["AUTO", "CLONE"]},
        )
    return _clone(session, queries.get_current_version(session, product.id), now)


def _clone(session: Session, source: ProductVersion, now: datetime) -> ProductVersion:
    """Copy a version with its benefits and inception rules into a new draft."""
    newest = queries.list_versions(session, source.product_id)[0]
    draft = ProductVersion(
        **_columns(source)
        | {
            "id": new_id(),
            "number": newest.number + 1,
            "status": VersionStatus.DRAFT,
            "created_at": now,
            "launched_at": None,
            "drafted_by": [],
        }
    )
    session.add(draft)
    session.flush()
    _copy(session, ProductBenefit, queries.list_benefits(session, source.id), draft)
    _copy(session, InceptionRule, queries.list_inception_rules(session, source.id), draft)
    return draft


def _copy(session: Session, kind: type[T], records: Sequence[T], draft: ProductVersion) -> None:
    rows = [
        _columns(record) | {"id": new_id(), "product_version_id": draft.id, "version": 1}
        for record in records
    ]
    if rows:
        session.execute(insert(kind), rows)


def _columns(record: TenantRecord) -> dict[str, Any]:
    names = [column.key for column in record.__mapper__.column_attrs]
    return {name: getattr(record, name) for name in names}


def demand_draft(version: ProductVersion, what: str) -> None:
    """Refuse to touch what belongs to a version that was launched; note who touches a draft."""
    if version.status is not VersionStatus.DRAFT:
        raise ConflictError(
            f"This {what} belongs to version {version.number}, which is {version.status}"
            " and cannot change. Edit the product to start a new draft.",
            detail={"version_status": str(version.status), "allowed_modes": ["AUTO", "CLONE"]},
        )
    mark_author(version)
