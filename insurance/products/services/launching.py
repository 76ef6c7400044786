"""The launch of a draft: by one person, or by two where the organization asks for that."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalRequest
from insurance.approvals.queries import list_waiting
from insurance.approvals.rules import payload_hash
from insurance.approvals.services import make_void, request_approval
from insurance.approvals.subjects import Record, Subject, register
from insurance.audit_logs.rules import plain
from insurance.audit_logs.services import record
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError, ForbiddenError, raise_all
from insurance.organizations.queries import get_organization, local_day
from insurance.products import queries, rules
from insurance.products.models import Product, ProductStatus, ProductVersion, VersionStatus
from insurance.products.permissions import ProductsMay
from insurance.products.services.lifecycle import set_status
from insurance.products.services.snapshots import refuse_stale, snapshot, snapshot_both

_LISTED = 100
"""Of a rate table with more differences than this, a request says how many there are."""


def launch_product(
    product_id: UUID, *, version: int | None = None, reason: str = "", now: datetime
) -> Product:
    """Sell the draft from now on, if every check holds; the version before is superseded.

    Where the organization asks for a second person, the product stays as it is, `reason` is
    needed, and the launch waits in the approvals.
    """
    with transaction() as session:
        product = queries.get_product(session, product_id, lock=True)
        refuse_stale("product", {}, {}, product.version, version)
        draft = queries.find_draft(session, product.id)
        if draft is None:
            raise ConflictError(
                f"There is no draft to launch: the product is {product.status}.",
                detail={"current_status": str(product.status)},
            )
        if get_organization(session).launch_needs_second_person:
            _ask(session, product, draft, reason, now)
        else:
            launch_draft(session, product, draft, now)
    return product


def refuse_alone(session: Session) -> None:
    """Refuse to make and launch a product in one go where two people launch."""
    if get_organization(session).launch_needs_second_person:
        raise DomainError(
            "Two people launch a product here. Create it without is_active and ask for its launch.",
            field="is_active",
        )


def _ask(
    session: Session, product: Product, draft: ProductVersion, reason: str, now: datetime
) -> None:
    raise_all(queries.launch_problems(session, draft, local_day(session, now)))
    launched = queries.find_launched(session, product.id)
    for waiting in list_waiting(session, "products", product.id):
        if not _stands(session, product, draft, waiting):
            make_void(session, waiting, why="The draft has changed since.", now=now)
    request_approval(
        session,
        LAUNCH,
        product.id,
        record_version=product.version,
        title=f"Launch version {draft.number} of {product.name}",
        amount=None,
        payload={
            "version_number": draft.number,
            "replaces_version": launched.number if launched else None,
            "content_hash": _content_hash(session, draft),
            "changes": _changes(session, launched, draft),
        },
        reason=reason,
        now=now,
    )


def find_waiting_launch(session: Session, product: Product) -> ApprovalRequest | None:
    """Return the launch of a product's draft, as it is, that waits for a second person, or None."""
    waiting = list_waiting(session, "products", product.id)
    draft = queries.find_draft(session, product.id) if waiting else None
    if draft is None:
        return None
    return next((one for one in waiting if _stands(session, product, draft, one)), None)


def _stands(
    session: Session, product: Product, draft: ProductVersion, request: ApprovalRequest
) -> bool:
    asked = request.record_version, request.payload["content_hash"]
    return asked == (product.version, _content_hash(session, draft))


def _changes(
    session: Session, launched: ProductVersion | None, draft: ProductVersion
) -> list[dict[str, Any]]:
    """Return what a launch changes for new quotes; of a long rate table, how many rates."""
    found = []
    for part in queries.compare_versions(session, launched, draft):
        listed = part.differences
        if len(listed) > _LISTED:
            listed = [queries.Difference("rates_that_differ", None, len(listed))]
        found += [
            {"title": part.title, "kind": part.kind}
            | {"field": one.field, "before": one.before, "after": one.after}
            for one in listed
        ]
    return found


def execute_launch(
    session: Session, request: ApprovalRequest, *, on: date, now: datetime
) -> Product:
    """Launch a draft that a second person agreed to, as a step of the approval.

    Raises ConflictError where the draft is not the one that was asked for.
    """
    product = queries.get_product(session, request.resource_id, lock=True)
    draft = queries.find_draft(session, product.id)
    if draft is None or _content_hash(session, draft) != request.payload["content_hash"]:
        raise ConflictError("The draft has changed since this was asked for.")
    launch_draft(session, product, draft, now)
    return product


def _check_checker(session: Session, request: ApprovalRequest) -> None:
    """Refuse who may not launch, or made any of what would be sold. Raises ForbiddenError."""
    actor = current_actor()
    if not actor.may(ProductsMay.LAUNCH):
        raise ForbiddenError("It waits for somebody who may launch products.")
    draft = queries.find_draft(session, request.resource_id)
    if draft is not None:
        rules.check_launcher(_authors(session, draft), str(actor.user_id))


def _lock(session: Session, product_id: UUID) -> int:
    return queries.get_product(session, product_id, lock=True).version


PRODUCT = Record(
    resource="products",
    name="product",
    lock=_lock,
    endpoint="products.show",
    may_view=ProductsMay.VIEW,
)
LAUNCH = register(
    Subject(
        action="products.launch",
        record=PRODUCT,
        execute=execute_launch,
        check_checker=_check_checker,
    )
)


def _authors(session: Session, draft: ProductVersion) -> set[str]:
    """Return who drafted, and who made the rate tables that the version sold so far has not."""
    launched = queries.find_launched(session, draft.product_id)
    tables = queries.get_content(session, draft).rate_tables
    approved = queries.get_content(session, launched).rate_tables if launched else {}
    made = {str(table.made_by) for id_, table in tables.items() if id_ not in approved}
    return made | set(draft.drafted_by)


def _content_hash(session: Session, draft: ProductVersion) -> str:
    """Return the hash of all that a draft says, whoever wrote it."""
    content = queries.get_content(session, draft)
    said: dict[str, Any] = {
        "terms": snapshot(draft) | {"drafted_by": None},
        "benefits": [snapshot(benefit) for benefit in content.benefits],
        "inception_rules": [snapshot(rule) for rule in content.inception_rules],
    }
    return payload_hash(plain(said))


def launch_draft(
    session: Session,
    product: Product,
    draft: ProductVersion,
    now: datetime,
    *,
    hint: str = "",
) -> None:
    """Check and launch a draft as a step; `hint` leads the refusals."""
    problems = queries.launch_problems(session, draft, local_day(session, now))
    if problems and hint:
        problems.insert(0, DomainError(hint, field="is_active"))
    raise_all(problems)
    before = snapshot_both(product, draft)
    launched = queries.find_launched(session, product.id)
    if launched is not None:
        launched.status = VersionStatus.SUPERSEDED
        session.flush()
    draft.status = VersionStatus.LAUNCHED
    draft.launched_at = now
    set_status(product, ProductStatus.LAUNCHED, now)
    session.flush()
    record(
        session,
        action="products.launch",
        resource="products",
        resource_id=product.id,
        before=before,
        after=snapshot_both(product, draft),
    )
