"""Two versions of a product beside each other."""

from collections.abc import Sequence
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from flask import Response, request

from insurance.blueprints.products import bp
from insurance.core.db import db
from insurance.core.errors import NotFoundError
from insurance.core.money import format_money
from insurance.products import queries
from insurance.products.models import ProductVersion
from insurance.products.permissions import ProductsMay
from insurance.web.access import requires
from insurance.web.filters import words
from insurance.web.html import page

_AMOUNTS = (
    "base_premium",
    "coverage_amount",
    "min_sum_assured",
    "max_sum_assured",
    "default_amount",
    "max_amount",
    "flat_premium",
    "excess_amount",
)


TITLES = {
    "terms": "Terms",
    "benefit": "Benefit {}",
    "inception rule": "Question {}",
    "rates": "Rates: {}",
}
_LABELS = {
    "pricing_method": "Pricing",
    "base_premium": "Base premium",
    "rate_table": "Rate table",
    "coverage_amount": "Usual cover",
    "min_entry_age": "Youngest entry age",
    "max_entry_age": "Oldest entry age",
    "role_ages": "Entry ages of other lives",
    "min_sum_assured": "Smallest cover",
    "max_sum_assured": "Largest cover",
    "waiting_period_days": "Waiting period in days",
    "term_type": "Term",
    "default_term_years": "Years of the term",
    "premium_projection_type": "Premium over the years",
    "quote_valid_days": "Quotes are valid for days",
    "backdating_limit_days": "Cover may be backdated by days",
    "pro_rata_method": "Changes inside a period",
    "cancellation_basis": "Refund at cancellation",
    "short_rate_per_cent": "Short rate in per cent",
    "modal_loadings": "Loadings by frequency",
    "main_death": "Death of the main member",
    "premium_free_months": "Months without premium after it",
    "newborn_cover_days": "Days to name a newborn who is covered from birth",
    "benefit_name": "Name",
    "benefit_type_code": "Benefit type",
    "benefit_amount_type": "Amount",
    "default_amount": "Usual amount",
    "max_amount": "Largest amount",
    "rate_basis": "Basis of the rate",
    "flat_premium": "Flat premium",
    "is_mandatory": "In every policy",
    "is_main": "Main benefit",
    "display_order": "Order in the list",
    "member_role": "Who is covered",
    "per_policy": "One premium for the policy",
    "object_kind": "What is insured",
    "excess_amount": "Excess",
    "excess_per_cent": "Excess in per cent of the loss",
    "rates_that_differ": "Rates that differ",
    "label": "Question",
    "field_type": "Answer",
    "is_required": "Required",
    "options": "Choices",
    "min_value": "Smallest value",
    "max_value": "Largest value",
}


@bp.get("/<uuid:product_id>/compare")
@requires(ProductsMay.VIEW)
def compare(product_id: UUID) -> Response:
    """Show what differs between two versions, by default the two newest."""
    session = db.session()
    product = queries.get_product(session, product_id)
    versions = list(queries.list_versions(session, product_id))
    after = _numbered(versions, request.args.get("to"), versions[0])
    before = _numbered(versions, request.args.get("from"), versions[min(1, len(versions) - 1)])
    sections = queries.compare_versions(session, before, after)
    return page(
        "products/compare.html",
        part="comparison",
        product=product,
        versions=versions,
        before=before,
        after=after,
        sections=[
            (
                TITLES[section.kind].format(section.title),
                [
                    row
                    for difference in section.differences
                    if (row := row_of(difference)) is not None
                ],
            )
            for section in sections
        ],
    )


def row_of(one: queries.Difference) -> tuple[str, str | None, str | None] | None:
    """Return a difference as a row; None where neither version says anything."""
    before, after = shown(one.field, one.before), shown(one.field, one.after)
    if before is None and after is None:
        return None
    return _LABELS.get(one.field, one.field), before, after


def shown(field: str, value: Any) -> str | None:
    """Return a value as a person reads it; None where there is none."""
    if value is None or value in ([], {}):
        return None
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, Enum):
        return words(value.value).replace("Yes no", "Yes or no")
    if isinstance(value, Decimal):
        return format_money(value) if field in _AMOUNTS else plain_number(value)
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    if field == "role_ages":
        return ", ".join(f"{words(role)} {span(ages)}" for role, ages in value.items())
    if isinstance(value, dict):
        return ", ".join(f"{words(name)} {part}%" for name, part in value.items())
    return str(value)


def span(ages: Sequence[int | None]) -> str:
    """Return entry ages as a form takes them: 0–21, 18+."""
    low, high = ages[0] or 0, ages[1]
    return f"{low}+" if high is None else f"{low}–{high}"


def _numbered(
    versions: list[ProductVersion], number: str | None, default: ProductVersion
) -> ProductVersion:
    if number is None:
        return default
    for version in versions:
        if str(version.number) == number:
            return version
    raise NotFoundError("There is no such product version.")


@bp.app_template_filter("plain_number")
def plain_number(value: Decimal | None) -> str:
    """Return a number without noughts after the comma: `1 000 000`, `0,52`, or a dash."""
    if value is None:
        return "–"
    return f"{Decimal(f'{value.normalize():f}'):,f}".replace(",", "\u00a0").replace(".", ",")
