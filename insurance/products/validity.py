"""What terms, benefits and inception rules may say at all, in a draft too."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from insurance.core.errors import DomainError
from insurance.products.models import InceptionRule, ProductBenefit, ProductVersion
from insurance.products.rules import MAX_AGE, MONTHS_PER_PREMIUM

ROLES_WITH_AGES = ("SPOUSE", "CHILD", "PARENT", "EXTENDED")
CODE = re.compile(r"[A-Z][A-Z0-9_]{0,39}", re.ASCII)
FIELD_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?", re.ASCII)
TABLE_CODE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,59})", re.ASCII)


CLASS_OF_TYPE = {
    "TERM_LIFE": "RISK",
    "WHOLE_LIFE": "RISK",
    "DISABILITY": "RISK",
    "CRITICAL_ILLNESS": "RISK",
    "INCOME_PROTECTION": "RISK",
    "FUNERAL": "FUNERAL",
    "CREDIT_LIFE": "CREDIT_LIFE",
    "GROUP_RISK": "FUND_RISK",
    "ANNUITY": "LIFE_ANNUITIES",
    "ENDOWMENT": "INDIVIDUAL_INVESTMENT",
    "HOUSEHOLD": "PROPERTY",
    "HOME_CONTENTS": "PROPERTY",
    "BUILDINGS": "PROPERTY",
    "PERSONAL_ACCIDENT": "ACCIDENT_HEALTH",
    "HOSPITAL_CASH": "ACCIDENT_HEALTH",
    "LEGAL": "LEGAL_EXPENSE",
}
"""The class of business a product type belongs to; a class code is also a type of its own."""


def class_of(product_type: str, class_code: str) -> str | None:
    """Return the class of a product: the one that is named, else the one its type belongs to."""
    return class_code or CLASS_OF_TYPE.get(product_type) or product_type or None


def check_terms(terms: ProductVersion) -> list[DomainError]:
    """Return what is wrong with the terms of a version, each at its field."""
    found = [
        *_not_within(terms, "waiting_period_days", "The waiting period", 0, 3660, "days"),
        *_not_within(terms, "default_term_years", "The term", 1, 100, "years"),
        *_not_within(terms, "quote_valid_days", "The validity of a quote", 1, 365, "days"),
        *_not_within(terms, "backdating_limit_days", "The backdating limit", 0, 365, "days"),
        *_not_within(terms, "short_rate_per_cent", "The short rate", 0, 100, "per cent"),
        *_not_within(terms, "min_entry_age", "The youngest entry age", 0, MAX_AGE, "years"),
        *_not_within(terms, "max_entry_age", "The oldest entry age", 0, MAX_AGE, "years"),
        *_not_within(terms, "newborn_cover_days", "The time to name a newborn", 0, 365, "days"),
        *_premium_free(terms),
        *_negative(
            terms, ("base_premium", "coverage_amount", "min_sum_assured", "max_sum_assured")
        ),
    ]
    found += _bad_role_ages(terms.role_ages)
    if exceeds(terms.min_entry_age, terms.max_entry_age):
        found.append(
            DomainError(
                f"The oldest entry age must not be below the youngest, {terms.min_entry_age}.",
                field="max_entry_age",
            )
        )
    if exceeds(terms.min_sum_assured, terms.max_sum_assured):
        found.append(
            DomainError(
                "The largest sum assured must not be below the smallest.", field="max_sum_assured"
            )
        )
    return found


def _premium_free(terms: ProductVersion) -> list[DomainError]:
    """Months without premium belong to PREMIUM_FREE, and to nothing else."""
    months = terms.premium_free_months
    if terms.main_death == "PREMIUM_FREE":
        return _not_within(terms, "premium_free_months", "Months without premium", 1, 24, "months")
    if months:
        words = "Only a policy that goes on without premium has such months."
        return [DomainError(words, field="premium_free_months")]
    return []


def _bad_role_ages(role_ages: Mapping[str, Any]) -> list[DomainError]:
    """Refuse entry ages of the main member, whose own fields hold them, and spans that end first."""
    found = []
    for role, ages in role_ages.items():
        if role not in ROLES_WITH_AGES:
            found.append(f"{role} has no entry ages of its own.")
        elif any(age is not None and not 0 <= age <= MAX_AGE for age in ages):
            found.append(f"Entry ages of a {role.lower()} are 0 to {MAX_AGE}.")
        elif exceeds(ages[0], ages[1]):
            found.append(f"The oldest entry age of a {role.lower()} is below the youngest.")
    return [DomainError(words, field="role_ages") for words in found]


def check_benefit(benefit: ProductBenefit) -> list[DomainError]:
    """Return what is wrong with a benefit in itself, each at its field."""
    found = [
        *_bad_code(benefit.benefit_code, "benefit_code"),
        *_not_within(benefit, "waiting_period_days", "The waiting period", 0, 3660, "days"),
        *_not_within(benefit, "display_order", "The order", 0, 999, ""),
        *_negative(benefit, ("default_amount", "max_amount", "flat_premium", "excess_amount")),
        *_not_within(benefit, "excess_per_cent", "The excess", 0, 100, "per cent"),
    ]
    if exceeds(benefit.default_amount, benefit.max_amount):
        found.append(
            DomainError(
                "The default amount must not be above the largest amount.", field="default_amount"
            )
        )
    if benefit.is_main and not benefit.is_mandatory:
        found.append(DomainError("Every policy must have its main benefit.", field="is_main"))
    if benefit.is_main and benefit.benefit_amount_type in ("PERCENTAGE", "MULTIPLE"):
        found.append(
            DomainError(
                "The main benefit cannot be a part or a multiple of its own cover.",
                field="is_main",
            )
        )
    if benefit.rate_table_id is not None and benefit.flat_premium is not None:
        found.append(
            DomainError(
                "A benefit is priced by a rate table or by a flat premium, not by both.",
                field="flat_premium",
            )
        )
    return found


def check_inception_rule(rule: InceptionRule) -> list[DomainError]:
    """Return what is wrong with an inception rule, each at its field."""
    found = []
    if not FIELD_CODE.fullmatch(rule.field_code):
        found.append(
            DomainError(
                "Use small letters, digits and underscores, such as smoker_status.",
                field="field_code",
            )
        )
    found += _bad_options(str(rule.field_type), list(rule.options))
    if str(rule.field_type) != "NUMBER" and (rule.min_value, rule.max_value) != (None, None):
        found.append(
            DomainError("Only a number has a smallest and largest value.", field="min_value")
        )
    if exceeds(rule.min_value, rule.max_value):
        found.append(
            DomainError("The largest value must not be below the smallest.", field="max_value")
        )
    return found + _not_within(rule, "display_order", "The order", 0, 999, "")


def _bad_options(field_type: str, options: list[str]) -> list[DomainError]:
    if field_type != "CHOICE":
        return [DomainError("Only a choice has options.", field="options")] if options else []
    if len(options) < 2:
        return [DomainError("A choice needs at least two options.", field="options")]
    if len(set(options)) < len(options):
        return [DomainError("Each option may appear only once.", field="options")]
    return []


def _bad_code(code: str, field: str) -> list[DomainError]:
    if CODE.fullmatch(code):
        return []
    return [
        DomainError("Use capital letters, digits and underscores, such as DEATH_MAIN.", field=field)
    ]


def check_code(code: str, field: str) -> None:
    """Raise DomainError at the field unless a code is in capitals, digits and underscores."""
    for error in _bad_code(code, field):
        raise error


def _not_within(
    record: object, field: str, what: str, low: int, high: int, unit: str
) -> list[DomainError]:
    value = getattr(record, field)
    if value is None or low <= value <= high:
        return []
    span = f"{low} to {high} {unit}".strip()
    return [DomainError(f"{what} must be {span}.", field=field)]


def _negative(record: object, fields: Iterable[str]) -> list[DomainError]:
    return [
        DomainError("An amount cannot be negative.", field=field)
        for field in fields
        if (getattr(record, field) or 0) < 0
    ]


def exceeds(low: int | Decimal | None, high: int | Decimal | None) -> bool:
    """Tell whether the low end of a span lies above its high end."""
    return low is not None and high is not None and low > high


def check_modal_loadings(loadings: Mapping[str, Decimal]) -> list[DomainError]:
    """Return what is wrong with the per cent that paying less or more often costs."""
    return [
        DomainError(
            f"A loading is 0 to 100 per cent for {', '.join(MONTHS_PER_PREMIUM)}.",
            field="modal_loadings",
        )
        for frequency, percent in loadings.items()
        if frequency not in MONTHS_PER_PREMIUM or not 0 <= percent <= 100
    ]
