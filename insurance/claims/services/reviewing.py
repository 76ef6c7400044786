"""Judging the claims of a policy again whose cover has become another since."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy.orm import Session

from insurance.claims import queries
from insurance.claims.models import ClaimStatus
from insurance.claims.rules.statuses import UNDECIDED
from insurance.claims.services.facts import refresh
from insurance.claims.services.history import hold, tell
from insurance.policies.services.past_cover import PastCover, on_past_cover


def review_claims(session: Session, changes: Sequence[PastCover], on: date, now: datetime) -> None:
    """Make the checks of undecided claims of events since a day anew, as a step of the change.

    What was rejected stays so until a person reopens it; its history says that cover was restored.
    """
    by_policy = {change.policy_id: change for change in changes}
    for claim in queries.list_claims_to_review(session, by_policy):
        change = by_policy[claim.policy_id]
        if claim.event_date < change.since:
            continue
        if claim.status in UNDECIDED:
            held = hold(session, claim.id, on=on, now=now)
            benefit_ids = [item.policy_benefit_id for item in held.items]
            used, _money = queries.cover_and_money(session, claim.id, benefit_ids, claim.member_id)
            refresh(held, used)
            words = f"{change.why}: the checks were made again"
            tell(held, "CLAIM_CHECKED_AGAIN", words, on_policy=False)
        elif claim.status is ClaimStatus.REJECTED and change.is_restored:
            held = hold(session, claim.id, on=on, now=now)
            words = f"{change.why}: reopen the claim to assess it as in force"
            tell(held, "CLAIM_COVER_RESTORED", words, on_policy=False)


on_past_cover(review_claims)
