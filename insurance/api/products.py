"""Products with their versions, benefits and inception rules; rate tables; categories."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StrictBool

from insurance.api.edge import Answer, Body, ListQuery, Query, Reply, created, endpoint, listing
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import DomainError, ForbiddenError
from insurance.core.permissions import May
from insurance.products import queries, services
from insurance.products.models import (
    AmountType,
    BenefitRateBasis,
    FieldType,
    InceptionRule,
    MemberRole,
    PricingMethod,
    Product,
    ProductBenefit,
    ProductCategory,
    ProductStatus,
    ProductVersion,
    ProjectionType,
    RateBasis,
    RateMethod,
    RateTable,
    TargetMarket,
    TermType,
    VersionStatus,
)
from insurance.products.rules import KNOWN_FACTORS
from insurance.web.parsing import Amount, Money, RateNumber, Words

PRODUCTS, RATES, CATEGORIES = "Products", "Rate tables", "Product categories"

Whole = Annotated[int, Field(strict=True, ge=0, le=100_000)]
Edits = Annotated[int, Field(strict=True, ge=1, le=2**31, description="The version you saw")]
Code = Annotated[Words, Field(max_length=60)]
Name = Annotated[Words, Field(min_length=1, max_length=200)]
Prose = Annotated[Words, Field(max_length=4000)]
Level = Annotated[Words, Field(min_length=1, max_length=60)]


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
    coverage_amount: Amount | None = None
    min_entry_age: Whole | None = None
    max_entry_age: Whole | None = None
    min_sum_assured: Amount | None = None
    max_sum_assured: Amount | None = None
    waiting_period_days: Whole = 0
    term_type: TermType = TermType.FIXED_TERM
    default_term_years: Whole = 20
    premium_projection_type: ProjectionType = ProjectionType.LEVEL
    quote_valid_days: Whole = 30
    backdating_limit_days: Whole = 30
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


class VersionAnswer(Answer):
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
    min_sum_assured: Money | None
    max_sum_assured: Money | None
    waiting_period_days: int
    term_type: TermType
    default_term_years: int
    premium_projection_type: ProjectionType
    quote_valid_days: int
    backdating_limit_days: int
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
    min_sum_assured: Money | None
    max_sum_assured: Money | None
    waiting_period_days: int
    term_type: TermType
    default_term_years: int
    premium_projection_type: ProjectionType
    quote_valid_days: int
    backdating_limit_days: int
    modal_loadings: dict[str, RateNumber]
    created_at: datetime
    updated_at: datetime


class BenefitAnswer(Answer):
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
    display_order: int
    member_role: MemberRole
    rate_table_id: UUID | None
    rate_basis: BenefitRateBasis
    flat_premium: Money | None
    per_policy: bool
    version: int


class InceptionRuleAnswer(Answer):
    """An answer that a quote must carry, or may."""

    id: UUID
    product_id: UUID
    product_version_id: UUID
    product_version_number: int
    product_version_status: VersionStatus
    field_code: str
    label: str
    field_type: FieldType
    is_required: bool
    options: list[str]
    min_value: Money | None
    max_value: Money | None
    display_order: int
    version: int


class ProductDetail(ProductAnswer):
    """A product with its versions, newest first, and what the version that counts contains."""

    versions: list[VersionAnswer]
    benefits: list[BenefitAnswer]
    inception_rules: list[InceptionRuleAnswer]


class ProductsQuery(ListQuery):
    """Filters of the list of products."""

    status: ProductStatus | None = None
    class_code: str | None = Field(None, max_length=60)
    category_id: UUID | None = None
    search: str = Field("", max_length=200)


@endpoint("GET", "/products", may=May.PRODUCTS_VIEW, query=ProductsQuery,
          answer=list[ProductAnswer], tag=PRODUCTS)  # fmt: skip
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


@endpoint("POST", "/products", may=May.PRODUCTS_EDIT, body=NewProductBody,
          answer=ProductDetail, status=201, tag=PRODUCTS)  # fmt: skip
def create_product(body: NewProductBody) -> Reply:
    """Create a product as a draft, or launched where is_active is true and every check holds."""
    if body.is_active and not current_actor().may(May.PRODUCTS_LAUNCH):
        raise ForbiddenError(f"Launching needs the permission {May.PRODUCTS_LAUNCH.value}.")
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


@endpoint("GET", "/products/<uuid:product_id>", may=May.PRODUCTS_VIEW,
          answer=ProductDetail, tag=PRODUCTS)  # fmt: skip
def get_product(product_id: UUID) -> dict[str, Any]:
    """Read a product with its versions and the terms that count."""
    return _detail(product_id)


@endpoint("PUT", "/products/<uuid:product_id>", may=May.PRODUCTS_EDIT, body=ProductChanges,
          answer=ProductDetail, tag=PRODUCTS)  # fmt: skip
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


class WithdrawQuery(LaunchQuery):
    """Why a product is withdrawn."""

    reason: str = Field("", max_length=500)


@endpoint("PUT", "/products/<uuid:product_id>/launch", may=May.PRODUCTS_LAUNCH,
          query=LaunchQuery, answer=ProductDetail, tag=PRODUCTS)  # fmt: skip
def launch_product(product_id: UUID, query: LaunchQuery) -> dict[str, Any]:
    """Launch the draft if every check holds; the version before is superseded."""
    services.launch_product(product_id, version=query.version, now=clock.now())
    return _detail(product_id)


@endpoint("PUT", "/products/<uuid:product_id>/withdraw", may=May.PRODUCTS_LAUNCH,
          query=WithdrawQuery, answer=ProductDetail, tag=PRODUCTS)  # fmt: skip
def withdraw_product(product_id: UUID, query: WithdrawQuery) -> dict[str, Any]:
    """Stop selling a product."""
    services.withdraw_product(
        product_id, reason=query.reason, version=query.version, now=clock.now()
    )
    return _detail(product_id)


@endpoint("DELETE", "/products/<uuid:product_id>", may=May.PRODUCTS_EDIT,
          answer=None, status=204, tag=PRODUCTS)  # fmt: skip
def delete_product(product_id: UUID) -> None:
    """Delete a product that was never launched."""
    services.delete_product(product_id)


@endpoint("DELETE", "/products/<uuid:product_id>/draft", may=May.PRODUCTS_EDIT,
          answer=None, status=204, tag=PRODUCTS)  # fmt: skip
def discard_draft(product_id: UUID) -> None:
    """Discard the draft of a product that has been launched before."""
    services.discard_draft(product_id, now=clock.now())


class CheckAnswer(Answer):
    """A check that must hold before a launch, and why it fails."""

    code: str
    title: str
    holds: bool
    problems: list[str]


@endpoint("GET", "/products/<uuid:product_id>/launch-checks", may=May.PRODUCTS_VIEW,
          answer=list[CheckAnswer], tag=PRODUCTS)  # fmt: skip
def list_launch_checks(product_id: UUID) -> Any:
    """List every check that the draft, or else the version that counts, must pass."""
    session = db.session()
    queries.get_product(session, product_id)
    version = queries.find_draft(session, product_id)
    version = version or queries.get_current_version(session, product_id)
    return queries.launch_checklist(
        session, version, queries.business_day(session, clock.now())
    )


def _detail(product_id: UUID) -> dict[str, Any]:
    session = db.session()
    product = queries.get_product(session, product_id)
    version = queries.get_current_version(session, product_id)
    content = queries.get_content(session, version)
    return _product(product, version) | {
        "versions": queries.list_versions(session, product_id),
        "benefits": _benefits(product, version, content.benefits),
        "inception_rules": [_rule(product, version, rule) for rule in content.inception_rules],
    }


def _product(product: Product, version: ProductVersion) -> dict[str, Any]:
    terms = {name: getattr(version, name) for name in VersionAnswer.model_fields}
    own = {name: getattr(product, name) for name in ProductAnswer.model_fields if hasattr(product, name)}
    return terms | own | {
        "is_active": product.status is ProductStatus.LAUNCHED,
        "version_id": version.id,
        "version_number": version.number,
        "version_status": version.status,
    }


class BenefitFields(Body):
    """What a benefit says; its type by id or by code."""

    benefit_type_id: UUID | None = None
    benefit_type_code: Code = ""
    benefit_amount_type: AmountType = AmountType.SUM_INSURED
    default_amount: Amount | None = None
    max_amount: Amount | None = None
    waiting_period_days: Whole = 0
    is_mandatory: StrictBool = True
    display_order: Whole = 1
    member_role: MemberRole = MemberRole.MAIN_MEMBER
    rate_table_id: UUID | None = None
    rate_basis: BenefitRateBasis | None = None
    flat_premium: Amount | None = None
    per_policy: StrictBool = False


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


class VersionQuery(Query):
    """Which version is read: the one that counts, unless its number is given."""

    version: int | None = Field(None, ge=1, le=100_000, description="Number of the version")


@endpoint("GET", "/products/<uuid:product_id>/benefits", may=May.PRODUCTS_VIEW,
          query=VersionQuery, answer=list[BenefitAnswer], tag=PRODUCTS)  # fmt: skip
def list_product_benefits(product_id: UUID, query: VersionQuery) -> list[dict[str, Any]]:
    """List the benefits of a product's version."""
    product, version = _wanted(product_id, query.version)
    return _benefits(product, version, queries.list_benefits(db.session(), version.id))


@endpoint("POST", "/products/<uuid:product_id>/benefits", may=May.PRODUCTS_EDIT,
          body=NewBenefitBody, answer=BenefitAnswer, status=201, tag=PRODUCTS)  # fmt: skip
def add_product_benefit(product_id: UUID, body: NewBenefitBody) -> Reply:
    """Add a benefit to a product's draft."""
    facts = services.NewBenefit(**body.model_dump(exclude={"org_id", "mode"}, exclude_unset=True))
    benefit = services.add_benefit(product_id, facts, mode=body.mode, now=clock.now())
    return created(_benefit(benefit), "get_product_benefit", benefit_id=benefit.id)


@endpoint("GET", "/product-benefits/<uuid:benefit_id>", may=May.PRODUCTS_VIEW,
          answer=BenefitAnswer, tag=PRODUCTS)  # fmt: skip
def get_product_benefit(benefit_id: UUID) -> dict[str, Any]:
    """Read a benefit."""
    return _benefit(queries.get_benefit(db.session(), benefit_id))


@endpoint("PUT", "/product-benefits/<uuid:benefit_id>", may=May.PRODUCTS_EDIT,
          body=BenefitChanges, answer=BenefitAnswer, tag=PRODUCTS)  # fmt: skip
def edit_product_benefit(benefit_id: UUID, body: BenefitChanges) -> dict[str, Any]:
    """Change a benefit of a draft."""
    changes = body.model_dump(exclude={"org_id", "version"}, exclude_unset=True)
    return _benefit(
        services.edit_benefit(benefit_id, changes, version=body.version)
    )


@endpoint("DELETE", "/product-benefits/<uuid:benefit_id>", may=May.PRODUCTS_EDIT,
          answer=None, status=204, tag=PRODUCTS)  # fmt: skip
def delete_product_benefit(benefit_id: UUID) -> None:
    """Delete a benefit from a draft."""
    services.delete_benefit(benefit_id)


def _wanted(product_id: UUID, number: int | None) -> tuple[Product, ProductVersion]:
    session = db.session()
    product = queries.get_product(session, product_id)
    if number is not None:
        return product, queries.get_numbered_version(session, product_id, number)
    return product, queries.get_current_version(session, product_id)


def _benefit(benefit: ProductBenefit) -> dict[str, Any]:
    session = db.session()
    version = queries.get_version(session, benefit.product_version_id)
    return _benefits(queries.get_product(session, version.product_id), version, [benefit])[0]


def _benefits(
    product: Product, version: ProductVersion, benefits: Sequence[ProductBenefit]
) -> list[dict[str, Any]]:
    types = queries.benefit_type_ids(db.session()) if benefits else {}
    return [
        _columns(benefit, BenefitAnswer)
        | _place(product, version)
        | {"benefit_type_id": types[benefit.benefit_type_code]}
        for benefit in benefits
    ]


def _place(product: Product, version: ProductVersion) -> dict[str, Any]:
    return {
        "product_id": product.id,
        "product_version_number": version.number,
        "product_version_status": version.status,
    }


def _columns(record: Any, answer: type[Answer]) -> dict[str, Any]:
    return {name: getattr(record, name) for name in answer.model_fields if hasattr(record, name)}


class InceptionRuleFields(Body):
    """What an inception rule asks for."""

    is_required: StrictBool = True
    options: Annotated[list[Level], Field(max_length=100)] = []
    min_value: Amount | None = None
    max_value: Amount | None = None
    display_order: Whole = 1


class NewInceptionRuleBody(InceptionRuleFields):
    """An inception rule to add to the draft."""

    field_code: Code
    label: Name
    field_type: FieldType
    mode: services.EditMode = services.EditMode.AUTO


class InceptionRuleChanges(InceptionRuleFields):
    """Changes to an inception rule of a draft: what is left out stays as it is."""

    field_code: Code = ""
    label: Name = ""
    field_type: FieldType = FieldType.TEXT
    version: Edits | None = None


@endpoint("GET", "/products/<uuid:product_id>/inception-rules", may=May.PRODUCTS_VIEW,
          query=VersionQuery, answer=list[InceptionRuleAnswer], tag=PRODUCTS)  # fmt: skip
def list_inception_rules(product_id: UUID, query: VersionQuery) -> list[dict[str, Any]]:
    """List what a quote for a product's version must answer."""
    product, version = _wanted(product_id, query.version)
    found = queries.list_inception_rules(db.session(), version.id)
    return [_rule(product, version, rule) for rule in found]


@endpoint("POST", "/products/<uuid:product_id>/inception-rules", may=May.PRODUCTS_EDIT,
          body=NewInceptionRuleBody, answer=InceptionRuleAnswer, status=201,
          tag=PRODUCTS)  # fmt: skip
def add_inception_rule(product_id: UUID, body: NewInceptionRuleBody) -> Reply:
    """Add an inception rule to a product's draft."""
    facts = services.NewInceptionRule(
        **body.model_dump(exclude={"org_id", "mode"}, exclude_unset=True)
    )
    rule = services.add_inception_rule(product_id, facts, mode=body.mode, now=clock.now())
    return created(_single_rule(rule), "get_inception_rule", rule_id=rule.id)


@endpoint("GET", "/inception-rules/<uuid:rule_id>", may=May.PRODUCTS_VIEW,
          answer=InceptionRuleAnswer, tag=PRODUCTS)  # fmt: skip
def get_inception_rule(rule_id: UUID) -> dict[str, Any]:
    """Read an inception rule."""
    return _single_rule(queries.get_inception_rule(db.session(), rule_id))


@endpoint("PUT", "/inception-rules/<uuid:rule_id>", may=May.PRODUCTS_EDIT,
          body=InceptionRuleChanges, answer=InceptionRuleAnswer, tag=PRODUCTS)  # fmt: skip
def edit_inception_rule(rule_id: UUID, body: InceptionRuleChanges) -> dict[str, Any]:
    """Change an inception rule of a draft."""
    changes = body.model_dump(exclude={"org_id", "version"}, exclude_unset=True)
    return _single_rule(
        services.edit_inception_rule(rule_id, changes, version=body.version)
    )


@endpoint("DELETE", "/inception-rules/<uuid:rule_id>", may=May.PRODUCTS_EDIT,
          answer=None, status=204, tag=PRODUCTS)  # fmt: skip
def delete_inception_rule(rule_id: UUID) -> None:
    """Delete an inception rule from a draft."""
    services.delete_inception_rule(rule_id)


def _single_rule(rule: InceptionRule) -> dict[str, Any]:
    session = db.session()
    version = queries.get_version(session, rule.product_version_id)
    return _rule(queries.get_product(session, version.product_id), version, rule)


def _rule(product: Product, version: ProductVersion, rule: InceptionRule) -> dict[str, Any]:
    return _columns(rule, InceptionRuleAnswer) | _place(product, version)


class RateEntry(Answer):
    """One rate. A factor is named by its own field or in `factors`."""

    model_config = {"extra": "forbid", "from_attributes": True}

    age_from: Whole | None = None
    age_to: Whole | None = None
    gender: Annotated[Words, Field(max_length=10)] | None = "UNISEX"
    rating_zone: Level | None = None
    occupation_class: Level | None = None
    vehicle_group: Level | None = None
    smoker_status: Level | None = None
    factors: Annotated[dict[str, Level], Field(max_length=20)] = {}
    rate: RateNumber


class RelativityEntry(Answer):
    """The multiplier of one level of a factor."""

    model_config = {"extra": "forbid", "from_attributes": True}

    factor: Annotated[Words, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    level: Level
    relativity: RateNumber


class NewRateTableBody(Body):
    """A rate table. A code that is known makes the next version of that table."""

    table_name: Name
    table_code: Code
    rate_basis: RateBasis
    method: RateMethod = RateMethod.MATRIX
    rating_factors: Annotated[
        list[Annotated[Words, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]], Field(max_length=20)
    ] = []
    entries: Annotated[list[RateEntry], Field(max_length=20_000)] = []
    base_rate: RateNumber | None = None
    relativities: Annotated[list[RelativityEntry], Field(max_length=2_000)] = []


class RateTableLine(Answer):
    """A rate table without its rows."""

    id: UUID
    table_code: str
    table_name: str
    version: int
    rate_basis: RateBasis
    method: RateMethod
    rating_factors: list[str]
    base_rate: RateNumber | None
    created_at: datetime


class RateTableAnswer(RateTableLine):
    """A rate table with its rows."""

    entries: list[RateEntry]
    relativities: list[RelativityEntry]


@endpoint("GET", "/rate-tables", may=May.PRODUCTS_VIEW, query=ListQuery,
          answer=list[RateTableLine], tag=RATES)  # fmt: skip
def list_rate_tables(query: ListQuery) -> Reply:
    """List rate tables by code, the newest version first."""
    found = queries.list_rate_tables(db.session(), cursor=query.cursor, limit=query.limit)
    return listing(found, lambda line: line.table)


@endpoint("POST", "/rate-tables", may=May.PRODUCTS_EDIT, body=NewRateTableBody,
          answer=RateTableAnswer, status=201, tag=RATES)  # fmt: skip
def create_rate_table(body: NewRateTableBody) -> Reply:
    """Create a rate table, or the next version of one."""
    table = services.create_rate_table(
        services.NewRateTable(
            table_code=body.table_code,
            table_name=body.table_name,
            rate_basis=body.rate_basis,
            method=body.method,
            rating_factors=body.rating_factors,
            base_rate=body.base_rate,
            entries=[_rate(entry, index) for index, entry in enumerate(body.entries)],
            relativities=[
                services.NewRelativity(**entry.model_dump()) for entry in body.relativities
            ],
        ),
        now=clock.now(),
    )
    return created(_rate_table(table), "get_rate_table", table_id=table.id)


@endpoint("GET", "/rate-tables/<uuid:table_id>", may=May.PRODUCTS_VIEW,
          answer=RateTableAnswer, tag=RATES)  # fmt: skip
def get_rate_table(table_id: UUID) -> dict[str, Any]:
    """Read a rate table with its rows."""
    return _rate_table(queries.get_rate_table(db.session(), table_id))


def _rate(entry: RateEntry, index: int) -> services.NewRate:
    levels = dict(entry.factors)
    for name in KNOWN_FACTORS:
        level = getattr(entry, name)
        if level is not None and levels.setdefault(name, level) != level:
            raise DomainError(
                f"Row {index + 1} names {name} twice.", field=f"entries.{index}.factors.{name}"
            )
    return services.NewRate(
        rate=entry.rate,
        age_from=entry.age_from,
        age_to=entry.age_to,
        gender=(entry.gender or "UNISEX").upper(),
        factors=levels,
    )


def _rate_table(table: RateTable) -> dict[str, Any]:
    session = db.session()
    entries = queries.list_entries(session, [table.id])[table.id]
    relativities = queries.list_relativities(session, [table.id])[table.id]
    return _columns(table, RateTableLine) | {
        "entries": [
            {
                "age_from": entry.age_from,
                "age_to": entry.age_to,
                "gender": entry.gender,
                "rate": entry.rate,
                **_known(entry.factors),
            }
            for entry in entries
        ],
        "relativities": relativities,
    }


def _known(factors: Mapping[str, str]) -> dict[str, Any]:
    known = {name: level for name, level in factors.items() if name in KNOWN_FACTORS}
    further = {name: level for name, level in factors.items() if name not in KNOWN_FACTORS}
    return known | {"factors": further}


class NewCategoryBody(Body):
    """A product category; its class by id or by code."""

    product_class_id: UUID | None = None
    class_code: Code = ""
    category_code: Code
    category_name: Name
    description: Prose = ""
    target_market: TargetMarket = TargetMarket.RETAIL


class CategoryAnswer(Answer):
    """A tenant's own grouping of products under a class."""

    id: UUID
    product_class_id: UUID
    class_code: str
    category_code: str
    category_name: str
    description: str
    target_market: TargetMarket
    created_at: datetime


@endpoint("GET", "/product-categories", may=May.PRODUCTS_VIEW,
          answer=list[CategoryAnswer], tag=CATEGORIES)  # fmt: skip
def list_product_categories() -> list[dict[str, Any]]:
    """List product categories by name."""
    session = db.session()
    classes = {one.code: one.id for one in queries.list_classes(session)}
    return [_category(category, classes) for category in queries.list_categories(session)]


@endpoint("POST", "/product-categories", may=May.PRODUCTS_EDIT, body=NewCategoryBody,
          answer=CategoryAnswer, status=201, tag=CATEGORIES)  # fmt: skip
def create_product_category(body: NewCategoryBody) -> Reply:
    """Create a product category."""
    facts = services.NewCategory(**body.model_dump(exclude={"org_id"}))
    category = services.create_category(facts, now=clock.now())
    classes = {one.code: one.id for one in queries.list_classes(db.session())}
    return created(
        _category(category, classes), "get_product_category", category_id=category.id
    )


@endpoint("GET", "/product-categories/<uuid:category_id>", may=May.PRODUCTS_VIEW,
          answer=CategoryAnswer, tag=CATEGORIES)  # fmt: skip
def get_product_category(category_id: UUID) -> dict[str, Any]:
    """Read a product category."""
    session = db.session()
    classes = {one.code: one.id for one in queries.list_classes(session)}
    return _category(queries.get_category(session, category_id), classes)


def _category(category: ProductCategory, classes: Mapping[str, UUID]) -> dict[str, Any]:
    return _columns(category, CategoryAnswer) | {
        "product_class_id": classes[category.class_code]
    }
