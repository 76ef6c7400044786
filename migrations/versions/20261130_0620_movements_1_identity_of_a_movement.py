"""a payment is known as a movement of money, not by its text

Revision ID: movements_1
Revises: payees_1
"""

import sqlalchemy as sa
from alembic import op

revision = "movements_1"
down_revision = "payees_1"


def upgrade() -> None:
    for name, type_ in (
        ("reference_key", sa.Text()),
        ("payer_key", sa.Text()),
        ("bank_reference", sa.Text()),
        ("occurrence", sa.BigInteger()),
        ("beside_id", sa.Uuid()),
    ):
        op.add_column("receipts", sa.Column(name, type_, nullable=True), schema="ins")
    op.drop_constraint("receipts_reference_key", "receipts", schema="ins", type_="unique")
    op.add_column(
        "debit_order_items", sa.Column("reference_key", sa.Text(), nullable=True), schema="ins"
    )
    for name, type_ in (
        ("occurrence", sa.BigInteger()),
        ("is_receipt", sa.Boolean()),
        ("known_receipt_id", sa.Uuid()),
    ):
        op.add_column("reconciliation_rows", sa.Column(name, type_, nullable=True), schema="ins")
    op.add_column(
        "organizations",
        sa.Column("payment_limit", sa.Numeric(18, 2), nullable=False, server_default="100000.00"),
        schema="ins",
    )
    op.alter_column("organizations", "payment_limit", server_default=None, schema="ins")
    op.create_check_constraint(
        op.f("organizations_payment_limit_check"), "organizations", "payment_limit > 0", schema="ins"
    )
    _fill()
    for table, name in (
        ("receipts", "reference_key"),
        ("receipts", "payer_key"),
        ("receipts", "occurrence"),
        ("reconciliation_rows", "occurrence"),
        ("reconciliation_rows", "is_receipt"),
    ):
        op.alter_column(table, name, nullable=False, schema="ins")
    op.create_check_constraint(
        op.f("receipts_occurrence_check"), "receipts", "occurrence > 0", schema="ins"
    )
    _index()
    for table, column in (
        ("receipts", "beside_id"),
        ("reconciliation_rows", "known_receipt_id"),
    ):
        op.create_foreign_key(
            op.f(f"{table}_{column}_fk"),
            table,
            "receipts",
            ["org_id", column],
            ["org_id", "id"],
            source_schema="ins",
            referent_schema="ins",
        )


def _fill() -> None:
    op.execute(
        """
        UPDATE ins.receipts r
        SET reference_key = upper(regexp_replace(r.reference, '[^[:alnum:]]', '', 'g')),
            payer_key = coalesce(upper(regexp_replace(n.payer, '[^[:alnum:]]', '', 'g')), ''),
            occurrence = 1
        FROM ins.receipts o
        LEFT JOIN LATERAL (
            SELECT coalesce(
                (SELECT w.policy_number FROM ins.reconciliation_rows w
                 WHERE w.org_id = o.org_id AND w.receipt_id = o.id ORDER BY w.id LIMIT 1),
                (SELECT p.policy_number FROM ins.policies p
                 WHERE p.org_id = o.org_id AND p.id = o.policy_id)) AS payer
        ) n ON true
        WHERE o.org_id = r.org_id AND o.id = r.id
        """
    )
    # References that differed in their spelling alone are payments one after the other.
    op.execute(
        """
        UPDATE ins.receipts r SET occurrence = n.number
        FROM (
            SELECT org_id, id, row_number() OVER (
                PARTITION BY org_id, payer_key, reference_key, received_on, amount ORDER BY id
            ) AS number
            FROM ins.receipts WHERE kind = 'PAYMENT'
        ) n
        WHERE n.org_id = r.org_id AND n.id = r.id AND n.number > 1
        """
    )
    op.execute(
        """
        UPDATE ins.receipts r SET beside_id = p.id
        FROM ins.receipts p
        WHERE p.org_id = r.org_id AND r.kind = 'WRITE_OFF' AND p.kind = 'PAYMENT'
          AND r.reference = p.reference || '/WO' AND r.policy_id = p.policy_id
        """
    )
    op.execute(
        """
        UPDATE ins.debit_order_items
        SET reference_key = upper(regexp_replace(reference, '[^[:alnum:]]', '', 'g'))
        WHERE reference IS NOT NULL
        """
    )
    op.execute(
        """
        UPDATE ins.reconciliation_rows
        SET occurrence = 1,
            is_receipt = upper(btrim(status_text)) NOT IN ('UNPAID', 'DISPUTED')
        """
    )


def _index() -> None:
    op.create_index(
        "receipts_movement_key",
        "receipts",
        ["org_id", "payer_key", "reference_key", "received_on", "amount", "occurrence"],
        unique=True,
        schema="ins",
        postgresql_where=sa.text("kind = 'PAYMENT' AND bank_reference IS NULL"),
    )
    op.create_index(
        "receipts_bank_movement_key",
        "receipts",
        ["org_id", "bank_reference", "payer_key", "received_on", "amount", "occurrence"],
        unique=True,
        schema="ins",
        postgresql_where=sa.text("bank_reference IS NOT NULL"),
    )
    op.create_index(
        "receipts_own_reference_key",
        "receipts",
        ["org_id", "reference"],
        unique=True,
        schema="ins",
        postgresql_where=sa.text("kind <> 'PAYMENT' AND beside_id IS NULL"),
    )
    op.create_index(
        "receipts_reference_ix",
        "receipts",
        ["org_id", "reference_key", "payer_key", "received_on", "amount"],
        schema="ins",
    )
    op.create_index(
        "receipts_beside_ix",
        "receipts",
        ["org_id", "beside_id"],
        schema="ins",
        postgresql_where=sa.text("beside_id IS NOT NULL"),
    )
    op.create_index(
        "debit_order_items_reference_ix",
        "debit_order_items",
        ["org_id", "reference_key"],
        schema="ins",
    )
    op.create_index(
        "debit_order_items_in_flight_ix",
        "debit_order_items",
        ["org_id", "policy_id"],
        schema="ins",
        postgresql_where=sa.text("status = 'SUBMITTED'"),
    )
    op.create_index(
        "reconciliation_rows_known_receipt_ix",
        "reconciliation_rows",
        ["org_id", "known_receipt_id"],
        schema="ins",
        postgresql_where=sa.text("known_receipt_id IS NOT NULL"),
    )


def downgrade() -> None:
    for table, column in (
        ("receipts", "beside_id"),
        ("reconciliation_rows", "known_receipt_id"),
    ):
        op.drop_constraint(f"{table}_{column}_fk", table, schema="ins", type_="foreignkey")
    for table, name in (
        ("reconciliation_rows", "reconciliation_rows_known_receipt_ix"),
        ("debit_order_items", "debit_order_items_in_flight_ix"),
        ("debit_order_items", "debit_order_items_reference_ix"),
        ("receipts", "receipts_beside_ix"),
        ("receipts", "receipts_reference_ix"),
        ("receipts", "receipts_own_reference_key"),
        ("receipts", "receipts_bank_movement_key"),
        ("receipts", "receipts_movement_key"),
    ):
        op.drop_index(name, table_name=table, schema="ins")
    op.drop_constraint(
        "organizations_payment_limit_check", "organizations", schema="ins", type_="check"
    )
    op.drop_column("organizations", "payment_limit", schema="ins")
    op.drop_constraint("receipts_occurrence_check", "receipts", schema="ins", type_="check")
    for name in ("known_receipt_id", "is_receipt", "occurrence"):
        op.drop_column("reconciliation_rows", name, schema="ins")
    op.drop_column("debit_order_items", "reference_key", schema="ins")
    for name in ("beside_id", "occurrence", "bank_reference", "payer_key", "reference_key"):
        op.drop_column("receipts", name, schema="ins")
    op.create_unique_constraint("receipts_reference_key", "receipts", ["org_id", "reference"], schema="ins")
