"""What differs between two versions of a product, and between two rate tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from insurance.products import rules
from insurance.products.models import ProductVersion
from insurance.products.queries.terms import load_rate_tables
from insurance.products.queries.versions import VersionContent, get_content

TERMS = (
    "pricing_method",
    "base_premium",
    "rate_table",
    "coverage_amount",
    "min_entry_age",
    "max_entry_age",
    "role_ages",
    "min_sum_assured",
    "max_sum_assured",
    "waiting_period_days",
    "term_type",
    "default_term_years",
    "premium_projection_type",
    "quote_valid_days",
    "backdating_limit_days",
    "pro_rata_method",
    "cancellation_basis",
    "short_rate_per_cent",
    "main_death",
    "premium_free_months",
    "newborn_cover_days",
    "modal_loadings",
)
BENEFIT = (
    "benefit_name",
    "benefit_type_code",
    "benefit_amount_type",
    "default_amount",
    "max_amount",
    "waiting_period_days",
    "is_mandatory",
    "is_main",
    "display_order",
    "member_role",
    "rate_table",
    "rate_basis",
    "flat_premium",
    "per_policy",
    "object_kind",
    "excess_amount",
    "excess_per_cent",
)
QUESTION = (
    "label",
    "field_type",
    "is_required",
    "options",
    "min_value",
    "max_value",
    "display_order",
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that says something else in the later version."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Section:
    """What differs in one part of a version: its terms, a benefit, a rate table."""

    title: str
    kind: str
    differences: Sequence[Difference]


def compare_versions(
    session: Session, before: ProductVersion | None, after: ProductVersion
) -> list[Section]:
    """Return what differs between two versions, part by part; nothing where they agree.

    Against no version at all it is everything that the later one says.
    """
    left = get_content(session, before) if before else None
    right = get_content(session, after)
    sections = [
        Section("Terms", "terms", _differences(_terms(left), _terms(right))),
        *_parts("benefit", _benefits(left), _benefits(right)),
        *_parts("inception rule", _questions(left), _questions(right)),
        *_rate_sections(session, left, right),
    ]
    return [section for section in sections if section.differences]


def compare_rates(before: rules.RateTable, after: rules.RateTable) -> list[Difference]:
    """Return the rates that differ between two tables, with rows that only one of them has."""
    return _differences(_rates(before), _rates(after))


def _terms(content: VersionContent | None) -> dict[str, Any]:
    return _said(content.version, TERMS, content) if content else {}


def _benefits(content: VersionContent | None) -> dict[str, dict[str, Any]]:
    if content is None:
        return {}
    return {benefit.benefit_code: _said(benefit, BENEFIT, content) for benefit in content.benefits}


def _questions(content: VersionContent | None) -> dict[str, dict[str, Any]]:
    if content is None:
        return {}
    return {rule.field_code: _said(rule, QUESTION, content) for rule in content.inception_rules}


def _said(record: Any, fields: Sequence[str], content: VersionContent) -> dict[str, Any]:
    said = {field: getattr(record, field) for field in fields if field != "rate_table"}
    if "rate_table" in fields:
        table = content.rate_tables.get(record.rate_table_id)
        said["rate_table"] = table and f"{table.table_name}, version {table.version}"
    return said


def _parts(
    kind: str, left: Mapping[str, dict[str, Any]], right: Mapping[str, dict[str, Any]]
) -> list[Section]:
    codes = dict.fromkeys((*left, *right))
    return [
        Section(code, kind, _differences(left.get(code, {}), right.get(code, {}))) for code in codes
    ]


def _rate_sections(
    session: Session, left: VersionContent | None, right: VersionContent
) -> list[Section]:
    """Compare tables of one code that both versions use, each in its own version of the table."""
    if left is None:
        return []
    earlier = {table.table_code: table.id for table in left.rate_tables.values()}
    later = {table.table_code: table.id for table in right.rate_tables.values()}
    changed = [code for code in earlier if code in later and earlier[code] != later[code]]
    if not changed:
        return []
    wanted = {ids[code] for ids in (earlier, later) for code in changed}
    tables = load_rate_tables(session, wanted)
    return [
        Section(
            tables[later[code]].name,
            "rates",
            compare_rates(tables[earlier[code]], tables[later[code]]),
        )
        for code in changed
    ]


def _rates(table: rules.RateTable) -> dict[str, Any]:
    rates: dict[str, Any] = {str(row): row.rate for row in table.rows}
    if table.base_rate is not None:
        rates["base rate"] = table.base_rate
    for factor, levels in table.relativities.items():
        rates |= {f"{factor} {level}": relativity for level, relativity in levels.items()}
    return rates


def _differences(left: Mapping[str, Any], right: Mapping[str, Any]) -> list[Difference]:
    return [
        Difference(field, left.get(field), right.get(field))
        for field in dict.fromkeys((*left, *right))
        if left.get(field) != right.get(field)
    ]
