"""What people were told, and what of it they want to hear."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from insurance.core.db import TenantRecord, TenantTable


class AlertState(StrEnum):
    """Whether an alert was looked at."""

    NEW = "NEW"
    READ = "READ"


class Alert(TenantRecord):
    """Something that one person is told: `kind` is the code of its kind, `title` its words.

    `once` is what a person is told of no second time. `mailed_at` is when a digest had it.
    """

    __tablename__ = "alerts"
    __table_args__ = (
        UniqueConstraint("org_id", "user_id", "once"),
        Index("alerts_person_ix", "org_id", "user_id", "id"),
        Index(
            "alerts_unread_ix", "org_id", "user_id", "id", postgresql_where=text("read_at IS NULL")
        ),
        Index("alerts_about_ix", "org_id", "resource_id", postgresql_where=text("read_at IS NULL")),
        Index(
            "alerts_to_mail_ix",
            "org_id",
            "id",
            postgresql_where=text("read_at IS NULL AND mailed_at IS NULL"),
        ),
    )

    user_id: Mapped[UUID]
    kind: Mapped[str]
    title: Mapped[str]
    resource: Mapped[str]
    resource_id: Mapped[UUID]
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    mailed_at: Mapped[datetime | None]
    once: Mapped[str | None]

    @property
    def state(self) -> AlertState:
        """Return whether it was looked at."""
        return AlertState.NEW if self.read_at is None else AlertState.READ


class AlertSetting(TenantTable):
    """What a person wants to hear; without a row everything, under the bell and by mail.

    `hidden` are kinds that are kept from the bell, `unmailed` kinds that no digest has.
    `digested_on` is the business day of the last digest.
    """

    __tablename__ = "alert_settings"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    wants_digest: Mapped[bool] = mapped_column(default=True)
    hidden: Mapped[list[str]] = mapped_column(ARRAY(Text()), default=list)
    unmailed: Mapped[list[str]] = mapped_column(ARRAY(Text()), default=list)
    digested_on: Mapped[date | None]
