"""Judging the claims of a policy again whose lapse never was."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.claims import queries
from insurance.claims.models import ClaimStatus
from insurance.claims.rules.statuses import UNDECIDED
from insurance.claims.services.facts import refresh
from insurance.claims.services.history import hold, tell
from insurance.policies.services.setting_aside import on_setting_aside


def review_claims(session: Session, policy_id: UUID, on: date, now: datetime) -> None:
    """Make the checks of a policy's undecided claims anew, as a step of setting its lapse aside.

    What was rejected stays so until a person reopens it; its history says that cover was unbroken.
    """
    for claim in queries.list_claims_of_policy(session, policy_id):
        held = hold(session, claim.id, on=on, now=now)
        if claim.status in UNDECIDED:
            benefit_ids = [one.policy_benefit_id for one in held.items]
            used, _money = queries.cover_and_money(session, claim.id, benefit_ids, claim.member_id)
            refresh(held, used)
            tell(
                held,
                "CLAIM_CHECKED_AGAIN",
                "The lapse of the policy was set aside: the checks were made again",
                on_policy=False,
            )
        elif claim.status is ClaimStatus.REJECTED:
            tell(
                held,
                "CLAIM_COVER_RESTORED",
                "The lapse of the policy was set aside: reopen the claim to assess it as in force",
                on_policy=False,
            )


on_setting_aside(review_claims)
