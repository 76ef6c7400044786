"""A tenant's own holidays, and holidays on which its banks work."""

from datetime import date
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from insurance.audit_logs.services import record
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError
from insurance.core.ids import new_id
from insurance.debit_orders import queries
from insurance.debit_orders.models import TenantHoliday


def add_holiday(day: date, *, name: str, is_working: bool = False) -> TenantHoliday:
    """Close a day for debits, or open one that is an official holiday."""
    if not name.strip():
        raise DomainError("Give the day a name.", field="name")
    try:
        with transaction() as session:
            holiday = TenantHoliday(id=new_id(), day=day, name=name.strip(), is_working=is_working)
            session.add(holiday)
            session.flush()
            record(
                session,
                action="debit_orders.add_holiday",
                resource="tenant_holidays",
                resource_id=holiday.id,
                after={"day": day, "name": holiday.name, "is_working": is_working},
            )
            return holiday
    except IntegrityError as error:
        raise ConflictError("This day is already on the list.", field="day") from error


def remove_holiday(holiday_id: UUID) -> TenantHoliday:
    """Take a day off the tenant's list; the official holidays stay."""
    with transaction() as session:
        holiday = queries.get_holiday(session, holiday_id, lock=True)
        session.delete(holiday)
        record(
            session,
            action="debit_orders.remove_holiday",
            resource="tenant_holidays",
            resource_id=holiday_id,
            before={"day": holiday.day, "name": holiday.name, "is_working": holiday.is_working},
        )
        return holiday
