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
    RawRow,
    Row,
    RowOutcome,
    find_amount,
    is_about_money,
    read_row,
)
from insurance.reconciliation.rules.verdicts import (
    PAYING,
    RECEIVING,
    BookStanding,
    Known,
    KnownDebit,
    KnownPolicy,
    RowDecision,
    RowVerdict,
    decide,
)

__all__ = [
    "COLUMNS",
    "PAYING",
    "RECEIVING",
    "RowDecision",
    "Fault",
    "FileFormat",
    "Known",
    "KnownDebit",
    "KnownPolicy",
    "KnownReceipt",
    "LineType",
    "RowOutcome",
    "RawRow",
    "Recognition",
    "Row",
    "BookStanding",
    "RowVerdict",
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
