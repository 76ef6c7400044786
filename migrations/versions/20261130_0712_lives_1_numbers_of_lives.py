"""insured lives have ID or passport numbers, and are locked while their cover is counted

Revision ID: lives_1
Revises: loss_figures_1
"""

import sqlalchemy as sa
from alembic import op

revision = "lives_1"
down_revision = "loss_figures_1"

# The holder who is insured has the numbers that they have as a customer. A row without a ciphertext
# is read from that customer. Its id is the customer's.
HOLDERS = """
    FROM ins.customers c
    WHERE c.kind = 'PERSON' AND c.{index} IS NOT NULL {besides}
      AND EXISTS (
        SELECT 1 FROM ins.policies p
        JOIN ins.policy_members m ON m.org_id = p.org_id AND m.policy_id = p.id
        WHERE p.org_id = c.org_id AND p.customer_id = c.id AND m.role = 'MAIN_MEMBER'
          AND m.date_of_birth = c.date_of_birth
          AND lower(btrim(m.first_name || ' ' || m.last_name)) = lower(c.display_name)
      )
"""
MEMBERS = """
    UPDATE ins.policy_members m SET {ref} = n.id
    FROM ins.policies p
    JOIN ins.customers c ON c.org_id = p.org_id AND c.id = p.customer_id
    JOIN ins.life_numbers n ON n.org_id = c.org_id AND n.id = c.id AND n.kind = '{kind}'
    WHERE p.org_id = m.org_id AND p.id = m.policy_id AND m.role = 'MAIN_MEMBER'
      AND m.date_of_birth = c.date_of_birth
      AND lower(btrim(m.first_name || ' ' || m.last_name)) = lower(c.display_name)
"""
KIND = sa.Enum(
    "ID_NUMBER", "PASSPORT", name="numberkind", native_enum=False, create_constraint=True, length=40
)
KINDS = (
    ("ID_NUMBER", "id_number_index", "id_number_ref", ""),
    ("PASSPORT", "passport_index", "passport_ref", "AND c.id_number_index IS NULL"),
)


def upgrade() -> None:
    op.create_table(
        "life_numbers",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", KIND, nullable=False),
        sa.Column("number_index", sa.LargeBinary(), nullable=False),
        sa.Column("number_cipher", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("life_numbers_pk")),
        sa.UniqueConstraint("org_id", "kind", "number_index", name="life_numbers_index_key"),
        schema="ins",
    )
    op.protect_table("ins.life_numbers", "tenant")
    op.create_table(
        "life_locks",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("life", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "life", name=op.f("life_locks_pk")),
        schema="ins",
    )
    op.protect_table("ins.life_locks", "tenant")
    for kind, index, ref, besides in KINDS:
        op.add_column("policy_members", sa.Column(ref, sa.Uuid(), nullable=True), schema="ins")
        op.execute(
            "INSERT INTO ins.life_numbers (org_id, id, kind, number_index, created_at)"
            f" SELECT c.org_id, c.id, '{kind}', c.{index}, c.created_at"
            + HOLDERS.format(index=index, besides=besides)
        )
        op.execute(MEMBERS.format(ref=ref, kind=kind))
        op.create_foreign_key(
            op.f(f"policy_members_{ref}_fk"),
            "policy_members",
            "life_numbers",
            ["org_id", ref],
            ["org_id", "id"],
            source_schema="ins",
            referent_schema="ins",
        )
        op.create_index(
            f"policy_members_{ref.removesuffix('_ref')}_ix",
            "policy_members",
            ["org_id", ref],
            schema="ins",
            postgresql_where=sa.text(f"{ref} IS NOT NULL"),
        )


def downgrade() -> None:
    op.drop_table("life_locks", schema="ins")
    op.drop_column("policy_members", "passport_ref", schema="ins")
    op.drop_column("policy_members", "id_number_ref", schema="ins")
    op.drop_table("life_numbers", schema="ins")
