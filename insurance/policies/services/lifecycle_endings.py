"""Lapsing and expiring many policies at once, by the rules that end one.

What one policy needs is decided by itself over rows read for all of them; what was decided is
written in a few statements, and leaves behind what `move` leaves.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Table, Uuid, any_, literal, text
from sqlalchemy.orm import Session

from insurance.audit_logs.rules import plain
from insurance.audit_logs.services import event_row, record_many
from insurance.billing.queries import list_money_held
from insurance.core.bulk import id_array, write_rows
from insurance.core.context import current_actor
from insurance.core.counts import count_by_shard, shard_of
from insurance.core.errors import ConflictError, DomainError
from insurance.core.ids import new_id
from insurance.core.money import ZERO, total
from insurance.core.tenancy import current_org
from insurance.debit_orders.queries import collection_in_flight
from insurance.lapses.queries import list_forecasts
from insurance.lapses.rules import Forecast
from insurance.ledger.models import LedgerTransfer
from insurance.ledger.queries import closed_through
from insurance.ledger.services import post, reverse_transfers
from insurance.notifications.services import send_all_later
from insurance.organizations.queries import get_organization
from insurance.policies.lifecycle_rules import (
    Ending,
    charges_before,
    expiry_day,
    expiry_of,
    is_unpaid_premium,
    lapse_day,
    lapse_of,
)
from insurance.policies.models import EventCategory, PolicyEvent, PolicyVersion
from insurance.policies.rules import check_transition, snapshot_of
from insurance.policies.services.contract_bases import ContractBasis, read_contract_bases
from insurance.policies.services.history import in_force_of
from insurance.policies.services.lifecycle import LAPSED
from insurance.policies.services.mails import letter_about
from insurance.policies.services.moves import IN_FORCE
from insurance.policies.services.schedule_steps import Charge, journal_of
from insurance.policies.services.schedules import vat_rate_on
from insurance.policies.snapshots import POLICY_FIELDS

_EVENTS: Table = PolicyEvent.__table__  # type: ignore[assignment]
_VERSIONS: Table = PolicyVersion.__table__  # type: ignore[assignment]
_POLICIES = text(
    """
    SELECT p.id, p.policy_number, p.status, p.product_id, p.product_version_id, p.customer_id,
           p.effective_date, p.expiry_date, p.term_years, p.due_day, p.frequency, p.premium,
           p.coverage_amount, p.rating, p.current_version, p.ended_on, k.category,
           c.display_name, c.email, (
               SELECT max(e.sequence) FROM ins.policy_events e
               WHERE e.org_id = p.org_id AND e.policy_id = p.id) AS sequence
    FROM ins.policies p
    JOIN ins.products pr ON pr.org_id = p.org_id AND pr.id = p.product_id
    JOIN ins.product_classes k ON k.code = pr.class_code
    JOIN ins.customers c ON c.org_id = p.org_id AND c.id = p.customer_id
    WHERE p.org_id = :org AND p.id = ANY(CAST(:policies AS uuid[])) ORDER BY p.id
    """
)
_LINES = text(
    """
    SELECT id, policy_id, kind, due_date, amount, paid_amount, posted_at FROM ins.premium_lines
    WHERE org_id = :org AND policy_id = ANY(CAST(:policies AS uuid[])) AND status <> 'CANCELLED'
    ORDER BY policy_id, due_date, kind DESC, sequence
    """
)
_SET_POSTED = text(
    """
    UPDATE ins.premium_lines SET posted_at = CAST(:at AS timestamptz)
    WHERE org_id = :org AND id = ANY(CAST(:ids AS uuid[]))
    """
)
_SET_ENDED = text(
    """
    UPDATE ins.policies AS p
    SET status = v.status, ended_on = v.ended_on, current_version = p.current_version + 1,
        updated_at = :now
    FROM (SELECT unnest(CAST(:ids AS uuid[])) AS id,
                 unnest(CAST(:statuses AS text[])) AS status,
                 unnest(CAST(:days AS date[])) AS ended_on) AS v
    WHERE p.org_id = :org AND p.id = v.id
    """
)
_COUNT = text(
    """
    INSERT INTO ins.portfolio_counts AS c
        (org_id, product_id, status, shard, policies, monthly_premium, cover)
    SELECT :org, v.product_id, v.status, v.shard, v.policies, v.premium, v.cover
    FROM unnest(CAST(:products AS uuid[]), CAST(:statuses AS text[]), CAST(:shards AS bigint[]),
                CAST(:counts AS bigint[]), CAST(:premiums AS numeric[]), CAST(:covers AS numeric[]))
        AS v(product_id, status, shard, policies, premium, cover)
    ORDER BY v.product_id, v.status, v.shard
    ON CONFLICT (org_id, product_id, status, shard) DO UPDATE
    SET policies = c.policies + excluded.policies,
        monthly_premium = c.monthly_premium + excluded.monthly_premium,
        cover = c.cover + excluded.cover
    """
)


@dataclass(frozen=True, slots=True)
class Ended:
    """A policy that ends, worked out: what is charged first, and what is taken back."""

    policy: Any
    ending: Ending
    reason: str | None
    charges: Sequence[Charge]
    uncharged: Sequence[UUID]
    snapshot: Mapping[str, Any]


@dataclass(slots=True)
class _Facts:
    """What endings rest on, read once for all policies."""

    policies: Sequence[Any]
    lines: Mapping[UUID, Sequence[Any]]
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
    return {one.policy.id for one in ended}


def _load(
    session: Session, lapsing: Mapping[UUID, date], expiring: Mapping[UUID, date], on: date
) -> _Facts:
    ids = sorted({*lapsing, *expiring})
    values = {"org": current_org(), "policies": id_array(ids)}
    policies = session.execute(_POLICIES, values).all()
    lines: dict[UUID, list[Any]] = defaultdict(list)
    for line in session.execute(_LINES, values):
        lines[line.policy_id].append(line)
    collecting = collection_in_flight(session, list(lapsing), on=on) if lapsing else {}
    forecasts = list_forecasts(session, lapsing, on, collecting=collecting) if lapsing else {}
    bases = {row.id: basis for row, basis in read_contract_bases(session, policies)}
    with_money = list_money_held(session, list(expiring), on=on) if expiring else set()
    return _Facts(policies, lines, forecasts, bases, closed_through(session), with_money, {})


def _decide(
    session: Session, facts: _Facts, row: Any, is_lapse: bool, reason: str, on: date
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
        snapshot=snapshot_of(_state(row, ending), facts.bases[row.id].on(on)),
    )


def _charge(session: Session, facts: _Facts, row: Any, line: Any, day: date) -> Charge:
    key = (row.category, line.due_date)
    if key not in facts.vat_rates:
        facts.vat_rates[key] = vat_rate_on(session, *key)
    rate = facts.vat_rates[key]
    return Charge(line.id, row.id, row.policy_number, line.due_date, line.amount, rate, day)


def _state(row: Any, ending: Ending) -> dict[str, Any]:
    state = {name: getattr(row, name) for name in POLICY_FIELDS}
    return plain(state | {"status": ending.to})  # type: ignore[no-any-return]


def _write(session: Session, ended: Sequence[Ended], on: date, now: datetime) -> None:
    charges = [charge for one in ended for charge in one.charges]
    uncharged = {line_id for one in ended for line_id in one.uncharged}
    kept = [one.line_id for one in charges if one.line_id not in uncharged]
    post(session, [journal_of(one) for one in charges], now=now, field="effective_date")
    if uncharged:
        of_lines = LedgerTransfer.premium_line_id == any_(literal(list(uncharged), ARRAY(Uuid)))
        condition = of_lines & LedgerTransfer.receipt_id.is_(None)
        reverse_transfers(session, condition, on=on, now=now, why=LAPSED)
    for at, ids in ((now, kept), (None, uncharged)):
        if ids:
            values = {"org": current_org(), "at": at, "ids": id_array(ids)}
            session.execute(_SET_POSTED, values)
    _set_ended(session, ended, now)
    _write_history(session, ended, now)
    record_many(session, [_audit_row(one) for one in ended])
    _tell_holders(session, ended)


def _set_ended(session: Session, ended: Sequence[Ended], now: datetime) -> None:
    session.execute(
        _SET_ENDED,
        {
            "org": current_org(),
            "now": now,
            "ids": id_array([one.policy.id for one in ended]),
            "statuses": [one.ending.to for one in ended],
            "days": [one.ending.on for one in ended],
        },
    )
    moved: dict[tuple[UUID, str, int], list[Any]] = defaultdict(lambda: [0, ZERO, ZERO])
    for one in ended:
        row = one.policy
        for status, sign in ((row.status, -1), (one.ending.to, 1)):
            at = moved[(row.product_id, status, shard_of(row.id))]
            at[0] += sign
            at[1] += sign * row.premium
            at[2] += sign * row.coverage_amount
    products, statuses, shards = zip(*moved, strict=True)
    counts, premiums, covers = zip(*moved.values(), strict=True)
    values = {"products": list(products), "statuses": list(statuses), "shards": list(shards)}
    values |= {"counts": list(counts), "premiums": list(premiums), "covers": list(covers)}
    session.execute(_COUNT, {"org": current_org(), **values})
    no_more = Counter(
        (in_force_of(one.policy.product_version_id), shard_of(one.policy.id))
        for one in ended
        if one.policy.status in IN_FORCE
    )
    count_by_shard(session, {place: -count for place, count in no_more.items()})


def _write_history(session: Session, ended: Sequence[Ended], now: datetime) -> None:
    actor = current_actor()
    events, versions = [], []
    for one in ended:
        row, ending, event_id = one.policy, one.ending, new_id()
        events.append(
            {
                "id": event_id,
                "policy_id": row.id,
                "sequence": (row.sequence or 0) + 1,
                "category": EventCategory.LIFECYCLE,
                "event_type": ending.event_type,
                "effective_date": ending.on,
                "recorded_at": now,
                "description": ending.description,
                "reason": one.reason,
                "payload": plain({**ending.payload, "state": _state(row, ending)}),
                "actor": actor.email,
                "request_id": actor.request_id,
            }
        )
        versions.append(
            {
                "id": new_id(),
                "policy_id": row.id,
                "version_number": row.current_version + 1,
                "event_id": event_id,
                "effective_date": ending.on,
                "snapshot_date": now,
                "change_reason": one.reason or ending.description,
                "change_description": ending.description,
                "policy_snapshot": one.snapshot,
            }
        )
    write_rows(session, _EVENTS, events)
    write_rows(session, _VERSIONS, versions)


def _audit_row(one: Ended) -> dict[str, Any]:
    row, ending = one.policy, one.ending
    return event_row(
        action=ending.action,
        resource="policies",
        resource_id=row.id,
        before={"status": row.status, "ended_on": row.ended_on},
        after={"status": ending.to, "ended_on": ending.on, **ending.payload},
        reason=one.reason,
    )


def _tell_holders(session: Session, ended: Sequence[Ended]) -> None:
    organization = get_organization(session).name
    letters = [
        letter_about(
            one.ending.event_type,
            to=one.policy.email,
            name=one.policy.display_name,
            number=one.policy.policy_number,
            day=one.ending.on,
            what=one.ending.description,
            payload=one.ending.payload,
            organization=organization,
        )
        for one in ended
        if one.policy.email
    ]
    send_all_later(session, letters)
