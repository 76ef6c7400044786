"""what was asked about a claim was asked on its policy, and is now asked on the claim

Revision ID: claim_requests_1
Revises: in_force_1
"""

from alembic import op

revision = "claim_requests_1"
down_revision = "in_force_1"

# A request is as at the last event before it that moved the claim; those listed here move nothing.
ASK_ON_CLAIMS = """
    UPDATE ins.approval_requests AS a
    SET resource = 'claims', resource_id = CAST(a.payload->>'claim_id' AS uuid),
        record_version = coalesce((
            SELECT max(e.sequence) FROM ins.claim_events e
            WHERE e.org_id = a.org_id AND e.claim_id = CAST(a.payload->>'claim_id' AS uuid)
              AND e.recorded_at <= a.requested_at AND e.event_type NOT IN (
                'CLAIM_ACCOUNT_VERIFIED', 'CLAIM_ASSIGNED', 'CLAIM_COVER_RESTORED',
                'CLAIM_DOCUMENT_ACCEPTED', 'CLAIM_DOCUMENT_RECEIVED', 'CLAIM_DUE_SOON',
                'CLAIM_FLAG_CLEARED', 'CLAIM_NOTE_ADDED', 'CLAIM_OVERDUE',
                'CLAIM_PAYMENT_REQUESTED', 'CLAIM_TASK_DONE', 'CLAIM_UNDO_REQUESTED')), 0)
    WHERE a.resource = 'policies' AND a.action IN ('claims.pay', 'claims.undo_death')
"""


def upgrade() -> None:
    op.execute(ASK_ON_CLAIMS)


def downgrade() -> None:
    op.execute("""
        UPDATE ins.approval_requests AS a
        SET resource = 'policies', resource_id = p.id, record_version = p.current_version
        FROM ins.claims c JOIN ins.policies p ON p.org_id = c.org_id AND p.id = c.policy_id
        WHERE a.resource = 'claims' AND c.org_id = a.org_id AND c.id = a.resource_id
    """)
