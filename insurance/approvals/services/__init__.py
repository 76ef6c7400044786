"""Commands on requests for a second person, and on the organization's rules for them."""

from insurance.approvals.services.requests import (
    approve_request,
    make_void,
    reject_request,
    request_approval,
    waits_already,
    withdraw_request,
)
from insurance.approvals.services.settings import change_settings
from insurance.approvals.services.waiting import expire_requests, remind_deciders

__all__ = [
    "approve_request",
    "change_settings",
    "expire_requests",
    "make_void",
    "reject_request",
    "remind_deciders",
    "request_approval",
    "waits_already",
    "withdraw_request",
]
