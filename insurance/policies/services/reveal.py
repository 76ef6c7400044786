"""Showing the number of a life insured, as one recorded look."""

from uuid import UUID

from insurance.audit_logs.services import record
from insurance.core.db import transaction
from insurance.core.errors import NotFoundError
from insurance.customers.life_numbers import numbers_shown
from insurance.policies import queries


def reveal_number(policy_id: UUID, member_id: UUID) -> str:
    """Return a life's ID or passport number; the look is written to the audit log.

    Raises NotFoundError for a life that the policy does not have, or that has no number.
    """
    with transaction() as session:
        policy = queries.get_policy(session, policy_id)
        members = queries.list_members(session, policy_id)
        member = next((one for one in members if one.id == member_id), None)
        reference = (member.id_number_ref or member.passport_ref) if member else None
        if reference is None:
            raise NotFoundError
        record(
            session,
            action="policies.reveal",
            resource="policies",
            resource_id=policy.id,
            after={"member_id": member_id},
        )
        return numbers_shown(session, [reference])[reference]
