"""Policies as a kind of record with notes, documents, letters and messages."""

from insurance.correspondence.kinds import RecordKind, register
from insurance.policies.letters import LETTERS, facts_of, find_mail_values
from insurance.policies.permissions import PoliciesMay

POLICIES = register(
    RecordKind(
        resource="policies",
        name="policy",
        id_name="policy_id",
        endpoint="policies.show",
        may_view=PoliciesMay.VIEW,
        find=facts_of,
        letters=LETTERS,
        find_mail_values=find_mail_values,
    )
)
