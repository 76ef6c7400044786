"""The policy as the record that a second person is asked about."""

from uuid import UUID

from sqlalchemy.orm import Session

from insurance.approvals.subjects import Record
from insurance.policies.permissions import PoliciesMay
from insurance.policies.queries import get_policy


def _lock(session: Session, policy_id: UUID) -> int:
    return get_policy(session, policy_id, lock=True).current_version


POLICY = Record(
    resource="policies",
    name="policy",
    lock=_lock,
    endpoint="policies.show",
    may_view=PoliciesMay.VIEW,
)
