"""One effect per key: what a repeated request did the first time is answered again."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from insurance.core.db import TenantTable


class IdempotencyKey(TenantTable):
    """A request by its key. The answer is empty while the request still runs."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("idempotency_keys_created_at_ix", "org_id", "created_at"),)

    key: Mapped[str] = mapped_column(primary_key=True)
    route: Mapped[str]
    body_hash: Mapped[bytes]
    status: Mapped[int | None]
    answer: Mapped[str | None]
    headers: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]
    lease_until: Mapped[datetime]
