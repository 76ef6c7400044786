"""Claims arithmetic: eligibility as at the event, cover, authority, the clock, flags, documents."""

from insurance.claims.rules.authority import (
    DEFAULT_LIMITS,
    Authority,
    AuthorityExceededError,
    Limits,
    check_authority,
    limits_of,
)
from insurance.claims.rules.clock import Clock, clock_of, due_on
from insurance.claims.rules.continuation import (
    Continuation,
    LifeLeft,
    continue_policy,
    goes_on,
    removal_reason,
)
from insurance.claims.rules.documents import (
    DOCUMENTS,
    document_types,
    documents_for,
    is_there,
)
from insurance.claims.rules.earning import earned_between, earned_by
from insurance.claims.rules.eligibility import (
    Check,
    ContractFacts,
    ItemFacts,
    ItemResult,
    assess_item,
    check_cause,
    check_contract,
    check_stillbirth,
    life_causes,
)
from insurance.claims.rules.flags import Flag, FlagFacts, find_flags
from insurance.claims.rules.payees import (
    PayeeKind,
    divide,
    divide_rest,
    in_days_of_change,
    weights_of,
)
from insurance.claims.rules.reasons import REASONS, Reason, find_reason, reasons_for
from insurance.claims.rules.statuses import (
    CLAIM_TYPES,
    TABS,
    UNKNOWN,
    causes_for,
    check_move,
    ends_life,
    read_cause,
    status_after_assessment,
    status_after_payment,
)
from insurance.claims.rules.turns import next_in_turn

__all__ = [
    "CLAIM_TYPES",
    "DEFAULT_LIMITS",
    "DOCUMENTS",
    "REASONS",
    "TABS",
    "UNKNOWN",
    "Authority",
    "AuthorityExceededError",
    "Check",
    "Clock",
    "Continuation",
    "ContractFacts",
    "Flag",
    "FlagFacts",
    "ItemFacts",
    "ItemResult",
    "LifeLeft",
    "Limits",
    "Reason",
    "PayeeKind",
    "assess_item",
    "causes_for",
    "check_authority",
    "check_cause",
    "check_contract",
    "check_stillbirth",
    "check_move",
    "clock_of",
    "continue_policy",
    "divide",
    "divide_rest",
    "document_types",
    "documents_for",
    "due_on",
    "earned_between",
    "earned_by",
    "ends_life",
    "find_flags",
    "find_reason",
    "goes_on",
    "in_days_of_change",
    "is_there",
    "life_causes",
    "limits_of",
    "next_in_turn",
    "read_cause",
    "removal_reason",
    "reasons_for",
    "status_after_assessment",
    "status_after_payment",
    "weights_of",
]
