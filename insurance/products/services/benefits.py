"""Benefits of a product's draft version."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.db import constraint_of, transaction
from insurance.core.errors import ConflictError, DomainError, raise_all
from insurance.products import queries, validity
from insurance.products.models import (
    BenefitRateBasis,
    Product,
    ProductBenefit,
    ProductVersion,
    RateBasis,
)
from insurance.products.rules import object_kinds
from insurance.products.services.facts import EditMode, NewBenefit
from insurance.products.services.snapshots import assign, refuse_stale, snapshot
from insurance.products.services.versions import demand_draft, open_draft

EDITABLE = frozenset(NewBenefit.__dataclass_fields__)


def add_benefit(
    product_id: UUID, facts: NewBenefit, *, mode: EditMode = EditMode.AUTO, now: datetime
) -> ProductBenefit:
    """Add a benefit to a product's draft; a launched version is cloned into one first."""
    with transaction() as session:
        product = queries.get_product(session, product_id, lock=True)
        draft = open_draft(session, product, mode, now)
        benefit = build_benefit(session, product, draft, facts)
        _flush(session, benefit)
        record(
            session,
            action="product_benefits.create",
            resource="product_benefits",
            resource_id=benefit.id,
            after=snapshot(benefit),
        )
    return benefit


def edit_benefit(
    benefit_id: UUID, changes: Mapping[str, Any], *, version: int | None = None
) -> ProductBenefit:
    """Change a benefit of a draft. `version` is the one the person saw."""
    with transaction() as session:
        product, draft, benefit = _lock(session, benefit_id)
        demand_draft(draft, "benefit")
        changes = _completed(_with_type_code(session, product, changes))
        before = snapshot(benefit)
        refuse_stale("benefit", before, changes, benefit.version, version)
        with session.no_autoflush:
            assign(benefit, changes)
            _settle(session, product, benefit)
        if benefit.is_main and not before["is_main"]:
            _unmark_others(session, benefit)
        benefit.version += 1
        _flush(session, benefit)
        record(
            session,
            action="product_benefits.edit",
            resource="product_benefits",
            resource_id=benefit.id,
            before=before,
            after=snapshot(benefit),
        )
    return benefit


def delete_benefit(benefit_id: UUID) -> None:
    """Take a benefit out of a draft."""
    with transaction() as session:
        _product, draft, benefit = _lock(session, benefit_id)
        demand_draft(draft, "benefit")
        session.delete(benefit)
        record(
            session,
            action="product_benefits.delete",
            resource="product_benefits",
            resource_id=benefit.id,
            before=snapshot(benefit),
        )


def _lock(session: Session, benefit_id: UUID) -> tuple[Product, ProductVersion, ProductBenefit]:
    """Lock the product first, as every command on it does, then read the benefit again."""
    version = queries.get_version(
        session, queries.get_benefit(session, benefit_id).product_version_id
    )
    product = queries.get_product(session, version.product_id, lock=True)
    benefit = queries.get_benefit(session, benefit_id, lock=True)
    session.refresh(version)
    return product, version, benefit


def build_benefit(
    session: Session, product: Product, draft: ProductVersion, facts: NewBenefit
) -> ProductBenefit:
    """Put a checked benefit into a draft, as a step of a command."""
    values = {
        field: getattr(facts, field)
        for field in EDITABLE
        if field not in ("benefit_type_code", "benefit_type_id", "rate_basis")
    }
    type_code = _type_code(session, product, facts.benefit_type_code, facts.benefit_type_id)
    benefit = ProductBenefit(
        product_version_id=draft.id, benefit_type_code=type_code, rate_basis=facts.rate_basis
    )
    assign(benefit, values | {"version": 1})
    _settle(session, product, benefit)
    if benefit.is_main:
        _unmark_others(session, benefit)
    session.add(benefit)
    return benefit


def _unmark_others(session: Session, benefit: ProductBenefit) -> None:
    """Take the mark off the benefit of the version that was the main one until now."""
    with session.no_autoflush:
        marked = [
            one
            for one in queries.list_benefits(session, benefit.product_version_id)
            if one.is_main and one is not benefit
        ]
    for other in marked:
        before = snapshot(other)
        other.is_main = False
        other.version += 1
        session.flush([other])
        record(
            session,
            action="product_benefits.edit",
            resource="product_benefits",
            resource_id=other.id,
            before=before,
            after=snapshot(other),
            reason=f"{benefit.benefit_name} is the main benefit now",
        )


def _with_type_code(
    session: Session, product: Product, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Put the code in the place of a type's id."""
    changed = dict(changes)
    type_id = changed.pop("benefit_type_id", None)
    if type_id is not None or changed.get("benefit_type_code"):
        changed["benefit_type_code"] = _type_code(
            session, product, changed.get("benefit_type_code") or "", type_id
        )
    return changed


def _completed(changes: dict[str, Any]) -> dict[str, Any]:
    """Let a new price take the place of the old one: a table for a flat premium and back."""
    if changes.get("rate_table_id") is not None:
        return {"flat_premium": None, "rate_basis": None} | changes
    if changes.get("flat_premium") is not None:
        return {"rate_table_id": None, "rate_basis": None} | changes
    return changes


def _type_code(session: Session, product: Product, code: str, type_id: UUID | None) -> str:
    """Return the code of a benefit type that the product's class may contain."""
    field = "benefit_type_code" if code or type_id is None else "benefit_type_id"
    if not code and type_id is None:
        raise DomainError("Choose a benefit type.", field=field)
    ids = queries.benefit_type_ids(session)
    code = code or next((one for one, its_id in ids.items() if its_id == type_id), "")
    if code not in ids or type_id not in (None, ids[code]):
        raise DomainError("There is no such benefit type.", field=field)
    allowed = [
        benefit.code for benefit in queries.list_allowed_benefits(session, product.class_code)
    ]
    if code not in allowed:
        raise DomainError(
            f"A product of class {product.class_code} cannot contain {code}."
            f" Allowed: {', '.join(allowed)}.",
            field=field,
        )
    return code


def _settle(session: Session, product: Product, benefit: ProductBenefit) -> None:
    """Check a benefit in itself, its class and its rate table, and fill in the basis."""
    problems = validity.check_benefit(benefit)
    kinds = object_kinds(product.class_code)
    if benefit.object_kind is not None and benefit.object_kind not in kinds:
        words = f"A product of class {product.class_code} insures {', '.join(kinds) or 'none'}."
        problems.append(DomainError(words, field="object_kind"))
    if benefit.rate_table_id is None:
        benefit.rate_basis = benefit.rate_basis or BenefitRateBasis.FLAT_AMOUNT
        raise_all(problems)
        return
    table = queries.find_rate_tables(session, [benefit.rate_table_id]).get(benefit.rate_table_id)
    if table is None:
        problems.append(DomainError("There is no such rate table.", field="rate_table_id"))
        raise_all(problems)
        return
    basis = _basis_of(table.rate_basis)
    if benefit.rate_basis not in (None, basis):
        problems.append(
            DomainError(
                f"The rates of {table.table_name} are {table.rate_basis}; the benefit says"
                f" {benefit.rate_basis}.",
                field="rate_basis",
            )
        )
    raise_all(problems)
    benefit.rate_basis = basis


def _basis_of(basis: RateBasis) -> BenefitRateBasis:
    return BenefitRateBasis.FLAT_AMOUNT if basis is RateBasis.FLAT else BenefitRateBasis(basis)


def _flush(session: Session, benefit: ProductBenefit) -> None:
    try:
        session.flush()
    except IntegrityError as error:
        if constraint_of(error) == "product_benefits_code_key":
            raise ConflictError(
                f"The product already has a benefit {benefit.benefit_code}.", field="benefit_code"
            ) from error
        raise
