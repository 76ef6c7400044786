"""Commands on claims: submit, document, assess, pay, and the work around them."""

from insurance.claims.services.assessment import Assessment, assess_claim
from insurance.claims.services.authority import (
    HandlingSettings,
    change_settings,
    limits_version,
    my_limits,
    set_level,
    set_limit,
)
from insurance.claims.services.clock import watch_deadlines
from insurance.claims.services.documents import (
    add_document,
    request_document,
    review_document,
)
from insurance.claims.services.ending import is_ended_by_claim
from insurance.claims.services.figures import count_claims
from insurance.claims.services.handling import (
    add_note,
    assign_claim,
    clear_flag,
    close_claim,
    finish_task,
    reopen_claim,
    take_next,
)
from insurance.claims.services.money import change_reserve, record_recovery
from insurance.claims.services.payees import (
    Payee,
    change_payees,
    pay_by_policy,
    verify_account,
)
from insurance.claims.services.payments import (
    NewPayment,
    PaymentOutcome,
    needs_second_person,
    pay_claim,
    void_payment,
)
from insurance.claims.services.restoring import undo_death
from insurance.claims.services.reviewing import review_claims
from insurance.claims.services.submission import (
    Claimant,
    NewClaim,
    NewItem,
    lives_covered,
    name_of,
    submit_claim,
)
from insurance.claims.services.undoing import (
    undo_assignment,
    undo_flag_cleared,
    undo_note,
    undo_task_done,
)

__all__ = [
    "count_claims",
    "Assessment",
    "Claimant",
    "HandlingSettings",
    "NewClaim",
    "NewItem",
    "NewPayment",
    "Payee",
    "PaymentOutcome",
    "add_document",
    "add_note",
    "assess_claim",
    "assign_claim",
    "change_payees",
    "change_reserve",
    "change_settings",
    "clear_flag",
    "close_claim",
    "finish_task",
    "is_ended_by_claim",
    "lives_covered",
    "my_limits",
    "name_of",
    "needs_second_person",
    "pay_by_policy",
    "pay_claim",
    "record_recovery",
    "review_claims",
    "reopen_claim",
    "request_document",
    "review_document",
    "set_level",
    "set_limit",
    "submit_claim",
    "take_next",
    "undo_death",
    "limits_version",
    "undo_assignment",
    "undo_flag_cleared",
    "undo_note",
    "undo_task_done",
    "verify_account",
    "void_payment",
    "watch_deadlines",
]
