"""Uploading a bank's file, posting it, and finding a policy for what nobody could match."""

import insurance.reconciliation.proof  # noqa: F401 -- adds what `replay verify` checks
import insurance.reconciliation.services.undoing  # noqa: F401 -- keeps what a bank has, too
from insurance.reconciliation.services.mappings import delete_mapping, save_mapping
from insurance.reconciliation.services.postings import (
    commit_file,
    post_file,
    post_other_money,
    post_uploaded,
)
from insurance.reconciliation.services.suspense import (
    drop_repeated,
    match_suspense,
    return_suspense,
)
from insurance.reconciliation.services.uploads import preview_upload

__all__ = [
    "commit_file",
    "delete_mapping",
    "drop_repeated",
    "match_suspense",
    "post_file",
    "post_other_money",
    "post_uploaded",
    "preview_upload",
    "return_suspense",
    "save_mapping",
]
