"""rows of a plan are kept as they are, and its effects are not looked up in runs one by one

To compress the rows took longer than to write them. An effect takes its run from its chunk, which
refers to it, and no run is ever deleted.

Revision ID: month_end_rows_1
Revises: correspondence_1
"""

from alembic import op

revision = "month_end_rows_1"
down_revision = "correspondence_1"

_RUN = "month_end_effects_run_id_fk"


def upgrade() -> None:
    op.execute("ALTER TABLE ins.month_end_rows ALTER COLUMN items SET STORAGE EXTERNAL")
    op.drop_constraint(op.f(_RUN), "month_end_effects", schema="ins", type_="foreignkey")


def downgrade() -> None:
    op.execute("ALTER TABLE ins.month_end_rows ALTER COLUMN items SET STORAGE EXTENDED")
    op.create_foreign_key(
        op.f(_RUN), "month_end_effects", "month_end_runs", ["org_id", "run_id"], ["org_id", "id"],
        source_schema="ins", referent_schema="ins",
    )  # fmt: skip
