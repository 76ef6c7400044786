"""What people are told of the mails that they asked for."""

from insurance.core.alert_kinds import AlertKind, alert_kind

FAILED = alert_kind(
    AlertKind(
        "mail_failed",
        "A mail of mine could not be sent",
        "who asked for it",
        "This mail to {to} could not be sent: {subject}",
        {"mails": ("mail.show", "mail_id")},
    )
)
