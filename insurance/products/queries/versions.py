"""The versions of a product and what they hold."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from insurance.core.errors import NotFoundError
from insurance.core.records import get_record
from insurance.core.tenancy import current_org
from insurance.products.models import (
    InceptionRule,
    ProductBenefit,
    ProductVersion,
    RateTable,
    VersionStatus,
)
from insurance.products.queries.rate_tables import find_rate_tables

_VERSION_RANK = case(
    {VersionStatus.LAUNCHED: 0, VersionStatus.DRAFT: 1}, value=ProductVersion.status, else_=2
)


@dataclass(frozen=True, slots=True)
class VersionContent:
    """All that a version says: its terms, benefits, inception rules and the tables they use."""

    version: ProductVersion
    benefits: Sequence[ProductBenefit]
    inception_rules: Sequence[InceptionRule]
    rate_tables: dict[UUID, RateTable]


def list_versions(session: Session, product_id: UUID) -> Sequence[ProductVersion]:
    """Return a product's versions, newest first."""
    return session.scalars(
        select(ProductVersion)
        .where(ProductVersion.org_id == current_org(), ProductVersion.product_id == product_id)
        .order_by(ProductVersion.number.desc())
    ).all()


def list_versions_of(
    session: Session, product_ids: Iterable[UUID]
) -> dict[UUID, list[ProductVersion]]:
    """Return the versions of several products, newest first, in one query."""
    found: dict[UUID, list[ProductVersion]] = {product_id: [] for product_id in product_ids}
    rows = session.scalars(
        select(ProductVersion)
        .where(ProductVersion.org_id == current_org(), ProductVersion.product_id.in_(found))
        .order_by(ProductVersion.number.desc())
    )
    for version in rows:
        found[version.product_id].append(version)
    return found


def find_draft(session: Session, product_id: UUID) -> ProductVersion | None:
    """Return the version that is being worked on, if there is one."""
    return session.scalar(
        select(ProductVersion).where(
            ProductVersion.org_id == current_org(),
            ProductVersion.product_id == product_id,
            ProductVersion.status == VersionStatus.DRAFT,
        )
    )


def find_launched(session: Session, product_id: UUID) -> ProductVersion | None:
    """Return the version that is sold, if there is one."""
    return session.scalar(
        select(ProductVersion).where(
            ProductVersion.org_id == current_org(),
            ProductVersion.product_id == product_id,
            ProductVersion.status == VersionStatus.LAUNCHED,
        )
    )


def get_current_version(session: Session, product_id: UUID) -> ProductVersion:
    """Return the version that counts: the launched one, else the draft, else the newest."""
    version = session.scalar(
        select(ProductVersion)
        .where(ProductVersion.org_id == current_org(), ProductVersion.product_id == product_id)
        .order_by(_VERSION_RANK, ProductVersion.number.desc())
        .limit(1)
    )
    if version is None:
        raise NotFoundError("There is no such product.")
    return version


def get_version(session: Session, version_id: UUID) -> ProductVersion:
    """Return a version by its id."""
    version = session.scalar(
        select(ProductVersion).where(
            ProductVersion.org_id == current_org(), ProductVersion.id == version_id
        )
    )
    if version is None:
        raise NotFoundError("There is no such product version.")
    return version


def get_numbered_version(session: Session, product_id: UUID, number: int) -> ProductVersion:
    """Return a product's version by its number."""
    version = session.scalar(
        select(ProductVersion).where(
            ProductVersion.org_id == current_org(),
            ProductVersion.product_id == product_id,
            ProductVersion.number == number,
        )
    )
    if version is None:
        raise NotFoundError("There is no such product version.")
    return version


def was_ever_launched(session: Session, product_id: UUID) -> bool:
    """Tell whether any version of a product has been sold."""
    return bool(
        session.scalar(
            select(
                select(ProductVersion.id)
                .where(
                    ProductVersion.org_id == current_org(),
                    ProductVersion.product_id == product_id,
                    ProductVersion.status != VersionStatus.DRAFT,
                )
                .exists()
            )
        )
    )


def list_benefits(session: Session, version_id: UUID) -> Sequence[ProductBenefit]:
    """Return a version's benefits in their order."""
    return session.scalars(
        select(ProductBenefit)
        .where(
            ProductBenefit.org_id == current_org(), ProductBenefit.product_version_id == version_id
        )
        .order_by(ProductBenefit.display_order, ProductBenefit.benefit_code)
    ).all()


def get_benefit(session: Session, benefit_id: UUID, *, lock: bool = False) -> ProductBenefit:
    """Return a benefit."""
    return get_record(session, ProductBenefit, benefit_id, lock=lock, called="benefit")


def list_inception_rules(session: Session, version_id: UUID) -> Sequence[InceptionRule]:
    """Return what a quote for a version must answer, in order."""
    return session.scalars(
        select(InceptionRule)
        .where(
            InceptionRule.org_id == current_org(), InceptionRule.product_version_id == version_id
        )
        .order_by(InceptionRule.display_order, InceptionRule.field_code)
    ).all()


def get_inception_rule(session: Session, rule_id: UUID, *, lock: bool = False) -> InceptionRule:
    """Return an inception rule."""
    return get_record(session, InceptionRule, rule_id, lock=lock, called="inception rule")


def get_content(session: Session, version: ProductVersion) -> VersionContent:
    """Return all that a version says, in three queries."""
    benefits = list_benefits(session, version.id)
    table_ids = {benefit.rate_table_id for benefit in benefits} | {version.rate_table_id}
    return VersionContent(
        version=version,
        benefits=benefits,
        inception_rules=list_inception_rules(session, version.id),
        rate_tables=find_rate_tables(session, {one for one in table_ids if one is not None}),
    )
