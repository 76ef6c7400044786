"""What anybody may be told of, whatever they work on."""

from insurance.core.alert_kinds import AlertKind, alert_kind

MENTIONED = alert_kind(
    AlertKind(
        "mentioned",
        "I am named in a note",
        "whom a note names",
        "{by} named you in a note on {record}",
        {
            "customers": ("customers.show", "customer_id"),
            "quotes": ("quotes.show", "quote_id"),
            "policies": ("policies.show", "policy_id"),
            "claims": ("claims.show", "claim_id"),
        },
    )
)
