"""reference data: classes of business, benefit types, allowed pairs and dated parameters

Revision ID: 0003
Revises: 0002
"""

from datetime import date
from decimal import Decimal
from uuid import NAMESPACE_URL, uuid5

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

# code, name, category, place in Schedule 2 of the Insurance Act 18 of 2017, allowed benefit types
CLASSES = [
    (
        "RISK",
        "Risk",
        "LIFE",
        "Table 1, class 1",
        "DEATH ACCIDENTAL_DEATH DISABILITY TEMPORARY_DISABILITY INCOME_PROTECTION "
        "CRITICAL_ILLNESS TERMINAL_ILLNESS RETRENCHMENT PREMIUM_WAIVER HOSPITAL_CASH",
    ),
    (
        "FUND_RISK",
        "Fund Risk",
        "LIFE",
        "Table 1, class 2",
        "DEATH ACCIDENTAL_DEATH FUNERAL DISABILITY "
        "TEMPORARY_DISABILITY INCOME_PROTECTION CRITICAL_ILLNESS TERMINAL_ILLNESS PREMIUM_WAIVER",
    ),
    (
        "CREDIT_LIFE",
        "Credit Life",
        "LIFE",
        "Table 1, class 3",
        "DEATH DISABILITY TEMPORARY_DISABILITY CRITICAL_ILLNESS RETRENCHMENT",
    ),
    (
        "FUNERAL",
        "Funeral",
        "LIFE",
        "Table 1, class 4",
        "FUNERAL DEATH ACCIDENTAL_DEATH PREMIUM_WAIVER",
    ),
    (
        "LIFE_ANNUITIES",
        "Life Annuities",
        "LIFE",
        "Table 1, class 5",
        "ANNUITY_INCOME DEATH",
    ),
    (
        "INDIVIDUAL_INVESTMENT",
        "Individual Investment",
        "LIFE",
        "Table 1, class 6",
        "MATURITY DEATH PREMIUM_WAIVER",
    ),
    (
        "MOTOR",
        "Motor",
        "NON_LIFE",
        "Table 2, class 1",
        "PROPERTY_DAMAGE THEFT THIRD_PARTY_LIABILITY",
    ),
    (
        "PROPERTY",
        "Property",
        "NON_LIFE",
        "Table 2, class 2",
        "PROPERTY_DAMAGE THEFT BUSINESS_INTERRUPTION",
    ),
    (
        "AGRICULTURE",
        "Agriculture",
        "NON_LIFE",
        "Table 2, class 3",
        "PROPERTY_DAMAGE THEFT BUSINESS_INTERRUPTION",
    ),
    (
        "ENGINEERING",
        "Engineering",
        "NON_LIFE",
        "Table 2, class 4",
        "PROPERTY_DAMAGE THEFT BUSINESS_INTERRUPTION",
    ),
    (
        "MARINE",
        "Marine",
        "NON_LIFE",
        "Table 2, class 5",
        "PROPERTY_DAMAGE THEFT THIRD_PARTY_LIABILITY",
    ),
    (
        "AVIATION",
        "Aviation",
        "NON_LIFE",
        "Table 2, class 6",
        "PROPERTY_DAMAGE THEFT THIRD_PARTY_LIABILITY",
    ),
    (
        "TRANSPORT",
        "Transport",
        "NON_LIFE",
        "Table 2, class 7",
        "PROPERTY_DAMAGE THEFT THIRD_PARTY_LIABILITY",
    ),
    (
        "RAIL",
        "Rail",
        "NON_LIFE",
        "Table 2, class 8",
        "PROPERTY_DAMAGE THIRD_PARTY_LIABILITY BUSINESS_INTERRUPTION",
    ),
    (
        "LEGAL_EXPENSE",
        "Legal Expense",
        "NON_LIFE",
        "Table 2, class 9",
        "LEGAL_EXPENSES",
    ),
    (
        "LIABILITY",
        "Liability",
        "NON_LIFE",
        "Table 2, class 10",
        "THIRD_PARTY_LIABILITY LEGAL_EXPENSES",
    ),
    (
        "CONSUMER_CREDIT",
        "Consumer Credit",
        "NON_LIFE",
        "Table 2, class 11",
        "DEATH DISABILITY TEMPORARY_DISABILITY RETRENCHMENT CREDIT_DEFAULT",
    ),
    (
        "TRADE_CREDIT",
        "Trade Credit",
        "NON_LIFE",
        "Table 2, class 12",
        "CREDIT_DEFAULT",
    ),
    (
        "GUARANTEE",
        "Guarantee",
        "NON_LIFE",
        "Table 2, class 13",
        "CREDIT_DEFAULT",
    ),
    (
        "ACCIDENT_HEALTH",
        "Accident and Health",
        "NON_LIFE",
        "Table 2, class 14",
        "ACCIDENTAL_DEATH DISABILITY TEMPORARY_DISABILITY HOSPITAL_CASH MEDICAL_EXPENSES",
    ),
    (
        "TRAVEL",
        "Travel",
        "NON_LIFE",
        "Table 2, class 15",
        "ACCIDENTAL_DEATH MEDICAL_EXPENSES TRIP_CANCELLATION "
        "PROPERTY_DAMAGE THEFT THIRD_PARTY_LIABILITY",
    ),
    (
        "TERRORISM",
        "Terrorism",
        "NON_LIFE",
        "Table 2, class 16",
        "PROPERTY_DAMAGE BUSINESS_INTERRUPTION",
    ),
    (
        "MISCELLANEOUS",
        "Miscellaneous",
        "NON_LIFE",
        "Table 2, class 17",
        "PROPERTY_DAMAGE THEFT THIRD_PARTY_LIABILITY BUSINESS_INTERRUPTION",
    ),
]

BENEFIT_TYPES = [
    "DEATH",
    "ACCIDENTAL_DEATH",
    "FUNERAL",
    "DISABILITY",
    "TEMPORARY_DISABILITY",
    "INCOME_PROTECTION",
    "CRITICAL_ILLNESS",
    "TERMINAL_ILLNESS",
    "RETRENCHMENT",
    "PREMIUM_WAIVER",
    "ANNUITY_INCOME",
    "MATURITY",
    "HOSPITAL_CASH",
    "MEDICAL_EXPENSES",
    "PROPERTY_DAMAGE",
    "THEFT",
    "THIRD_PARTY_LIABILITY",
    "LEGAL_EXPENSES",
    "BUSINESS_INTERRUPTION",
    "CREDIT_DEFAULT",
    "TRIP_CANCELLATION",
]

PARAMETERS = [
    ("vat_rate_per_cent", date(1993, 4, 7), "14", "Value-Added Tax Act 89 of 1991, section 7"),
    ("vat_rate_per_cent", date(2018, 4, 1), "15", "Value-Added Tax Act 89 of 1991, section 7"),
    ("funeral_cover_cap", date(2018, 7, 1), "100000", "Insurance Act 18 of 2017, Schedule 2"),
    ("minimum_grace_days_monthly", date(2018, 1, 1), "15", "LT PPR rule 15A"),
]


def _id(kind: str, code: str):
    return uuid5(NAMESPACE_URL, f"insurance:{kind}:{code}")


def _name(code: str) -> str:
    return code.replace("_", " ").capitalize()


def upgrade() -> None:
    metadata = sa.MetaData(schema="ins")
    tables = {
        name: sa.Table(name, metadata, autoload_with=op.get_bind())
        for name in ("product_classes", "benefit_types", "allowed_benefits", "dated_parameters")
    }
    op.bulk_insert(
        tables["product_classes"],
        [
            {
                "id": _id("class", code),
                "code": code,
                "name": name,
                "category": category,
                "act_reference": f"Insurance Act 18 of 2017, Schedule 2, {place}",
                "display_order": order,
            }
            for order, (code, name, category, place, _allowed) in enumerate(CLASSES, 1)
        ],
    )
    op.bulk_insert(
        tables["benefit_types"],
        [
            {"id": _id("benefit", code), "code": code, "name": _name(code), "display_order": order}
            for order, code in enumerate(BENEFIT_TYPES, 1)
        ],
    )
    op.bulk_insert(
        tables["allowed_benefits"],
        [
            {"class_code": row[0], "benefit_type_code": code}
            for row in CLASSES
            for code in row[4].split()
        ],
    )
    op.bulk_insert(
        tables["dated_parameters"],
        [
            {"code": code, "valid_from": start, "value": Decimal(value), "source": source}
            for code, start, value, source in PARAMETERS
        ],
    )


def downgrade() -> None:
    for table in ("allowed_benefits", "dated_parameters", "benefit_types", "product_classes"):
        op.execute(f"DELETE FROM ins.{table}")
