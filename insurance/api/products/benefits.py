"""Benefits of a product's versions."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import Field, StrictBool

from insurance.api.edge import Answer, Body, Reply, created, endpoint
from insurance.api.products.shared import (
    Code,
    Edits,
    Name,
    VersionQuery,
    Whole,
    columns,
    place,
    wanted_version,
)
from insurance.core import clock
from insurance.core.db import db
from insurance.products import queries, services
from insurance.products.models import (
    AmountType,
    BenefitRateBasis,
    MemberRole,
    ObjectKind,
    Product,
    ProductBenefit,
    ProductVersion,
    VersionStatus,
)
from insurance.products.permissions import ProductsMay
from insurance.web.parsing import Amount, Money, RateNumber


class ProductBenefitAnswer(Answer):
    """A benefit of a product version."""

    id: UUID
    product_id: UUID
    product_version_id: UUID
    product_version_number: int
    product_version_status: VersionStatus
    benefit_type_id: UUID
    benefit_type_code: str
    benefit_code: str
    benefit_name: str
    benefit_amount_type: AmountType
    default_amount: Money | None
    max_amount: Money | None
    waiting_period_days: int
    is_mandatory: bool
    is_main: bool
    display_order: int
    member_role: MemberRole
    rate_table_id: UUID | None
    rate_basis: BenefitRateBasis
    flat_premium: Money | None
    per_policy: bool
    object_kind: ObjectKind | None
    excess_amount: Money
    excess_per_cent: RateNumber
    version: int


class BenefitFields(Body):
    """What a benefit says; its type by id or by code."""

    benefit_type_id: UUID | None = None
    benefit_type_code: Code = ""
    benefit_amount_type: AmountType = AmountType.SUM_INSURED
    default_amount: Amount | None = None
    max_amount: Amount | None = None
    waiting_period_days: Whole = 0
    is_mandatory: StrictBool = True
    is_main: StrictBool = False
    display_order: Whole = 1
    member_role: MemberRole = MemberRole.MAIN_MEMBER
    rate_table_id: UUID | None = None
    rate_basis: BenefitRateBasis | None = None
    flat_premium: Amount | None = None
    per_policy: StrictBool = False
    object_kind: ObjectKind | None = Field(
        None, description="The kind of object it insures; every object if left out"
    )
    excess_amount: Amount = Field(Decimal(0), description="Rand of each claim")
    excess_per_cent: RateNumber = Field(
        Decimal(0), description="Of the loss, where that is more than the amount"
    )


class NewBenefitBody(BenefitFields):
    """A benefit to add to the draft; a launched version is cloned into a draft first."""

    benefit_code: Code
    benefit_name: Name
    mode: services.EditMode = services.EditMode.AUTO


class BenefitChanges(BenefitFields):
    """Changes to a benefit of a draft: what is left out stays as it is."""

    benefit_code: Code = ""
    benefit_name: Name = ""
    version: Edits | None = None


@endpoint("GET", "/products/<uuid:product_id>/benefits", may=ProductsMay.VIEW,
          query=VersionQuery, answer=list[ProductBenefitAnswer], tag="Products")  # fmt: skip
def list_productbenefit_answers(product_id: UUID, query: VersionQuery) -> list[dict[str, Any]]:
    """List the benefits of a product's version."""
    product, version = wanted_version(product_id, query.version)
    return benefit_answers(product, version, queries.list_benefits(db.session(), version.id))


@endpoint("POST", "/products/<uuid:product_id>/benefits", may=ProductsMay.EDIT,
          body=NewBenefitBody, answer=ProductBenefitAnswer, status=201, tag="Products")  # fmt: skip
def add_product_benefit(product_id: UUID, body: NewBenefitBody) -> Reply:
    """Add a benefit to a product's draft."""
    facts = services.NewBenefit(**body.model_dump(exclude={"org_id", "mode"}, exclude_unset=True))
    benefit = services.add_benefit(product_id, facts, mode=body.mode, now=clock.now())
    return created(_benefit(benefit), "get_product_benefit", benefit_id=benefit.id)


@endpoint("GET", "/product-benefits/<uuid:benefit_id>", may=ProductsMay.VIEW,
          answer=ProductBenefitAnswer, tag="Products")  # fmt: skip
def get_product_benefit(benefit_id: UUID) -> dict[str, Any]:
    """Read a benefit."""
    return _benefit(queries.get_benefit(db.session(), benefit_id))


@endpoint("PUT", "/product-benefits/<uuid:benefit_id>", may=ProductsMay.EDIT,
          body=BenefitChanges, answer=ProductBenefitAnswer, tag="Products")  # fmt: skip
def edit_product_benefit(benefit_id: UUID, body: BenefitChanges) -> dict[str, Any]:
    """Change a benefit of a draft."""
    changes = body.model_dump(exclude={"org_id", "version"}, exclude_unset=True)
    return _benefit(services.edit_benefit(benefit_id, changes, version=body.version))


@endpoint("DELETE", "/product-benefits/<uuid:benefit_id>", may=ProductsMay.EDIT,
          answer=None, status=204, tag="Products")  # fmt: skip
def delete_product_benefit(benefit_id: UUID) -> None:
    """Delete a benefit from a draft."""
    services.delete_benefit(benefit_id)


def _benefit(benefit: ProductBenefit) -> dict[str, Any]:
    session = db.session()
    version = queries.get_version(session, benefit.product_version_id)
    return benefit_answers(queries.get_product(session, version.product_id), version, [benefit])[0]


def benefit_answers(
    product: Product, version: ProductVersion, benefits: Sequence[ProductBenefit]
) -> list[dict[str, Any]]:
    """Return benefits of one version as they are answered."""
    types = queries.benefit_type_ids(db.session()) if benefits else {}
    return [
        columns(benefit, ProductBenefitAnswer)
        | place(product, version)
        | {"benefit_type_id": types[benefit.benefit_type_code]}
        for benefit in benefits
    ]
