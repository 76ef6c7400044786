"""What a bank's file says, and what becomes of each of its rows. Nothing here knows a database."""

from insurance.reconciliation.rules.formats import FileFormat
from insurance.reconciliation.rules.ignored import amount_of, ignore, is_premium
from insurance.reconciliation.rules.numbers import near_numbers, policy_number_in, search_words
from insurance.reconciliation.rules.rows import (
    COLUMNS,
    Fault,
    LineType,
    Outcome,
    RawRow,
    Row,
    read_row,
)
from insurance.reconciliation.rules.verdicts import (
    PAYING,
    Decision,
    KnownDebit,
    KnownPolicy,
    KnownReceipt,
    Standing,
    Verdict,
    answers_debit,
    decide,
)

__all__ = [
    "COLUMNS",
    "PAYING",
    "Decision",
    "Fault",
    "FileFormat",
    "KnownDebit",
    "KnownPolicy",
    "KnownReceipt",
    "LineType",
    "Outcome",
    "RawRow",
    "Row",
    "Standing",
    "Verdict",
    "amount_of",
    "answers_debit",
    "decide",
    "ignore",
    "is_premium",
    "near_numbers",
    "policy_number_in",
    "read_row",
    "search_words",
]
