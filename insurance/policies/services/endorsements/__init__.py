"""Changing a policy in force: preview, draft, issue, undo.

Issued endorsements, folded in the order they take effect, make the contract. So a backdated one
finds its place, and taking the last one away brings everything back.
"""

from insurance.policies.services.endorsements.drafts import (
    discard_endorsement,
    draft_endorsement,
    get_endorsement,
    reprice_endorsement,
)
from insurance.policies.services.endorsements.issue import (
    BACKDATE,
    IssuedEndorsement,
    apply_due,
    apply_due_endorsements,
    continue_after_death,
    endorse,
    endorse_policy,
    issue_endorsement,
)
from insurance.policies.services.endorsements.preview import Preview, preview_endorsement
from insurance.policies.services.endorsements.undo import undo_endorsement
from insurance.policies.services.endorsements.wanted import (
    LATER_STANDS,
    THIS_STANDS,
    EndorsementRequest,
)

__all__ = [
    "BACKDATE",
    "IssuedEndorsement",
    "LATER_STANDS",
    "Preview",
    "THIS_STANDS",
    "EndorsementRequest",
    "apply_due",
    "apply_due_endorsements",
    "continue_after_death",
    "discard_endorsement",
    "draft_endorsement",
    "endorse",
    "endorse_policy",
    "get_endorsement",
    "issue_endorsement",
    "preview_endorsement",
    "reprice_endorsement",
    "undo_endorsement",
]
