"""notes and documents of every record, and the record that a mail is about

The notes of claims move into the notes of all records, with their ids. Their words were plain; a
note that is written from now on is encrypted.

Revision ID: correspondence_1
Revises: portfolio_days_1
"""

import sqlalchemy as sa
from alembic import op

revision = "correspondence_1"
down_revision = "portfolio_days_1"

_NOTE_KIND = sa.Enum(
    "COMMENT", "INVESTIGATION", "CLAIMANT", "TASK",
    name="notekind", native_enum=False, create_constraint=True, length=40,
)  # fmt: skip
_SOURCE = sa.Enum(
    "UPLOADED", "LETTER",
    name="documentsource", native_enum=False, create_constraint=True, length=40,
)  # fmt: skip
_WHOSE = (
    ("org_id", sa.Uuid()),
    ("id", sa.Uuid()),
    ("resource", sa.Text()),
    ("resource_id", sa.Uuid()),
    ("customer_id", sa.Uuid()),
)
_WRITTEN = (("created_at", sa.DateTime(timezone=True)), ("created_by", sa.Text()))


def upgrade() -> None:
    op.create_table(
        "notes",
        *_columns(*_WHOSE, ("kind", _NOTE_KIND), ("sealed_text", sa.Text())),
        sa.Column("due_on", sa.Date()),
        sa.Column("done_at", sa.DateTime(timezone=True)),
        sa.Column("done_by", sa.Text()),
        *_columns(*_WRITTEN),
        sa.Column("pinned_at", sa.DateTime(timezone=True)),
        sa.Column("corrects_id", sa.Uuid()),
        *_columns(("is_corrected", sa.Boolean())),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True)),
        sa.Column("withdrawn_by", sa.Text()),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name=op.f("notes_withdrawn_check")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("notes_pk")),
        schema="ins",
    )
    op.create_table(
        "record_documents",
        *_columns(*_WHOSE, ("source", _SOURCE), ("title", sa.Text())),
        sa.Column("letter", sa.Text()),
        *_columns(
            ("file_key", sa.Text()),
            ("file_name", sa.Text()),
            ("content_type", sa.Text()),
            ("size", sa.BigInteger()),
            ("sha256", sa.Text()),
            *_WRITTEN,
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("record_documents_pk")),
        schema="ins",
    )
    for table in ("notes", "record_documents"):
        op.protect_table(f"ins.{table}", "tenant")
        record = ["org_id", "resource", "resource_id", "id"]
        op.create_index(f"{table}_record_ix", table, record, schema="ins")
        op.create_index(f"{table}_customer_ix", table, ["org_id", "customer_id", "id"], schema="ins")
        _refer(table, "customer_id", "customers")
    _index_where_set("notes_corrects_ix", "notes", "corrects_id")
    _refer("notes", "corrects_id", "notes")
    _move_notes_of_claims()
    _let_mails_be_about_records()


def _columns(*named: tuple[str, sa.types.TypeEngine]) -> list[sa.Column]:
    return [sa.Column(name, kind, nullable=False) for name, kind in named]


def _refer(table: str, column: str, target: str) -> None:
    op.create_foreign_key(
        op.f(f"{table}_{column}_fk"), table, target, ["org_id", column], ["org_id", "id"],
        source_schema="ins", referent_schema="ins",
    )  # fmt: skip


def _index_where_set(name: str, table: str, column: str) -> None:
    op.create_index(
        name, table, ["org_id", column],
        schema="ins", postgresql_where=sa.text(f"{column} IS NOT NULL"),
    )  # fmt: skip


def _move_notes_of_claims() -> None:
    op.execute("""
        INSERT INTO ins.notes (org_id, id, resource, resource_id, customer_id, kind, sealed_text,
                               due_on, done_at, done_by, created_at, created_by, is_corrected)
        SELECT n.org_id, n.id, 'claims', n.claim_id, p.customer_id, n.kind, n.text,
               n.due_on, n.done_at, n.done_by, n.created_at, n.created_by, false
        FROM ins.claim_notes n
        JOIN ins.claims c ON c.org_id = n.org_id AND c.id = n.claim_id
        JOIN ins.policies p ON p.org_id = c.org_id AND p.id = c.policy_id
    """)
    op.drop_table("claim_notes", schema="ins")


def _let_mails_be_about_records() -> None:
    op.add_column("mails", sa.Column("resource", sa.Text()), schema="ins")
    for name in ("resource_id", "customer_id", "document_id"):
        op.add_column("mails", sa.Column(name, sa.Uuid()), schema="ins")
    op.create_check_constraint(
        op.f("mails_about_a_record_check"),
        "mails",
        "(resource IS NULL) = (resource_id IS NULL)",
        schema="ins",
    )
    op.create_index(
        "mails_record_ix",
        "mails",
        ["org_id", "resource", "resource_id", "id"],
        schema="ins",
        postgresql_where=sa.text("resource_id IS NOT NULL"),
    )
    op.create_index(
        "mails_customer_ix",
        "mails",
        ["org_id", "customer_id", "id"],
        schema="ins",
        postgresql_where=sa.text("customer_id IS NOT NULL"),
    )
    _index_where_set("mails_document_ix", "mails", "document_id")
    _refer("mails", "customer_id", "customers")
    _refer("mails", "document_id", "record_documents")


def downgrade() -> None:
    for column in ("document_id", "customer_id", "resource_id", "resource"):
        op.drop_column("mails", column, schema="ins")
    op.create_table(
        "claim_notes",
        *_columns(
            ("org_id", sa.Uuid()),
            ("id", sa.Uuid()),
            ("claim_id", sa.Uuid()),
            ("kind", _NOTE_KIND),
            ("text", sa.Text()),
        ),
        sa.Column("due_on", sa.Date()),
        sa.Column("done_at", sa.DateTime(timezone=True)),
        sa.Column("done_by", sa.Text()),
        *_columns(*_WRITTEN),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("claim_notes_pk")),
        schema="ins",
    )
    op.protect_table("ins.claim_notes", "tenant")
    op.create_index("claim_notes_claim_ix", "claim_notes", ["org_id", "claim_id", "id"], schema="ins")
    _refer("claim_notes", "claim_id", "claims")
    op.execute("""
        INSERT INTO ins.claim_notes (org_id, id, claim_id, kind, text, due_on, done_at, done_by,
                                     created_at, created_by)
        SELECT org_id, id, resource_id, kind, sealed_text, due_on, done_at, done_by,
               created_at, created_by
        FROM ins.notes WHERE resource = 'claims'
    """)
    op.drop_table("notes", schema="ins")
    op.drop_table("record_documents", schema="ins")
