"""Who may decide what another asked for, and how a payload is frozen."""

import hashlib
import json
from typing import Any
from uuid import UUID

from insurance.core.errors import ConflictError, ForbiddenError


def payload_hash(payload: dict[str, Any]) -> str:
    """Return the hash of a payload's one way to be written."""
    written = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(written.encode()).hexdigest()


def check_waits(status: str) -> None:
    """Refuse a request that is decided. Raises ConflictError."""
    if status != "WAITING":
        raise ConflictError(
            f"This request does not wait any more: it is {status.lower()}.",
            detail={"current_status": status},
        )


def check_checker(requested_by: UUID, user_id: UUID | None) -> None:
    """Refuse to let a program, or the person who asked, decide. Raises ForbiddenError."""
    if user_id is None:
        raise ForbiddenError("A person decides this, not a program.")
    if user_id == requested_by:
        raise ForbiddenError("You asked for this yourself, so somebody else must decide it.")


def check_maker(requested_by: UUID, user_id: UUID | None) -> None:
    """Let only the person who asked take a request back. Raises ForbiddenError."""
    if user_id != requested_by:
        raise ForbiddenError("Only the person who asked for this can withdraw it.")
