"""sums of the ledger by day, month and pair of accounts

They have what was posted before, but for what waits to be counted.

Revision ID: ledger_figures_1
Revises: instalment_1
"""

import sqlalchemy as sa
from alembic import op

revision = "ledger_figures_1"
down_revision = "instalment_1"

GRAINS = sa.Enum("DAY", "MONTH", name="grain", native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    op.create_table(
        "ledger_figures",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("grain", GRAINS, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("debit_account", sa.Text(), nullable=False),
        sa.Column("credit_account", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.PrimaryKeyConstraint(
            "org_id",
            "grain",
            "day",
            "debit_account",
            "credit_account",
            name=op.f("ledger_figures_pk"),
        ),
        schema="ins",
    )
    op.protect_table("ins.ledger_figures", "tenant")
    # Nothing is posted between the sum and the commit, or it would be in neither sum nor note.
    op.execute("LOCK TABLE ins.ledger_transfers, ins.ledger_uncounted IN SHARE MODE")
    op.execute("""
        INSERT INTO ins.ledger_figures
            (org_id, grain, day, debit_account, credit_account, amount)
        SELECT d.org_id, g.grain, CASE WHEN g.grain = 'DAY' THEN d.day
                   ELSE CAST(date_trunc('month', d.day) AS date) END,
               d.debit_account, d.credit_account, sum(d.amount)
        FROM (SELECT t.org_id, t.effective_date AS day, t.debit_account, t.credit_account,
                     sum(t.amount) AS amount
              FROM ins.ledger_transfers t
              WHERE t.id NOT IN (SELECT unnest(transfer_ids) FROM ins.ledger_uncounted)
              GROUP BY 1, 2, 3, 4) d
        CROSS JOIN (VALUES ('DAY'), ('MONTH')) g(grain)
        GROUP BY 1, 2, 3, 4, 5
    """)


def downgrade() -> None:
    op.drop_table("ledger_figures", schema="ins")
