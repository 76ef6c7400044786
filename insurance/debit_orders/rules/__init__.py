"""On which day a premium is debited, which premiums a run takes, and what an unpaid code means."""

from insurance.core.business_days import is_business_day
from insurance.debit_orders.rules.codes import (
    CODES,
    MandateStatus,
    Treatment,
    UnpaidCode,
    mandate_after,
    meaning,
    plain_code,
    says_success,
    treatment,
)
from insurance.debit_orders.rules.dates import (
    Convention,
    action_date,
    collection_date,
    collection_days,
    nominal_window,
)
from insurance.debit_orders.rules.references import item_reference
from insurance.debit_orders.rules.results import DebitVerdict, ItemStatus, Post, Result, judge
from insurance.debit_orders.rules.selection import Candidate, Choice, Exclusion, Window, choose

__all__ = [
    "CODES",
    "Candidate",
    "Choice",
    "Convention",
    "Exclusion",
    "ItemStatus",
    "MandateStatus",
    "Post",
    "Result",
    "Treatment",
    "UnpaidCode",
    "DebitVerdict",
    "Window",
    "action_date",
    "choose",
    "collection_date",
    "collection_days",
    "is_business_day",
    "item_reference",
    "judge",
    "mandate_after",
    "meaning",
    "nominal_window",
    "plain_code",
    "says_success",
    "treatment",
]
