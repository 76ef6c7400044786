"""What people are told of month-ends."""

from insurance.core.alert_kinds import AlertKind, alert_kind

_RUN = {"month_end_runs": ("month_end.show", "month_end_run_id")}

PLANNED = alert_kind(
    AlertKind(
        "month_end_planned",
        "A month-end I asked for is planned",
        "who asked for it",
        "The month-end of {day} is planned. Next: {next}",
        _RUN,
    )
)
ENDED = alert_kind(
    AlertKind(
        "month_end_ended",
        "A month-end of mine has ended",
        "who asked for it, and who approved it",
        "The month-end of {day} is {status}. Policies: {policies}. Next: {next}",
        _RUN,
    )
)
FAILED = alert_kind(
    AlertKind(
        "month_end_failed",
        "A month-end of mine has failed",
        "who asked for it, and who approved it",
        "The month-end of {day} has stopped. Next: see why, then apply it again; it goes on there",
        _RUN,
    )
)
