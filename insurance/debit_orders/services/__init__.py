"""Commands on mandates, runs and holidays, and the step that takes in what banks answer."""

from insurance.debit_orders.services.files import RunFile, download_file
from insurance.debit_orders.services.holidays import add_holiday, remove_holiday
from insurance.debit_orders.services.mandates import (
    NewMandate,
    activate_mandate,
    cancel_mandate,
    cancel_mandates_of,
    create_mandate,
    suspend_mandate,
)
from insurance.debit_orders.services.results import DebitOutcome, ResultRow, mark_results
from insurance.debit_orders.services.runs import (
    RunPreview,
    cancel_run,
    prepare_run,
    preview_run,
    release_run,
)

__all__ = [
    "NewMandate",
    "DebitOutcome",
    "RunPreview",
    "ResultRow",
    "RunFile",
    "activate_mandate",
    "add_holiday",
    "cancel_mandate",
    "cancel_mandates_of",
    "cancel_run",
    "create_mandate",
    "download_file",
    "mark_results",
    "prepare_run",
    "preview_run",
    "release_run",
    "remove_holiday",
    "suspend_mandate",
]
