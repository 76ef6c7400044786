"""Month-end for the demonstration: index tables, rules, one run applied and one to be approved."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from insurance.core import clock
from insurance.core.period import add_months
from insurance.month_end import services
from insurance.month_end.models import StepCode
from insurance.month_end.rules import last_month_end
from insurance.products.models import ProjectionType
from insurance.seeding.moments import office_hour

_STEPS = frozenset(StepCode) - {StepCode.LAPSES}
_CPI = ("2.8", "2.9", "2.9", "3.0", "3.2", "3.2", "2.7", "2.8", "2.8", "2.9", "3.0", "3.5")


def seed_escalation(products: dict[str, UUID], opened: date) -> None:
    """Enter two years of CPI, and let the premiums of every product follow it."""
    now = _morning(opened)
    with clock.frozen(now):
        for back in range(25, 1, -1):
            _record_index_value(add_months(opened.replace(day=1), -back), now)
        rule = {
            "type": ProjectionType.INDEXED,
            "valid_from": opened,
            "floor": Decimal("3.00"),
            "cap": Decimal("8.00"),
            "cover_rate": Decimal("2.00"),
        }
        for product_id in products.values():
            services.record_escalation_rule(rule | {"product_id": product_id}, now=now)


def seed_index_value(on: date) -> None:
    """Enter the CPI of the month before a day."""
    now = _morning(on)
    with clock.frozen(now):
        _record_index_value(add_months(on.replace(day=1), -1), now)


def _record_index_value(month: date, now: datetime) -> None:
    value = Decimal(_CPI[month.month - 1]) + (2026 - month.year) * Decimal("0.3")
    source = f"Statistics South Africa, P0141, {month:%B %Y}"
    services.record_index_value("CPI", month, value, source=source, now=now)


def seed_plan(day: date, on: date) -> UUID:
    """Plan a month-end and return it."""
    now = _morning(on)
    with clock.frozen(now):
        wanted = services.WantedRun(process_date=day, steps=_STEPS)
        run = services.request_run(wanted, on=on, now=now)
        return services.finish_now(run.id, now=now).id


def seed_approval(run_id: UUID, on: date) -> None:
    """Approve a plan as a second person."""
    with clock.frozen(_morning(on)):
        services.approve_run(run_id, comment="Checked against last month", now=_morning(on))


def seed_application(run_id: UUID, on: date) -> None:
    """Apply a plan that was approved."""
    with clock.frozen(_morning(on)):
        services.apply_run(run_id, on=on, now=_morning(on))
        services.finish_now(run_id, now=_morning(on))
        services.report_run(run_id, now=_morning(on))


def month_end_before(today: date) -> date:
    """Return the last day of the month before."""
    return last_month_end(today.replace(day=1))


def coming_month_end(today: date) -> date:
    """Return the last day of the month."""
    return last_month_end(add_months(today.replace(day=1), 1))


def _morning(day: date) -> datetime:
    return office_hour(day, 11)
