"""What a bank's file says, and what becomes of each of its rows. Nothing here knows a database."""

from insurance.reconciliation.rules.formats import FileFormat
from insurance.reconciliation.rules.ignored import amount_of, ignore, is_premium
from insurance.reconciliation.rules.movements import KnownReceipt, Recognition, recognise
from insurance.reconciliation.rules.numbers import (
    near_numbers,
    policy_number_in,
    policy_number_of,
    search_words,
)
from insurance.reconciliation.rules.rows import (
    COLUMNS,
    Fault,
    LineType,
    Outcome,
    RawRow,
    Row,
    find_amount,
    is_about_money,
    read_row,
)
from insurance.reconciliation.rules.verdicts import (
    PAYING,
    RECEIVING,
    Decision,
    Known,
    KnownDebit,
    KnownPolicy,
    Standing,
    Verdict,
    decide,
)

__all__ = [
    "COLUMNS",
    "PAYING",
    "RECEIVING",
    "Decision",
    "Fault",
    "FileFormat",
    "Known",
    "KnownDebit",
    "KnownPolicy",
    "KnownReceipt",
    "LineType",
    "Outcome",
    "RawRow",
    "Recognition",
    "Row",
    "Standing",
    "Verdict",
    "amount_of",
    "decide",
    "find_amount",
    "ignore",
    "is_about_money",
    "is_premium",
    "near_numbers",
    "policy_number_in",
    "policy_number_of",
    "read_row",
    "recognise",
    "search_words",
]
