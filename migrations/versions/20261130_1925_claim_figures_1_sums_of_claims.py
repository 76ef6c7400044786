"""sums of the reports on claims by day and month, and what they have of each claim

They have every claim that there is. Large losses are found by their size.

Revision ID: claim_figures_1
Revises: ledger_figures_1
"""

import sqlalchemy as sa
from alembic import op

revision = "claim_figures_1"
down_revision = "ledger_figures_1"

GRAINS = sa.Enum("DAY", "MONTH", name="grain", native_enum=False, create_constraint=True, length=40)
STATUSES = (
    "SUBMITTED", "PENDING_DOCUMENTS", "UNDER_ASSESSMENT", "APPROVED", "PARTIALLY_APPROVED",
    "REJECTED", "PART_PAID", "PAID", "CLOSED",
)  # fmt: skip
SUMS = (
    "claims, claimed, approved, paid, reserve, reserved, overdue, documents, document_seconds,"
    " decisions, decision_seconds, payments, payment_seconds, in_time, late"
)


def _columns() -> list[sa.Column]:
    money, seconds = sa.Numeric(precision=18, scale=2), sa.Numeric(precision=24, scale=6)
    types = {
        "claims": sa.BigInteger(),
        "claimed": money,
        "approved": money,
        "paid": money,
        "reserve": money,
        "reserved": sa.BigInteger(),
        "overdue": sa.BigInteger(),
        "documents": sa.BigInteger(),
        "document_seconds": seconds,
        "decisions": sa.BigInteger(),
        "decision_seconds": seconds,
        "payments": sa.BigInteger(),
        "payment_seconds": seconds,
        "in_time": sa.BigInteger(),
        "late": sa.BigInteger(),
    }
    return [
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("claim_type", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                *STATUSES, name="claimstatus", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        *(sa.Column(name, type_, nullable=False) for name, type_ in types.items()),
    ]


def upgrade() -> None:
    op.create_table(
        "claims_uncounted",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("claim_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("claims_uncounted_pk")),
        schema="ins",
    )
    op.protect_table("ins.claims_uncounted", "tenant")
    op.create_table(
        "claims_counted",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        *_columns(),
        sa.PrimaryKeyConstraint("org_id", "claim_id", name=op.f("claims_counted_pk")),
        schema="ins",
    )
    op.protect_table("ins.claims_counted", "tenant")
    op.create_table(
        "claim_figures",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("grain", GRAINS, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        *_columns(),
        sa.PrimaryKeyConstraint(
            "org_id",
            "grain",
            "day",
            "product_id",
            "claim_type",
            "cause",
            "status",
            name=op.f("claim_figures_pk"),
        ),
        schema="ins",
    )
    op.protect_table("ins.claim_figures", "tenant")
    # Nothing changes between the sum and the commit, or it would be in neither sum nor note.
    op.execute("LOCK TABLE ins.claims, ins.claim_entries, ins.claim_payments IN SHARE MODE")
    op.create_index("claims_size_ix", "claims", ["org_id", "total_claimed", "id"], schema="ins")
    op.execute(f"""
        INSERT INTO ins.claims_counted
            (org_id, claim_id, day, product_id, claim_type, cause, status, {SUMS})
        SELECT c.org_id, c.id, c.submitted_on, c.product_id, c.claim_type, c.cause, c.status,
               1, c.total_claimed, coalesce(m.approved, 0), coalesce(m.paid, 0),
               coalesce(m.reserve, 0), CASE WHEN m.reserve <> 0 THEN 1 ELSE 0 END,
               CASE WHEN c.breached_at IS NOT NULL THEN 1 ELSE 0 END,
               CASE WHEN d.to_documents IS NOT NULL THEN 1 ELSE 0 END,
               coalesce(d.to_documents, 0),
               CASE WHEN d.to_decision IS NOT NULL THEN 1 ELSE 0 END,
               coalesce(d.to_decision, 0),
               CASE WHEN d.to_payment IS NOT NULL THEN 1 ELSE 0 END,
               coalesce(d.to_payment, 0),
               CASE WHEN c.decided_at <= c.due_at THEN 1 ELSE 0 END,
               CASE WHEN c.decided_at > c.due_at THEN 1 ELSE 0 END
        FROM ins.claims c
        LEFT JOIN (
            SELECT org_id, claim_id, sum(amount) FILTER (WHERE kind = 'RESERVE') AS reserve,
                   sum(amount) FILTER (WHERE kind = 'PAID') AS paid,
                   sum(amount) FILTER (WHERE kind IN ('PAID', 'APPROVED')) AS approved
            FROM ins.claim_entries GROUP BY org_id, claim_id
        ) m ON m.org_id = c.org_id AND m.claim_id = c.id
        LEFT JOIN (
            SELECT org_id, claim_id, min(paid_at) AS at FROM ins.claim_payments
            WHERE status = 'PAID' GROUP BY org_id, claim_id
        ) y ON y.org_id = c.org_id AND y.claim_id = c.id
        CROSS JOIN LATERAL (
            SELECT extract(epoch FROM c.documents_complete_at - c.submitted_at) AS to_documents,
                   extract(epoch FROM c.decided_at - c.documents_complete_at) AS to_decision,
                   extract(epoch FROM y.at - c.decided_at) AS to_payment) d
    """)
    summed = ", ".join(f"sum({name})" for name in SUMS.split(", "))
    op.execute(f"""
        INSERT INTO ins.claim_figures
            (org_id, grain, day, product_id, claim_type, cause, status, {SUMS})
        SELECT org_id, grain, CASE WHEN grain = 'DAY' THEN day
                   ELSE CAST(date_trunc('month', day) AS date) END,
               product_id, claim_type, cause, status, {summed}
        FROM ins.claims_counted CROSS JOIN (VALUES ('DAY'), ('MONTH')) g(grain)
        GROUP BY 1, 2, 3, 4, 5, 6, 7
    """)


def downgrade() -> None:
    op.drop_index("claims_size_ix", "claims", schema="ins")
    for table in ("claim_figures", "claims_counted", "claims_uncounted"):
        op.drop_table(table, schema="ins")
