"""Lapsing and expiring many policies at once, by the rules that end one.

What one policy needs is decided by itself over rows read for all of them; what was decided is
written in a few statements, and leaves behind what `move` leaves.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, literal, text
from sqlalchemy.orm import Session

from insurance.audit_logs.services import event_row
from insurance.billing.queries import list_money_held
from insurance.billing.services import mark_charged
from insurance.core.bulk import id_array
from insurance.core.errors import ConflictError, DomainError
from insurance.core.money import total
from insurance.core.reading import read_as
from insurance.core.tenancy import current_org
from insurance.debit_orders.queries import collection_in_flight
from insurance.lapses.queries import list_forecasts
from insurance.lapses.rules import Forecast
from insurance.ledger.models import LedgerTransfer
from insurance.ledger.queries import closed_through
from insurance.ledger.services import post, reverse_transfers
from insurance.organizations.queries import get_organization
from insurance.policies.changes import Happening, PolicyChange, write_changes
from insurance.policies.lifecycle_rules import (
    Ending,
    charges_before,
    expiry_day,
    expiry_of,
    is_unpaid_premium,
    lapse_day,
    lapse_of,
)
from insurance.policies.models import EventCategory, PolicyStatus
from insurance.policies.rules import Contract, check_transition
from insurance.policies.services.contract_bases import (
    ContractBasis,
    PolicyInBulk,
    list_in_bulk,
    read_contract_bases,
)
from insurance.policies.services.lifecycle import LAPSED
from insurance.policies.services.mails import letter_about
from insurance.policies.services.past_cover import cover_ended, past_cover_changed
from insurance.policies.services.schedule_steps import Charge, journal_of
from insurance.policies.services.schedules import vat_rate_on

_LINES = text(
    """
    SELECT id, policy_id, kind, due_date, amount, paid_amount, posted_at FROM ins.premium_lines
    WHERE org_id = :org AND policy_id = ANY(CAST(:policies AS uuid[])) AND status <> 'CANCELLED'
    ORDER BY policy_id, due_date, kind DESC, sequence
    """
)


class EndingPremium(NamedTuple):
    """A premium line that the end of its policy charges, or whose charge it takes back."""

    id: UUID
    policy_id: UUID
    kind: str
    due_date: date
    amount: Decimal
    paid_amount: Decimal
    posted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Ended:
    """A policy that ends, worked out: what is charged first, and what is taken back."""

    policy: PolicyInBulk
    ending: Ending
    reason: str | None
    charges: Sequence[Charge]
    uncharged: Sequence[UUID]
    contract: Contract


@dataclass(slots=True)
class _Facts:
    """What endings rest on, read once for all policies."""

    policies: Sequence[PolicyInBulk]
    lines: Mapping[UUID, Sequence[EndingPremium]]
    forecasts: Mapping[UUID, Forecast]
    bases: Mapping[UUID, ContractBasis]
    closed: date | None
    with_money: Collection[UUID]
    vat_rates: dict[tuple[str, date], Decimal | None]


def end_policies(
    session: Session,
    lapsing: Mapping[UUID, date],
    expiring: Mapping[UUID, date],
    *,
    reason: str,
    on: date,
    now: datetime,
) -> set[UUID]:
    """End policies each on the day it is to end, and return those that did.

    The rest do not end on that day, or not at all: ended alone they say why. The caller holds the
    policies' rows.
    """
    session.flush()
    facts = _load(session, lapsing, expiring, on)
    ended = []
    for row in facts.policies:
        try:
            one = _decide(session, facts, row, row.id in lapsing, reason, on)
            wanted = lapsing.get(row.id) or expiring[row.id]
            if one.ending.on != wanted:
                raise ConflictError("It would end on another day.")
        except (DomainError, ArithmeticError, LookupError, ValueError, TypeError):
            continue
        ended.append(one)
    if ended:
        _write(session, ended, on, now)
        session.expire_all()
        stopped = [cover_ended(one.policy.id, one.ending.on) for one in ended]
        past_cover_changed(session, *stopped, on=on, now=now)
    return {one.policy.id for one in ended}


def _load(
    session: Session, lapsing: Mapping[UUID, date], expiring: Mapping[UUID, date], on: date
) -> _Facts:
    ids = sorted({*lapsing, *expiring})
    values = {"org": current_org(), "policies": id_array(ids)}
    policies = list_in_bulk(session, ids)
    lines: dict[UUID, list[EndingPremium]] = defaultdict(list)
    for line in read_as(session, EndingPremium, _LINES, values):
        lines[line.policy_id].append(line)
    collecting = collection_in_flight(session, list(lapsing), on=on) if lapsing else {}
    forecasts = list_forecasts(session, lapsing, on, collecting=collecting) if lapsing else {}
    bases = {row.id: basis for row, basis in read_contract_bases(session, policies)}
    with_money = list_money_held(session, list(expiring), on=on) if expiring else set()
    return _Facts(policies, lines, forecasts, bases, closed_through(session), with_money, {})


def _decide(
    session: Session, facts: _Facts, row: PolicyInBulk, is_lapse: bool, reason: str, on: date
) -> Ended:
    lines = facts.lines.get(row.id, ())
    if is_lapse:
        check_transition(row.status, "lapsed")
        forecast = facts.forecasts[row.id]
        charged = charges_before(lines, lapse_day(forecast), closed=facts.closed, on=on)
        due = {line.id for line, _day in charged}
        back = [
            line
            for line in lines
            if (line.posted_at is not None or line.id in due) and is_unpaid_premium(line)
        ]
        ending = lapse_of(
            forecast,
            charged=total(line.amount for line, _day in charged),
            uncharged=total(line.amount for line in back),
        )
    else:
        check_transition(row.status, "expired")
        if row.id in facts.with_money:
            raise ConflictError("Money goes back, which is worked out for one policy alone.")
        ends = expiry_day(row.expiry_date, on)
        charged = charges_before(lines, ends, closed=facts.closed, on=on)
        ending, back = expiry_of(ends, charged=total(line.amount for line, _day in charged)), []
    return Ended(
        policy=row,
        ending=ending,
        reason=reason if is_lapse else None,
        charges=[_charge(session, facts, row, line, day) for line, day in charged],
        uncharged=[line.id for line in back],
        contract=facts.bases[row.id].on(on),
    )


def _charge(
    session: Session, facts: _Facts, row: PolicyInBulk, line: EndingPremium, day: date
) -> Charge:
    key = (row.category, line.due_date)
    if key not in facts.vat_rates:
        facts.vat_rates[key] = vat_rate_on(session, *key)
    rate = facts.vat_rates[key]
    return Charge(line.id, row.id, row.policy_number, line.due_date, line.amount, rate, day)


def _write(session: Session, ended: Sequence[Ended], on: date, now: datetime) -> None:
    charges = [charge for one in ended for charge in one.charges]
    uncharged = {line_id for one in ended for line_id in one.uncharged}
    kept = [one.line_id for one in charges if one.line_id not in uncharged]
    post(session, [journal_of(one) for one in charges], now=now, field="effective_date")
    if uncharged:
        of_lines = LedgerTransfer.premium_line_id == any_(literal(list(uncharged), ARRAY(Uuid)))
        condition = of_lines & LedgerTransfer.receipt_id.is_(None)
        reverse_transfers(session, condition, on=on, now=now, why=LAPSED)
    mark_charged(session, kept, at=now)
    mark_charged(session, uncharged, at=None)
    organization = get_organization(session).name
    write_changes(session, [_change(one, organization) for one in ended], now=now)


def _change(one: Ended, organization: str) -> PolicyChange:
    row, ending = one.policy, one.ending
    becomes = {"status": PolicyStatus(ending.to), "ended_on": ending.on}
    happening = Happening(
        row.id,
        ending.event_type,
        ending.on,
        ending.description,
        ending.payload,
        one.reason,
        EventCategory.LIFECYCLE,
        contract=one.contract,
        version_reason=one.reason or ending.description,
    )
    audit = event_row(
        action=ending.action,
        resource="policies",
        resource_id=row.id,
        before={"status": row.status, "ended_on": row.ended_on},
        after={**becomes, **ending.payload},
        reason=one.reason,
    )
    letter = (
        letter_about(
            happening,
            to=row.email,
            name=row.display_name,
            customer_id=row.customer_id,
            number=row.policy_number,
            organization=organization,
        )
        if row.email
        else None
    )
    return PolicyChange(
        policy=row, becomes=becomes, happenings=[happening], audit=audit, letter=letter
    )
