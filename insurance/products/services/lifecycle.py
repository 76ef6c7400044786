"""The end of a product: withdrawn, or thrown away while it is a draft."""

from datetime import datetime
from uuid import UUID

from insurance.audit_logs.services import record
from insurance.core.db import transaction
from insurance.core.errors import ConflictError
from insurance.products import queries
from insurance.products.models import (
    Product,
    ProductStatus,
    VersionStatus,
)
from insurance.products.services.snapshots import refuse_stale, snapshot, snapshot_both


def withdraw_product(
    product_id: UUID, *, reason: str = "", version: int | None = None, now: datetime
) -> Product:
    """Stop selling a product. Policies keep their version; open quotes cannot be accepted."""
    with transaction() as session:
        product = queries.get_product(session, product_id, lock=True)
        refuse_stale("product", {}, {}, product.version, version)
        launched = queries.find_launched(session, product.id)
        if launched is None:
            raise ConflictError(
                f"Only a launched product can be withdrawn; this one is {product.status}.",
                detail={"current_status": str(product.status)},
            )
        before = snapshot_both(product, launched)
        launched.status = VersionStatus.WITHDRAWN
        set_status(product, ProductStatus.WITHDRAWN, now)
        session.flush()
        record(
            session,
            action="products.withdraw",
            resource="products",
            resource_id=product.id,
            before=before,
            after=snapshot_both(product, launched),
            reason=reason or None,
        )
    return product


def delete_product(product_id: UUID) -> None:
    """Delete a product that was never launched, with its draft."""
    with transaction() as session:
        product = queries.get_product(session, product_id, lock=True)
        if queries.was_ever_launched(session, product.id):
            raise ConflictError(
                "A product that has been launched is kept. Withdraw it instead.",
                detail={"current_status": str(product.status)},
            )
        draft = queries.get_current_version(session, product.id)
        before = snapshot_both(product, draft)
        session.delete(product)
        session.flush()
        record(
            session,
            action="products.delete",
            resource="products",
            resource_id=product.id,
            before=before,
        )


def discard_draft(product_id: UUID, *, now: datetime) -> Product:
    """Throw away the draft of a product that has been launched before."""
    with transaction() as session:
        product = queries.get_product(session, product_id, lock=True)
        draft = queries.find_draft(session, product.id)
        if draft is None:
            raise ConflictError("There is no draft to discard.")
        if not queries.was_ever_launched(session, product.id):
            raise ConflictError("This draft is all there is of the product. Delete the product.")
        before = snapshot(draft)
        session.delete(draft)
        product.version += 1
        product.updated_at = now
        session.flush()
        record(
            session,
            action="products.discard_draft",
            resource="products",
            resource_id=product.id,
            before=before,
        )
    return product


def set_status(product: Product, status: ProductStatus, now: datetime) -> None:
    """Move a product on, as a step of a command."""
    product.status = status
    product.version += 1
    product.updated_at = now
