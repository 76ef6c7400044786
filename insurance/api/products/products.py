"""Products and their versions: made, edited, launched, withdrawn."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StrictBool

from insurance.api.edge import Answer, Body, ListQuery, Query, Reply, created, endpoint, listing
from insurance.api.products.benefits import ProductBenefitAnswer, benefit_answers
from insurance.api.products.inception_rules import InceptionRuleAnswer, rule_answer
from insurance.api.products.shared import Code, Edits, Name, Prose, Whole
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import DomainError, ForbiddenError
from insurance.products import queries, services
from insurance.products.models import (
    CancellationBasis,
    MainDeath,
    PricingMethod,
    Product,
    ProductStatus,
    ProductVersion,
    ProjectionType,
    ProRataMethod,
    TermType,
    VersionStatus,
)
from insurance.products.permissions import ProductsMay
from insurance.web.business import business_day
from insurance.web.parsing import Amount, Money, RateNumber, Words


class SimpleRate(Answer):
    """One rate of a simple product, per thousand of the sum assured."""

    model_config = {"extra": "forbid", "from_attributes": True}

    age_from: Whole | None = None
    age_to: Whole | None = None
    gender: Annotated[Words, Field(max_length=10)] = "UNISEX"
    rate_per_thousand: RateNumber


class ProductFields(Body):
    """What a product says of itself, and the terms of its version."""

    description: Prose = ""
    product_type: Code = ""
    class_code: Code = ""
    category_id: UUID | None = None
    pricing_method: PricingMethod = PricingMethod.BENEFIT_LEVEL
    base_premium: Amount | None = None
    rate_table: Annotated[list[SimpleRate], Field(max_length=5_000)] | None = None
    rate_table_id: UUID | None = None
    coverage_amount: Amount | None = None
    min_entry_age: Whole | None = None
    max_entry_age: Whole | None = None
    role_ages: Annotated[
        dict[Literal["SPOUSE", "CHILD", "PARENT", "EXTENDED"], tuple[Whole | None, Whole | None]],
        Field(description="Youngest and oldest entry age by the role of a life"),
    ] = {}
    min_sum_assured: Amount | None = None
    max_sum_assured: Amount | None = None
    waiting_period_days: Whole = 0
    term_type: TermType = TermType.FIXED_TERM
    default_term_years: Whole = 20
    premium_projection_type: ProjectionType = ProjectionType.LEVEL
    quote_valid_days: Whole = 30
    backdating_limit_days: Whole = 30
    pro_rata_method: ProRataMethod = ProRataMethod.ACTUAL_DAYS
    cancellation_basis: CancellationBasis = CancellationBasis.PRO_RATA
    short_rate_per_cent: RateNumber = Decimal(90)
    main_death: MainDeath = MainDeath.BY_CLASS
    premium_free_months: Whole = 0
    newborn_cover_days: Whole = Field(
        0,
        description="So many days after its birth a child can be named who is covered from birth",
    )
    modal_loadings: Annotated[
        dict[str, RateNumber],
        Field(description="Per cent by frequency: QUARTERLY, HALF_YEARLY, ANNUAL"),
    ] = {}


class NewProductBody(ProductFields):
    """A new product. Without a class, its type decides the class."""

    name: Name
    slug: Code = ""
    is_active: StrictBool = Field(False, description="Launch at once; refused if a check fails")


class ProductChanges(ProductFields):
    """Changes to a product: what is left out stays as it is."""

    name: Name = ""
    slug: Code = ""
    is_active: StrictBool = False
    mode: services.EditMode = services.EditMode.AUTO
    version: Edits | None = None


class ProductVersionAnswer(Answer):
    """The terms of a product from one launch to the next."""

    id: UUID
    number: int
    status: VersionStatus
    pricing_method: PricingMethod
    base_premium: Money | None
    rate_table_id: UUID | None
    coverage_amount: Money | None
    min_entry_age: int | None
    max_entry_age: int | None
    role_ages: dict[str, tuple[int | None, int | None]]
    min_sum_assured: Money | None
    max_sum_assured: Money | None
    waiting_period_days: int
    term_type: TermType
    default_term_years: int
    premium_projection_type: ProjectionType
    quote_valid_days: int
    backdating_limit_days: int
    pro_rata_method: ProRataMethod
    cancellation_basis: CancellationBasis
    short_rate_per_cent: RateNumber
    main_death: MainDeath
    premium_free_months: int
    newborn_cover_days: int
    modal_loadings: dict[str, RateNumber]
    created_at: datetime
    launched_at: datetime | None


class ProductAnswer(Answer):
    """A product with the terms that count: of the launched version, else of the draft."""

    id: UUID
    name: str
    slug: str
    description: str
    product_type: str
    class_code: str
    category_id: UUID | None
    status: ProductStatus
    is_active: bool
    version: int = Field(description="Counts edits; send it back with a change")
    version_id: UUID
    version_number: int
    version_status: VersionStatus
    pricing_method: PricingMethod
    base_premium: Money | None
    rate_table_id: UUID | None
    coverage_amount: Money | None
    min_entry_age: int | None
    max_entry_age: int | None
    role_ages: dict[str, tuple[int | None, int | None]]
    min_sum_assured: Money | None
    max_sum_assured: Money | None
    waiting_period_days: int
    term_type: TermType
    default_term_years: int
    premium_projection_type: ProjectionType
    quote_valid_days: int
    backdating_limit_days: int
    pro_rata_method: ProRataMethod
    cancellation_basis: CancellationBasis
    short_rate_per_cent: RateNumber
    main_death: MainDeath
    premium_free_months: int
    newborn_cover_days: int
    modal_loadings: dict[str, RateNumber]
    created_at: datetime
    updated_at: datetime


class ProductDetail(ProductAnswer):
    """A product with its versions, newest first, and what the version that counts contains."""

    versions: list[ProductVersionAnswer]
    benefits: list[ProductBenefitAnswer]
    inception_rules: list[InceptionRuleAnswer]
    approval_id: UUID | None = Field(description="The launch that waits for a second person")


class ProductsQuery(ListQuery):
    """Filters of the list of products."""

    status: ProductStatus | None = None
    class_code: str | None = Field(None, max_length=60)
    category_id: UUID | None = None
    search: str = Field("", max_length=200)


@endpoint("GET", "/products", may=ProductsMay.VIEW, query=ProductsQuery,
          answer=list[ProductAnswer], tag="Products")  # fmt: skip
def list_products(query: ProductsQuery) -> Reply:
    """List products by name."""
    found = queries.list_products(
        db.session(),
        status=query.status,
        class_code=query.class_code,
        category_id=query.category_id,
        search=query.search,
        cursor=query.cursor,
        limit=query.limit,
    )
    return listing(found, lambda line: _product(line.product, line.version))


@endpoint("POST", "/products", may=ProductsMay.EDIT, body=NewProductBody,
          answer=ProductDetail, status=201, tag="Products")  # fmt: skip
def create_product(body: NewProductBody) -> Reply:
    """Create a product as a draft, or launched where is_active is true and every check holds."""
    if body.is_active and not current_actor().may(ProductsMay.LAUNCH):
        raise ForbiddenError(f"Launching needs the permission {ProductsMay.LAUNCH.value}.")
    values = body.model_dump(exclude={"org_id", "rate_table"}, exclude_unset=True)
    header = {name: values.pop(name) for name in _HEADER if name in values}
    values.setdefault("pricing_method", _implied_method(body))
    product = services.create_product(
        services.NewProduct(
            **header,
            terms=services.Terms(**values),
            rate_rows=_simple_rates(body.rate_table),
        ),
        now=clock.now(),
    )
    return created(_detail(product.id), "get_product", product_id=product.id)


_HEADER = (
    "name",
    "slug",
    "description",
    "product_type",
    "class_code",
    "category_id",
    "is_active",
)


def _implied_method(body: ProductFields) -> PricingMethod:
    if body.rate_table:
        return PricingMethod.RATE_TABLE
    if body.base_premium is not None:
        return PricingMethod.FLAT
    return PricingMethod.BENEFIT_LEVEL


def _simple_rates(rows: Sequence[SimpleRate] | None) -> list[services.NewRate]:
    return [
        services.NewRate(
            rate=row.rate_per_thousand,
            age_from=row.age_from,
            age_to=row.age_to,
            gender=row.gender.upper(),
        )
        for row in rows or ()
    ]


@endpoint("GET", "/products/<uuid:product_id>", may=ProductsMay.VIEW,
          answer=ProductDetail, tag="Products")  # fmt: skip
def get_product(product_id: UUID) -> dict[str, Any]:
    """Read a product with its versions and the terms that count."""
    return _detail(product_id)


@endpoint("PUT", "/products/<uuid:product_id>", may=ProductsMay.EDIT, body=ProductChanges,
          answer=ProductDetail, tag="Products")  # fmt: skip
def edit_product(product_id: UUID, body: ProductChanges) -> dict[str, Any]:
    """Change a product: its draft in place, or a new draft cloned from the launched version."""
    changes = body.model_dump(
        exclude={"org_id", "rate_table", "mode", "version"}, exclude_unset=True
    )
    if "is_active" in changes:
        _refuse_activation(product_id, changes.pop("is_active"))
    product = services.edit_product(
        product_id,
        changes,
        rate_rows=_simple_rates(body.rate_table),
        mode=body.mode,
        version=body.version,
        now=clock.now(),
    )
    return _detail(product.id)


def _refuse_activation(product_id: UUID, wanted: bool) -> None:
    product = queries.get_product(db.session(), product_id)
    if wanted != (product.status is ProductStatus.LAUNCHED):
        way = "launch" if wanted else "withdraw"
        raise DomainError(f"Use PUT /products/{product_id}/{way}.", field="is_active")


class LaunchQuery(Query):
    """What a launch or a withdrawal may carry."""

    version: int | None = Field(None, ge=1, le=2**31, description="The version you saw")
    reason: str = Field("", max_length=500, description="A second person reads it, if one is asked")


class WithdrawQuery(Query):
    """Why a product is withdrawn."""

    version: int | None = Field(None, ge=1, le=2**31, description="The version you saw")
    reason: str = Field("", max_length=500)


@endpoint("PUT", "/products/<uuid:product_id>/launch", may=ProductsMay.LAUNCH,
          query=LaunchQuery, answer=ProductDetail, tag="Products", may_wait=True)  # fmt: skip
def launch_product(product_id: UUID, query: LaunchQuery) -> Reply:
    """Launch the draft if every check holds; the version before is superseded.

    Where the organization asks for a second person, nothing is launched yet: the answer is 202
    with the `approval_id` that waits, and `reason` is needed.
    """
    services.launch_product(product_id, version=query.version, reason=query.reason, now=clock.now())
    content = _detail(product_id)
    return Reply(content, status=202 if content["approval_id"] else None)


@endpoint("PUT", "/products/<uuid:product_id>/withdraw", may=ProductsMay.LAUNCH,
          query=WithdrawQuery, answer=ProductDetail, tag="Products")  # fmt: skip
def withdraw_product(product_id: UUID, query: WithdrawQuery) -> dict[str, Any]:
    """Stop selling a product."""
    services.withdraw_product(
        product_id, reason=query.reason, version=query.version, now=clock.now()
    )
    return _detail(product_id)


@endpoint("DELETE", "/products/<uuid:product_id>", may=ProductsMay.EDIT,
          answer=None, status=204, tag="Products")  # fmt: skip
def delete_product(product_id: UUID) -> None:
    """Delete a product that was never launched."""
    services.delete_product(product_id)


@endpoint("DELETE", "/products/<uuid:product_id>/draft", may=ProductsMay.EDIT,
          answer=None, status=204, tag="Products")  # fmt: skip
def discard_draft(product_id: UUID) -> None:
    """Discard the draft of a product that has been launched before."""
    services.discard_draft(product_id, now=clock.now())


class LaunchCheckAnswer(Answer):
    """A check that must hold before a launch, why it fails, and what is worth knowing."""

    code: str
    title: str
    holds: bool
    problems: list[str]
    notes: list[str]


@endpoint("GET", "/products/<uuid:product_id>/launch-checks", may=ProductsMay.VIEW,
          answer=list[LaunchCheckAnswer], tag="Products")  # fmt: skip
def list_launch_checks(product_id: UUID) -> Any:
    """List every check that the draft, or else the version that counts, must pass."""
    session = db.session()
    queries.get_product(session, product_id)
    version = queries.find_draft(session, product_id)
    version = version or queries.get_current_version(session, product_id)
    return queries.launch_checklist(session, version, business_day())


def _detail(product_id: UUID) -> dict[str, Any]:
    session = db.session()
    product = queries.get_product(session, product_id)
    version = queries.get_current_version(session, product_id)
    content = queries.get_content(session, version)
    waiting = services.find_waiting_launch(session, product)
    return _product(product, version) | {
        "versions": queries.list_versions(session, product_id),
        "benefits": benefit_answers(product, version, content.benefits),
        "inception_rules": [
            rule_answer(product, version, rule) for rule in content.inception_rules
        ],
        "approval_id": waiting.id if waiting else None,
    }


def _product(product: Product, version: ProductVersion) -> dict[str, Any]:
    terms = {name: getattr(version, name) for name in ProductVersionAnswer.model_fields}
    own = {
        name: getattr(product, name)
        for name in ProductAnswer.model_fields
        if hasattr(product, name)
    }
    return (
        terms
        | own
        | {
            "is_active": product.status is ProductStatus.LAUNCHED,
            "version_id": version.id,
            "version_number": version.number,
            "version_status": version.status,
        }
    )
