"""What a product promises, what it costs by the table, and when it may be sold."""

from insurance.products.rules.caps import FuneralCaps
from insurance.products.rules.launch import (
    FUNERAL,
    LaunchCheck,
    LaunchFacts,
    launch_checks,
    launch_problems,
    max_waiting_days,
)
from insurance.products.rules.objects import (
    OBJECT_FIELDS,
    OBJECT_KINDS,
    PLACE_FIELDS,
    ObjectField,
    insures_persons,
    object_kinds,
)
from insurance.products.rules.rates import (
    GENDERS,
    KNOWN_FACTORS,
    MAX_AGE,
    UNISEX,
    Factors,
    RateRow,
    RateTable,
    check_rate_table,
    conflicting_rows,
    coverage_gaps,
)
from insurance.products.rules.terms import (
    EVERY_LIFE,
    MAIN_MEMBER,
    MONTHS_PER_PREMIUM,
    BenefitTerms,
    ProductTerms,
    Question,
    main_benefit,
)

__all__ = [
    "EVERY_LIFE",
    "FUNERAL",
    "GENDERS",
    "KNOWN_FACTORS",
    "MAIN_MEMBER",
    "MAX_AGE",
    "MONTHS_PER_PREMIUM",
    "OBJECT_FIELDS",
    "OBJECT_KINDS",
    "PLACE_FIELDS",
    "UNISEX",
    "BenefitTerms",
    "Factors",
    "FuneralCaps",
    "LaunchCheck",
    "LaunchFacts",
    "ObjectField",
    "ProductTerms",
    "Question",
    "RateRow",
    "RateTable",
    "check_rate_table",
    "conflicting_rows",
    "coverage_gaps",
    "insures_persons",
    "launch_checks",
    "launch_problems",
    "main_benefit",
    "max_waiting_days",
    "object_kinds",
]
