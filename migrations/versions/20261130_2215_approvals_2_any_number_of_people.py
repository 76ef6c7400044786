"""any number of people agree, by rules of the organization, before a request expires

Revision ID: approvals_2
Revises: guards_1
"""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "approvals_2"
down_revision = "guards_1"

# What waits already waits no shorter than what is asked for today; one moment for all of them, as
# a cluster sets no column by a function of another that depends on the time zone.
IN_A_MONTH = datetime.now(UTC) + timedelta(days=30)


def upgrade() -> None:
    op.add_column("approval_requests", sa.Column("needed", sa.BigInteger()), schema="ins")
    op.execute("UPDATE ins.approval_requests SET needed = 1")
    op.alter_column("approval_requests", "needed", nullable=False, schema="ins")
    op.create_check_constraint("needed", "approval_requests", "needed > 0", schema="ins")
    op.add_column(
        "approval_requests", sa.Column("expires_at", sa.DateTime(timezone=True)), schema="ins"
    )
    op.execute(
        sa.text("UPDATE ins.approval_requests SET expires_at = :moment").bindparams(
            sa.bindparam("moment", IN_A_MONTH, sa.DateTime(timezone=True))
        )
    )
    op.alter_column("approval_requests", "expires_at", nullable=False, schema="ins")
    op.add_column(
        "approval_requests", sa.Column("reminded_at", sa.DateTime(timezone=True)), schema="ins"
    )
    op.add_column("approval_requests", sa.Column("decided_for_email", sa.Text()), schema="ins")
    _allow("'WAITING', 'APPROVED', 'REJECTED', 'VOID', 'WITHDRAWN', 'EXPIRED'")
    op.create_table(
        "approval_agreements",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("agreed_by", sa.Uuid(), nullable=False),
        sa.Column("agreed_by_email", sa.Text(), nullable=False),
        sa.Column("agreed_by_name", sa.Text(), nullable=False),
        sa.Column("voice_of", sa.Uuid(), nullable=False),
        sa.Column("for_email", sa.Text()),
        sa.Column("for_name", sa.Text()),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.Text()),
        sa.PrimaryKeyConstraint("org_id", "id", name="approval_agreements_pk"),
        sa.UniqueConstraint(
            "org_id", "request_id", "agreed_by", name="approval_agreements_agreed_by_key"
        ),
        sa.UniqueConstraint(
            "org_id", "request_id", "voice_of", name="approval_agreements_voice_of_key"
        ),
        schema="ins",
    )
    op.protect_table("ins.approval_agreements", "append_only")
    op.create_foreign_key(
        "approval_agreements_request_id_fk",
        "approval_agreements",
        "approval_requests",
        ["org_id", "request_id"],
        ["org_id", "id"],
        source_schema="ins",
        referent_schema="ins",
    )
    op.create_table(
        "approval_delegations",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("delegator_id", sa.Uuid(), nullable=False),
        sa.Column("delegator_email", sa.Text(), nullable=False),
        sa.Column("delegator_name", sa.Text(), nullable=False),
        sa.Column("delegate_id", sa.Uuid(), nullable=False),
        sa.Column("delegate_email", sa.Text(), nullable=False),
        sa.Column("delegate_name", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("first_day <= last_day", name="days"),
        sa.CheckConstraint("delegator_id <> delegate_id", name="two_people"),
        sa.PrimaryKeyConstraint("org_id", "id", name="approval_delegations_pk"),
        schema="ins",
    )
    op.protect_table("ins.approval_delegations", "tenant")
    for person in ("delegator", "delegate"):
        op.create_index(
            f"approval_delegations_{person}_ix",
            "approval_delegations",
            ["org_id", f"{person}_id"],
            schema="ins",
        )
    op.create_table(
        "approval_settings",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("expires_after_days", sa.BigInteger(), nullable=False),
        sa.Column("remind_after_days", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("expires_after_days BETWEEN 1 AND 365", name="expiry"),
        sa.CheckConstraint("remind_after_days BETWEEN 1 AND 365", name="reminder"),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("org_id", name="approval_settings_pk"),
        schema="ins",
    )
    op.protect_table("ins.approval_settings", "tenant")
    op.create_table(
        "approval_rules",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("from_amount", sa.Numeric(18, 2), nullable=False),
        sa.Column("people", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("from_amount >= 0", name="amount"),
        sa.CheckConstraint("people > 0", name="people"),
        sa.PrimaryKeyConstraint("org_id", "action", "from_amount", name="approval_rules_pk"),
        schema="ins",
    )
    op.protect_table("ins.approval_rules", "tenant")


def downgrade() -> None:
    op.drop_table("approval_rules", schema="ins")
    op.drop_table("approval_settings", schema="ins")
    op.drop_table("approval_delegations", schema="ins")
    op.drop_table("approval_agreements", schema="ins")
    op.execute("UPDATE ins.approval_requests SET status = 'VOID' WHERE status = 'EXPIRED'")
    _allow("'WAITING', 'APPROVED', 'REJECTED', 'VOID', 'WITHDRAWN'")
    for column in ("decided_for_email", "reminded_at", "expires_at", "needed"):
        op.drop_column("approval_requests", column, schema="ins")


def _allow(statuses: str) -> None:
    name = op.f("approval_requests_approvalstatus_check")
    op.drop_constraint(name, "approval_requests", schema="ins")
    op.create_check_constraint(name, "approval_requests", f"status IN ({statuses})", schema="ins")
