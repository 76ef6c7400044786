"""Commands on policies: issue, pay, endorse, change status, keep the schedule."""

from insurance.policies.services.cancellation import (
    Cancellation,
    CancellationPreview,
    cancel_policy,
    preview_cancellation,
)
from insurance.policies.services.double_insurance import (
    DuplicateRegistrationError,
    find_insured,
)
from insurance.policies.services.held_money import forecast_of
from insurance.policies.services.issue import Issued, accept_quote
from insurance.policies.services.lifecycle import (
    WayBack,
    expire_policy,
    find_way_back,
    lapse_policy,
    mark_not_taken_up,
    reinstate_policy,
    renew_policy,
    suspend_policy,
)
from insurance.policies.services.moves import LifecycleOutcome
from insurance.policies.services.payers import refund_payee
from insurance.policies.services.payments import (
    Answers,
    Paid,
    pay_premium,
    receive_payment,
    record_payments,
    reverse_payment,
)
from insurance.policies.services.relief import (
    can_be_paid_back,
    pay_refund,
    refunds_payable,
    waive_premium,
    write_off_premium,
)
from insurance.policies.services.reveal import reveal_number
from insurance.policies.services.setting_aside import list_proofs, set_lapse_aside
from insurance.policies.services.undoing import undo_giving_up, undo_payment, undo_suspension

__all__ = [
    "DuplicateRegistrationError",
    "Cancellation",
    "CancellationPreview",
    "Issued",
    "LifecycleOutcome",
    "Paid",
    "WayBack",
    "accept_quote",
    "can_be_paid_back",
    "cancel_policy",
    "expire_policy",
    "find_way_back",
    "forecast_of",
    "lapse_policy",
    "list_proofs",
    "mark_not_taken_up",
    "Answers",
    "pay_premium",
    "pay_refund",
    "find_insured",
    "preview_cancellation",
    "receive_payment",
    "record_payments",
    "refund_payee",
    "refunds_payable",
    "reinstate_policy",
    "renew_policy",
    "reveal_number",
    "reverse_payment",
    "set_lapse_aside",
    "suspend_policy",
    "undo_giving_up",
    "undo_payment",
    "undo_suspension",
    "waive_premium",
    "write_off_premium",
]
