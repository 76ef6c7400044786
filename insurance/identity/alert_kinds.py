"""What people are told of the keys by which programs act for them."""

from insurance.core.alert_kinds import AlertKind, alert_kind

KEY_EXPIRES = alert_kind(
    AlertKind(
        "api_key_expires",
        "An API key of mine is about to expire",
        "for whom the key acts",
        "The API key {name} expires on {day}. Make another one for the program before",
        {"api_keys": ("api_keys.index", "")},
    )
)
