"""Posting bank files."""

from uuid import UUID

from insurance.core import clock
from insurance.core.db import db
from insurance.organizations.queries import get_organization
from insurance.reconciliation import services


def commit(file_id: str) -> None:
    """Post what is left of a file; a second run finds nothing left."""
    on = clock.today(get_organization(db.session()).timezone)
    services.post_file(UUID(file_id), on=on, now=clock.now())
