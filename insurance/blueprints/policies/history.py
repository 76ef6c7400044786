"""What of a policy's history can be undone, and where."""

from collections.abc import Sequence
from uuid import UUID

from insurance.billing.permissions import PremiumsMay
from insurance.core.db import db
from insurance.core.undo import standing
from insurance.policies import queries
from insurance.policies.models import PolicyEvent
from insurance.policies.permissions import PoliciesMay
from insurance.web.undo import UndoOffer, UndoWay, undo_address, undo_offers

UNDO = {
    "POLICY_SUSPENDED": UndoWay(
        "policies.undo_suspension", "policy_event_id", PoliciesMay.LIFECYCLE
    ),
    # Who takes the money of others does not make it vanish: a colleague's needs the right to reverse.
    "PREMIUM_RECEIVED": UndoWay(
        "policies.undo_payment", "policy_event_id", PremiumsMay.PAY, PremiumsMay.REVERSE
    ),
    "PREMIUM_WAIVED": UndoWay("policies.undo_giving_up", "policy_event_id", PremiumsMay.WAIVE),
    "PREMIUM_WRITTEN_OFF": UndoWay("policies.undo_giving_up", "policy_event_id", PremiumsMay.WAIVE),
}


def undo_last(policy_id: UUID) -> str:
    """Return where what was just done to a policy is undone, or nothing where it is not."""
    newest = queries.list_events(db.session(), policy_id, limit=1)
    return undo_address(UNDO, newest[0] if newest else None)


def offers_of(
    events: Sequence[PolicyEvent], newest: Sequence[PolicyEvent]
) -> dict[UUID, UndoOffer]:
    """Return by its id which of the events shown can be undone: only what nothing followed.

    `newest` are the policy's last events of any kind, newest first. A premium that fell due since
    follows nothing.
    """
    acts = [event for event in newest[::-1] if not event.notes_the_calendar]
    last = standing(acts)[-1:]
    return undo_offers(UNDO, [event for event in events if event in last])
