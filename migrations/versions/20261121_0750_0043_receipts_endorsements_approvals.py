"""premium receipts, endorsements and approvals

Revision ID: 0043
Revises: 0060
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0043"
down_revision = "0060"

_TYPES = ("PREMIUM_DUE", "PREMIUM_VAT", "PREMIUM_RECEIVED", "ADJUSTMENT")
_NEW_TYPES = (
    "CREDIT_NOTE",
    "CREDIT_RECEIVED",
    "CREDIT_APPLIED",
    "SUSPENSE_RECEIVED",
    "SUSPENSE_MATCHED",
    "WAIVER",
    "WRITE_OFF",
    "REFUND_DUE",
    "REFUND_PAID",
    "REVERSAL",
)
_ACCOUNTS = (
    ("SUSPENSE", "Receipts nobody has matched yet"),
    ("REFUNDS_PAYABLE", "Refunds to be paid out"),
)


def upgrade() -> None:
    op.add_column("premium_lines", sa.Column("whole_days", sa.BigInteger()), schema="ins")
    op.create_table(
        "approval_requests",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("record_version", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.Column(
            "payload", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("payload_hash", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "WAITING",
                "APPROVED",
                "REJECTED",
                "VOID",
                name="approvalstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("requested_by_email", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_by_email", sa.Text(), nullable=True),
        sa.Column("decision_note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(status IN ('APPROVED', 'REJECTED')) <= (decided_by IS NOT NULL)",
            name=op.f("approval_requests_decided_check"),
        ),
        sa.CheckConstraint(
            "decided_by <> requested_by", name=op.f("approval_requests_two_people_check")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("approval_requests_pk")),
        schema="ins",
    )
    op.protect_table("ins.approval_requests", "tenant")
    op.create_table(
        "policy_beneficiaries",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("policy_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "PRIMARY",
                "CONTINGENT",
                name="beneficiarykind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("first_name", sa.Text(), nullable=False),
        sa.Column("last_name", sa.Text(), nullable=False),
        sa.Column("date_of_birth", sa.Date(), nullable=True),
        sa.Column("relationship", sa.Text(), nullable=False),
        sa.Column("share", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("guardian_name", sa.Text(), nullable=True),
        sa.Column("display_order", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "share > 0 AND share <= 100", name=op.f("policy_beneficiaries_share_check")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("policy_beneficiaries_pk")),
        schema="ins",
    )
    op.protect_table("ins.policy_beneficiaries", "tenant")
    op.create_table(
        "receipts",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "PAYMENT",
                "CREDIT_NOTE",
                "WAIVER",
                "WRITE_OFF",
                name="receiptkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "POSTED",
                "SUSPENSE",
                "REVERSED",
                name="receiptstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("policy_id", sa.Uuid(), nullable=True),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("reversed_on", sa.Date(), nullable=True),
        sa.Column("reason_code", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(policy_id IS NULL) <= (status <> 'POSTED')", name=op.f("receipts_policy_known_check")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("receipts_amount_check")),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("receipts_pk")),
        sa.UniqueConstraint("org_id", "reference", name=op.f("receipts_reference_key")),
        schema="ins",
    )
    op.protect_table("ins.receipts", "tenant")
    op.create_table(
        "allocations",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("receipt_id", sa.Uuid(), nullable=False),
        sa.Column("premium_line_id", sa.Uuid(), nullable=True),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("allocated_on", sa.Date(), nullable=False),
        sa.CheckConstraint("amount <> 0", name=op.f("allocations_amount_check")),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("allocations_pk")),
        schema="ins",
    )
    op.protect_table("ins.allocations", "append_only")
    op.create_table(
        "endorsements",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("policy_id", sa.Uuid(), nullable=False),
        sa.Column(
            "type",
            sa.Enum(
                "CHANGE_COVER",
                "ADD_MEMBER",
                "REMOVE_MEMBER",
                "CHANGE_BENEFICIARIES",
                "CHANGE_PREMIUM_DUE_DAY",
                "CHANGE_FREQUENCY",
                "CHANGE_BANK_DETAILS",
                "CORRECT_DETAILS",
                name="endorsementtype",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "DRAFT",
                "PRICED",
                "ISSUED",
                "STALE",
                "SUPERSEDED",
                "UNDONE",
                "DISCARDED",
                name="endorsementstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("effective_date", sa.Date(), nullable=False),
        sa.Column(
            "change", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("priced_on_version", sa.BigInteger(), nullable=True),
        sa.Column(
            "priced", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("version_number", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(status = 'ISSUED') <= (issued_at IS NOT NULL)", name=op.f("endorsements_issued_check")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("endorsements_pk")),
        schema="ins",
    )
    op.protect_table("ins.endorsements", "tenant")
    op.create_index(
        "approval_requests_record_ix",
        "approval_requests",
        ["org_id", "resource", "resource_id"],
        unique=False,
        schema="ins",
    )
    op.create_index(
        "approval_requests_waiting_ix",
        "approval_requests",
        ["org_id", "id"],
        unique=False,
        schema="ins",
        postgresql_where=sa.text("status = 'WAITING'"),
    )
    op.create_index(
        "policy_beneficiaries_policy_ix",
        "policy_beneficiaries",
        ["org_id", "policy_id"],
        unique=False,
        schema="ins",
    )
    op.create_index(
        "receipts_policy_ix", "receipts", ["org_id", "policy_id", "id"], unique=False, schema="ins"
    )
    op.create_index(
        "receipts_suspense_ix",
        "receipts",
        ["org_id", "id"],
        unique=False,
        schema="ins",
        postgresql_where=sa.text("status = 'SUSPENSE'"),
    )
    op.create_index(
        "allocations_line_ix",
        "allocations",
        ["org_id", "premium_line_id"],
        unique=False,
        schema="ins",
    )
    op.create_index(
        "allocations_receipt_ix",
        "allocations",
        ["org_id", "receipt_id"],
        unique=False,
        schema="ins",
    )
    op.create_index(
        "endorsements_coming_ix",
        "endorsements",
        ["org_id", "effective_date"],
        unique=False,
        schema="ins",
        postgresql_where=sa.text("status = 'ISSUED' AND applied_at IS NULL"),
    )
    op.create_index(
        "endorsements_event_ix", "endorsements", ["org_id", "event_id"], unique=False, schema="ins"
    )
    op.create_index(
        "endorsements_policy_ix",
        "endorsements",
        ["org_id", "policy_id", "id"],
        unique=False,
        schema="ins",
    )
    op.add_column(
        "ledger_transfers", sa.Column("receipt_id", sa.Uuid(), nullable=True), schema="ins"
    )
    op.create_index(
        "ledger_transfers_receipt_ix",
        "ledger_transfers",
        ["org_id", "receipt_id"],
        unique=False,
        schema="ins",
        postgresql_where=sa.text("receipt_id IS NOT NULL"),
    )
    op.create_foreign_key(
        op.f("ledger_transfers_receipt_id_fk"),
        "ledger_transfers",
        "receipts",
        ["org_id", "receipt_id"],
        ["org_id", "id"],
        source_schema="ins",
        referent_schema="ins",
    )
    op.add_column("policies", sa.Column("bank_account_id", sa.Uuid(), nullable=True), schema="ins")
    op.add_column("policies", sa.Column("ended_on", sa.Date(), nullable=True), schema="ins")
    op.create_index(
        "policies_bank_account_ix",
        "policies",
        ["org_id", "bank_account_id"],
        unique=False,
        schema="ins",
        postgresql_where=sa.text("bank_account_id IS NOT NULL"),
    )
    op.create_foreign_key(
        op.f("policies_bank_account_id_fk"),
        "policies",
        "customer_bank_accounts",
        ["org_id", "bank_account_id"],
        ["org_id", "id"],
        source_schema="ins",
        referent_schema="ins",
    )
    op.add_column(
        "premium_lines",
        sa.Column("kind", sa.String(40), server_default="PREMIUM", nullable=False),
        schema="ins",
    )
    op.create_check_constraint(
        op.f("premium_lines_linekind_check"),
        "premium_lines",
        "kind IN ('PREMIUM', 'ADJUSTMENT')",
        schema="ins",
    )
    op.drop_constraint(
        op.f("premium_lines_sequence_key"), "premium_lines", schema="ins", type_="unique"
    )
    op.create_unique_constraint(
        "premium_lines_sequence_key",
        "premium_lines",
        ["org_id", "policy_id", "kind", "sequence"],
        schema="ins",
    )
    op.add_column(
        "product_versions",
        sa.Column("pro_rata_method", sa.String(40), server_default="ACTUAL_DAYS", nullable=False),
        schema="ins",
    )
    op.create_check_constraint(
        op.f("product_versions_proratamethod_check"),
        "product_versions",
        "pro_rata_method IN ('ACTUAL_DAYS', 'MONTHS', 'NONE')",
        schema="ins",
    )
    op.add_column(
        "product_versions",
        sa.Column("cancellation_basis", sa.String(40), server_default="PRO_RATA", nullable=False),
        schema="ins",
    )
    op.create_check_constraint(
        op.f("product_versions_cancellationbasis_check"),
        "product_versions",
        "cancellation_basis IN ('PRO_RATA', 'SHORT_RATE', 'FLAT')",
        schema="ins",
    )
    op.add_column(
        "product_versions",
        sa.Column(
            "short_rate_per_cent",
            sa.Numeric(precision=18, scale=8),
            server_default="90",
            nullable=False,
        ),
        schema="ins",
    )
    op.create_foreign_key(
        op.f("policy_beneficiaries_policy_id_fk"),
        "policy_beneficiaries",
        "policies",
        ["org_id", "policy_id"],
        ["org_id", "id"],
        source_schema="ins",
        referent_schema="ins",
    )
    op.create_foreign_key(
        op.f("receipts_policy_id_fk"),
        "receipts",
        "policies",
        ["org_id", "policy_id"],
        ["org_id", "id"],
        source_schema="ins",
        referent_schema="ins",
    )
    op.create_foreign_key(
        op.f("allocations_receipt_id_fk"),
        "allocations",
        "receipts",
        ["org_id", "receipt_id"],
        ["org_id", "id"],
        source_schema="ins",
        referent_schema="ins",
    )
    op.create_foreign_key(
        op.f("allocations_premium_line_id_fk"),
        "allocations",
        "premium_lines",
        ["org_id", "premium_line_id"],
        ["org_id", "id"],
        source_schema="ins",
        referent_schema="ins",
    )
    op.create_foreign_key(
        op.f("endorsements_event_id_fk"),
        "endorsements",
        "policy_events",
        ["org_id", "event_id"],
        ["org_id", "id"],
        source_schema="ins",
        referent_schema="ins",
    )
    op.create_foreign_key(
        op.f("endorsements_policy_id_fk"),
        "endorsements",
        "policies",
        ["org_id", "policy_id"],
        ["org_id", "id"],
        source_schema="ins",
        referent_schema="ins",
    )

    op.drop_constraint("ledger_transfers_transfertype_check", "ledger_transfers", schema="ins")
    op.create_check_constraint(
        op.f("ledger_transfers_transfertype_check"),
        "ledger_transfers",
        f"type IN ({', '.join(repr(kind) for kind in [*_TYPES, *_NEW_TYPES])})",
        schema="ins",
    )
    for code, name in _ACCOUNTS:
        op.execute(
            sa.text(
                "INSERT INTO ins.ledger_accounts (org_id, code, name, kind)"
                " SELECT DISTINCT org_id, :code, :name, 'LIABILITY' FROM ins.ledger_accounts"
            ).bindparams(code=code, name=name)
        )


def downgrade() -> None:
    op.drop_column("premium_lines", "whole_days", schema="ins")
    op.execute("DELETE FROM ins.ledger_accounts WHERE code IN ('SUSPENSE', 'REFUNDS_PAYABLE')")
    op.drop_constraint("ledger_transfers_transfertype_check", "ledger_transfers", schema="ins")
    op.create_check_constraint(
        op.f("ledger_transfers_transfertype_check"),
        "ledger_transfers",
        f"type IN ({', '.join(repr(kind) for kind in _TYPES)})",
        schema="ins",
    )
    op.drop_column("product_versions", "short_rate_per_cent", schema="ins")
    op.drop_column("product_versions", "cancellation_basis", schema="ins")
    op.drop_column("product_versions", "pro_rata_method", schema="ins")
    op.drop_constraint("premium_lines_sequence_key", "premium_lines", schema="ins", type_="unique")
    op.create_unique_constraint(
        op.f("premium_lines_sequence_key"),
        "premium_lines",
        ["org_id", "policy_id", "sequence"],
        schema="ins",
        postgresql_nulls_not_distinct=False,
    )
    op.drop_column("premium_lines", "kind", schema="ins")
    op.drop_constraint(
        op.f("policies_bank_account_id_fk"), "policies", schema="ins", type_="foreignkey"
    )
    op.drop_index(
        "policies_bank_account_ix",
        table_name="policies",
        schema="ins",
        postgresql_where=sa.text("bank_account_id IS NOT NULL"),
    )
    op.drop_column("policies", "ended_on", schema="ins")
    op.drop_column("policies", "bank_account_id", schema="ins")
    op.drop_constraint(
        op.f("ledger_transfers_receipt_id_fk"), "ledger_transfers", schema="ins", type_="foreignkey"
    )
    op.drop_index(
        "ledger_transfers_receipt_ix",
        table_name="ledger_transfers",
        schema="ins",
        postgresql_where=sa.text("receipt_id IS NOT NULL"),
    )
    op.drop_column("ledger_transfers", "receipt_id", schema="ins")
    op.drop_index("endorsements_policy_ix", table_name="endorsements", schema="ins")
    op.drop_index("endorsements_event_ix", table_name="endorsements", schema="ins")
    op.drop_index(
        "endorsements_coming_ix",
        table_name="endorsements",
        schema="ins",
        postgresql_where=sa.text("status = 'ISSUED' AND applied_at IS NULL"),
    )
    op.drop_table("endorsements", schema="ins")
    op.drop_index("allocations_receipt_ix", table_name="allocations", schema="ins")
    op.drop_index("allocations_line_ix", table_name="allocations", schema="ins")
    op.drop_table("allocations", schema="ins")
    op.drop_index(
        "receipts_suspense_ix",
        table_name="receipts",
        schema="ins",
        postgresql_where=sa.text("status = 'SUSPENSE'"),
    )
    op.drop_index("receipts_policy_ix", table_name="receipts", schema="ins")
    op.drop_table("receipts", schema="ins")
    op.drop_index("policy_beneficiaries_policy_ix", table_name="policy_beneficiaries", schema="ins")
    op.drop_table("policy_beneficiaries", schema="ins")
    op.drop_index(
        "approval_requests_waiting_ix",
        table_name="approval_requests",
        schema="ins",
        postgresql_where=sa.text("status = 'WAITING'"),
    )
    op.drop_index("approval_requests_record_ix", table_name="approval_requests", schema="ins")
    op.drop_table("approval_requests", schema="ins")
