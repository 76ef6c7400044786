"""Anchors: seals copied outside the database, where who can change the log cannot reach.

One file a tenant, one JSON line an anchor, only ever added to.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from insurance.audit_logs.sealing import Anchor, newest_seal
from insurance.core.db import db

EVERY = timedelta(hours=1)
OLD_AFTER = timedelta(hours=2)
"""An anchor older than this means that anchoring has stopped."""


def file_of(folder: Path, org_id: UUID) -> Path:
    """Return where an organization's anchors are kept in a folder."""
    return folder / f"{org_id}.jsonl"


def add_anchor(file: Path, org_id: UUID, now: datetime) -> bool:
    """Append the newest seal of the organization in scope; False while it has none."""
    newest = newest_seal(db.session())
    if newest is None:
        return False
    line = {
        "org_id": str(org_id),
        "seal_no": newest.seal_no,
        "hash": bytes(newest.hash).hex(),
        "anchored_at": now.isoformat(),
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as kept:
        kept.write(json.dumps(line) + "\n")
    return True


def read_anchors(file: Path, org_id: UUID) -> list[Anchor]:
    """Return an organization's anchors from a file. Raises ValueError for one that is none."""
    return list(_anchors(file, org_id)) if file.exists() else []


def _anchors(file: Path, org_id: UUID) -> Iterator[Anchor]:
    with file.open() as kept:
        for number, line in enumerate(kept, start=1):
            try:
                said = json.loads(line)
                moment = datetime.fromisoformat(said["anchored_at"])
                anchor = Anchor(int(said["seal_no"]), str(said["hash"]), moment)
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"Line {number} of {file} is no anchor.") from error
            if said["org_id"] == str(org_id):
                yield anchor
