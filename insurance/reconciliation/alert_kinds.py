"""What people are told of bank files that are posted while they do something else."""

from insurance.core.alert_kinds import AlertKind, alert_kind

_FILE = {"reconciliation_files": ("reconciliation.show", "file_id")}

POSTED = alert_kind(
    AlertKind(
        "bank_file_posted",
        "A bank file of mine is posted",
        "who had it posted",
        "{name} is posted: {rows} rows, of which {left} went to suspense",
        _FILE,
    )
)
FAILED = alert_kind(
    AlertKind(
        "bank_file_failed",
        "A bank file of mine could not be posted",
        "who had it posted",
        "{name} was posted as far as row {rows} and stopped: {error}",
        _FILE,
    )
)
