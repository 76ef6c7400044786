"""What people are told of claims."""

from insurance.core.alert_kinds import AlertKind, alert_kind

ASSIGNED = alert_kind(
    AlertKind(
        "claim_assigned",
        "A claim is given to me",
        "who is to assess it",
        "Claim {number} is yours now{by}",
        {"claims": ("claims.show", "claim_id")},
    )
)
