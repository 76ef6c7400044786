"""the platform's own organization, whose people look after the others

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"

PLATFORM = "00000000-0000-7000-8000-000000000001"


def upgrade() -> None:
    op.execute(
        f"""
        INSERT INTO ins.organizations (org_id, kind, name, slug, description, currency, timezone,
            requires_mfa, session_idle_minutes, version, created_at, updated_at)
        VALUES ('{PLATFORM}', 'PLATFORM', 'Platform', 'platform', '', 'ZAR',
            'Africa/Johannesburg', false, 30, 1, now(), now())
        """
    )
    op.execute(
        f"""
        INSERT INTO cp.org_directory (org_id, slug, name, kind, timezone, currency, requires_mfa,
            session_idle_minutes, created_at)
        VALUES ('{PLATFORM}', 'platform', 'Platform', 'PLATFORM', 'Africa/Johannesburg', 'ZAR',
            false, 30, now())
        """
    )


def downgrade() -> None:
    op.execute(f"DELETE FROM cp.org_directory WHERE org_id = '{PLATFORM}'")
    op.execute(f"DELETE FROM ins.organizations WHERE org_id = '{PLATFORM}'")
