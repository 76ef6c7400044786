"""Commands on requests for a second person, and on the organization's rules for them."""

from insurance.approvals.services.delegations import delegate_decisions, withdraw_delegation
from insurance.approvals.services.requests import (
    approve_request,
    close,
    make_void,
    reject_request,
    request_approval,
    waits_already,
    withdraw_request,
)
from insurance.approvals.services.settings import change_settings
from insurance.approvals.services.standing import standing_to_agree, standing_to_reject
from insurance.approvals.services.waiting import expire_requests, remind_deciders

__all__ = [
    "approve_request",
    "change_settings",
    "close",
    "delegate_decisions",
    "expire_requests",
    "make_void",
    "reject_request",
    "remind_deciders",
    "request_approval",
    "standing_to_agree",
    "standing_to_reject",
    "waits_already",
    "withdraw_delegation",
    "withdraw_request",
]
