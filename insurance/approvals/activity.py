"""What is done in approvals, in the words of the trade; `{name}` is a value of the entry."""

ACTIVITY = {
    "approvals.agree": "Agreed",
    "approvals.approve": "Approved",
    "approvals.reject": "Rejected",
    "approvals.withdraw": "Request withdrawn",
    "approvals.void": "Request void",
    "approvals.expire": "Request expired",
    "approvals.request": "A second person was asked",
    "approvals.remind": "Approvers reminded",
    "approvals.change_settings": "Rules of approval changed",
    "approvals.delegate": "A stand-in was named",
    "approvals.withdraw_delegation": "Stand-in taken back",
}
