"""When a policy lapses, and the money held for it that pays its oldest premium before it may."""

from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.audit_logs.services import event_row, record_many
from insurance.billing import services as money
from insurance.core.db import transaction
from insurance.core.money import format_money
from insurance.debit_orders.queries import collection_in_flight
from insurance.lapses.queries import list_forecasts, policy_forecast
from insurance.lapses.rules import Block, Forecast
from insurance.policies.changes import Happening, write_events
from insurance.policies.services.endorsements import apply_due_endorsements
from insurance.policies.services.payments import lock_policies, policy_numbers


def forecast_of(session: Session, policy_id: UUID, on: date) -> Forecast:
    """Say when a policy will lapse and what stops it, collections under way included."""
    in_flight = policy_id in collection_in_flight(session, [policy_id], on=on)
    return policy_forecast(session, policy_id, on, collection_in_flight=in_flight)


def settle_before_lapse(policy_id: UUID, *, on: date, now: datetime) -> None:
    """Use what is held for a policy whose grace is over for its oldest premium, if anything is.

    Changes whose day has come apply first: the grace is that of the frequency of this day.
    """
    apply_due_endorsements(policy_id, on=on, now=now)
    with transaction() as session:
        lock_policies(session, [policy_id])
        settle_with_money_held(session, [policy_id], on=on, now=now)


def settle_with_money_held(
    session: Session, policy_ids: Collection[UUID], *, on: date, now: datetime
) -> dict[UUID, Decimal]:
    """Settle what policies owe whose grace is over with the money that is held for them.

    Credit and what was paid of premiums not yet due moves to the oldest premium, as an event.
    Returns what each policy used, in rand. The caller holds the policies.
    """
    found = list_forecasts(session, policy_ids, on, collecting=())
    owing = [
        policy_id
        for policy_id, forecast in found.items()
        if forecast.lapse_date is not None
        and forecast.lapse_date <= on
        and Block.MONEY_HELD in forecast.blocked_by
    ]
    return use_held_money(session, owing, on=on, now=now) if owing else {}


def use_held_money(
    session: Session,
    policy_ids: Collection[UUID],
    *,
    on: date,
    now: datetime,
    since: date | None = None,
) -> dict[UUID, Decimal]:
    """Move credit and what was paid of premiums not yet due to the oldest premium, as an event.

    Where cover has ended, `since` is the first day without it: premiums due from then on count as
    not yet due. Returns what each policy used, in rand. The caller holds the policies.
    """
    numbers = policy_numbers(session, policy_ids)
    used = money.settle_oldest(session, numbers, on=on, now=now, since=since)
    happenings = [
        Happening(
            policy_id,
            "HELD_MONEY_USED",
            on,
            f"{format_money(amount)} held for later premiums settled what was due",
            {"amount": amount},
        )
        for policy_id, amount in used.items()
    ]
    write_events(session, happenings, now=now)
    record_many(
        session,
        [
            event_row(
                action="premiums.use_held_money",
                resource="policies",
                resource_id=policy_id,
                after={"amount": amount},
            )
            for policy_id, amount in used.items()
        ],
    )
    return used
