"""What people are told of requests that two people or more decide."""

from insurance.core.alert_kinds import AlertKind, alert_kind

_REQUEST = {"approval_requests": ("approvals.show", "approval_id")}

ASKED = alert_kind(
    AlertKind(
        "approval_asked",
        "I am asked to decide something",
        "who may agree to it, in their own right or for a colleague",
        "{asked_by} asks you to decide: {title}",
        _REQUEST,
    )
)
DECIDED = alert_kind(
    AlertKind(
        "approval_decided",
        "What I asked for is decided",
        "who asked",
        "{title}: {outcome}",
        _REQUEST,
    )
)
DELEGATED = alert_kind(
    AlertKind(
        "approval_delegated",
        "A colleague lets me decide for them",
        "whom the colleague named",
        "{delegator} lets you decide in their place from {first_day} to {last_day}",
        {"approval_delegations": ("approvals.index", "")},
    )
)
