"""Product versions as the plain terms that pricing and the launch checks read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from insurance.core.errors import DomainError, NotFoundError
from insurance.core.tenancy import current_org
from insurance.organizations.models import (
    AllowedBenefit,
    DatedParameter,
    LicenceType,
    LicensedClass,
    Organization,
    ProductClass,
)
from insurance.products import rules
from insurance.products.models import (
    InceptionRule,
    Product,
    ProductBenefit,
    ProductVersion,
    RateMethod,
    RateRelativity,
    RateTable,
    RateTableEntry,
    VersionStatus,
)
from insurance.products.queries.caps import funeral_caps_over_time
from insurance.products.queries.rate_tables import (
    find_rate_tables,
    list_entries,
    list_relativities,
)
from insurance.products.queries.versions import list_benefits, list_inception_rules

_CACHED_AT_MOST = 1_000
_cache: dict[tuple[UUID, UUID], rules.ProductTerms] = {}
"""Terms of launched versions. They never change, so nothing here grows stale."""


def load_terms(session: Session, version_id: UUID) -> rules.ProductTerms:
    """Return what pricing needs to know of a version; kept in memory once it was launched."""
    row = session.execute(
        select(Product.name, ProductVersion.status)
        .select_from(ProductVersion)
        .join(
            Product,
            and_(Product.org_id == ProductVersion.org_id, Product.id == ProductVersion.product_id),
        )
        .where(ProductVersion.org_id == current_org(), ProductVersion.id == version_id)
    ).first()
    if row is None:
        raise NotFoundError("There is no such product version.")
    name, status = row
    key = (current_org(), version_id)
    terms = _cache.get(key)
    if terms is None:
        terms = _read_terms(session, version_id)
        if status is not VersionStatus.DRAFT:
            if len(_cache) >= _CACHED_AT_MOST:
                _cache.clear()
            _cache[key] = terms
    # The product's name is the one thing that may change after the launch.
    return terms if terms.product_name == name else replace(terms, product_name=name)


def _read_terms(session: Session, version_id: UUID) -> rules.ProductTerms:
    product, version, category = session.execute(
        select(Product, ProductVersion, ProductClass.category)
        .select_from(Product)
        .join(
            ProductVersion,
            and_(ProductVersion.org_id == Product.org_id, ProductVersion.product_id == Product.id),
        )
        .join(ProductClass, ProductClass.code == Product.class_code)
        .where(ProductVersion.org_id == current_org(), ProductVersion.id == version_id)
    ).one()
    benefits = list_benefits(session, version_id)
    table_ids = {version.rate_table_id, *(benefit.rate_table_id for benefit in benefits)}
    tables = load_rate_tables(session, {one for one in table_ids if one is not None})
    return rules.ProductTerms(
        version_id=version.id,
        product_id=product.id,
        product_name=product.name,
        class_code=product.class_code,
        category=str(category),
        pricing_method=str(version.pricing_method),
        benefits=tuple(_benefit_terms(benefit, tables) for benefit in benefits),
        questions=tuple(_question(rule) for rule in list_inception_rules(session, version_id)),
        base_premium=version.base_premium,
        rate_table=tables[version.rate_table_id] if version.rate_table_id else None,
        coverage_amount=version.coverage_amount,
        min_entry_age=version.min_entry_age,
        max_entry_age=version.max_entry_age,
        role_ages={role: (ages[0], ages[1]) for role, ages in version.role_ages.items()},
        min_sum_assured=version.min_sum_assured,
        max_sum_assured=version.max_sum_assured,
        waiting_period_days=version.waiting_period_days,
        term_type=str(version.term_type),
        default_term_years=version.default_term_years,
        modal_loadings={name: Decimal(text) for name, text in version.modal_loadings.items()},
        quote_valid_days=version.quote_valid_days,
        backdating_limit_days=version.backdating_limit_days,
        pro_rata_method=version.pro_rata_method.value,
        cancellation_basis=version.cancellation_basis.value,
        short_rate_per_cent=version.short_rate_per_cent,
        main_death=version.main_death.value,
        premium_free_months=version.premium_free_months,
        newborn_cover_days=version.newborn_cover_days,
    )


def _benefit_terms(
    benefit: ProductBenefit, tables: Mapping[UUID, rules.RateTable]
) -> rules.BenefitTerms:
    return rules.BenefitTerms(
        code=benefit.benefit_code,
        name=benefit.benefit_name,
        benefit_type=benefit.benefit_type_code,
        amount_type=str(benefit.benefit_amount_type),
        default_amount=benefit.default_amount,
        max_amount=benefit.max_amount,
        waiting_period_days=benefit.waiting_period_days,
        is_mandatory=benefit.is_mandatory,
        is_main=benefit.is_main,
        member_role=str(benefit.member_role),
        rate_basis=str(benefit.rate_basis),
        rate_table=tables[benefit.rate_table_id] if benefit.rate_table_id else None,
        flat_premium=benefit.flat_premium,
        per_policy=benefit.per_policy,
        object_kind=benefit.object_kind.value if benefit.object_kind else None,
        excess_amount=benefit.excess_amount,
        excess_per_cent=benefit.excess_per_cent,
    )


def _question(rule: InceptionRule) -> rules.Question:
    return rules.Question(
        code=rule.field_code,
        label=rule.label,
        field_type=str(rule.field_type),
        is_required=rule.is_required,
        options=tuple(rule.options),
        min_value=rule.min_value,
        max_value=rule.max_value,
    )


def load_rate_tables(session: Session, table_ids: Iterable[UUID]) -> dict[UUID, rules.RateTable]:
    """Return rate tables ready for look-ups, in three queries."""
    tables = find_rate_tables(session, table_ids)
    entries = list_entries(session, tables)
    relativities = list_relativities(
        session, [one.id for one in tables.values() if one.method is RateMethod.MULTIPLICATIVE]
    )
    return {
        table.id: _rate_table(table, entries[table.id], relativities.get(table.id, []))
        for table in tables.values()
    }


def _rate_table(
    table: RateTable, entries: Sequence[RateTableEntry], relativities: Sequence[RateRelativity]
) -> rules.RateTable:
    factors = tuple(table.rating_factors)
    levels: dict[str, dict[str, Decimal]] = {}
    for relativity in relativities:
        levels.setdefault(relativity.factor, {})[relativity.level] = _trimmed(relativity.relativity)
    return rules.RateTable(
        id=table.id,
        code=table.table_code,
        name=table.table_name,
        version=table.version,
        basis=str(table.rate_basis),
        method=str(table.method),
        factors=factors,
        rows=tuple(
            rules.RateRow(
                rate=_trimmed(entry.rate),
                age_from=entry.age_from,
                age_to=entry.age_to,
                gender=entry.gender,
                factors=tuple(
                    (name, entry.factors[name]) for name in factors if name in entry.factors
                ),
            )
            for entry in entries
        ),
        base_rate=None if table.base_rate is None else _trimmed(table.base_rate),
        relativities=levels,
    )


def _trimmed(rate: Decimal) -> Decimal:
    """Return a rate without the zeros that its column adds: 0.52000000 is 0.52."""
    return Decimal(f"{rate.normalize():f}")


def launch_checklist(
    session: Session, version: ProductVersion, on: date
) -> list[rules.LaunchCheck]:
    """Return every check that a version must pass before it is sold on a day."""
    terms = _read_terms(session, version.id)
    return rules.launch_checks(terms, _launch_facts(session, terms.class_code, on))


def launch_problems(session: Session, version: ProductVersion, on: date) -> list[DomainError]:
    """Return why a version cannot be sold on a day, all of it; nothing when it can."""
    terms = _read_terms(session, version.id)
    return rules.launch_problems(terms, _launch_facts(session, terms.class_code, on))


def _launch_facts(session: Session, class_code: str, on: date) -> rules.LaunchFacts:
    licence = session.scalar(
        select(Organization.licence_type).where(Organization.org_id == current_org())
    )
    licensed = session.scalars(
        select(LicensedClass.class_code).where(LicensedClass.org_id == current_org())
    )
    allowed = session.scalars(
        select(AllowedBenefit.benefit_type_code).where(AllowedBenefit.class_code == class_code)
    )
    cap = session.scalar(
        select(DatedParameter.value)
        .where(DatedParameter.code == "funeral_cover_cap", DatedParameter.valid_from <= on)
        .order_by(DatedParameter.valid_from.desc())
        .limit(1)
    )
    if cap is None:
        raise LookupError(f"No funeral cover cap is in force on {on}.")
    return rules.LaunchFacts(
        licensed_classes=frozenset(licensed),
        allowed_benefit_types=frozenset(allowed),
        funeral_cover_cap=cap,
        stillborn_cap=funeral_caps_over_time(session)(on).under_6,
        is_micro=licence is LicenceType.MICRO,
    )
