"""Keeping schedules as time passes: lines a year ahead, premiums charged, arrears marked.

Each step decides over plain rows of some thousands of policies (`decide_…`) and writes what was
decided in a few statements (`write_…`). The daily schedule does both at once; month-end keeps what
was decided as a plan. The caller holds the policies' rows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.billing import services as money
from insurance.billing.models import LineKind, LineStatus
from insurance.billing.queries import MONEY_HELD
from insurance.billing.rules import MONTHS_AHEAD, PlannedLine, Step, plan_lines
from insurance.billing.services import apply_credits
from insurance.core.bulk import id_array
from insurance.core.db import transaction
from insurance.core.ids import new_id
from insurance.core.money import ZERO, format_money
from insurance.core.period import Period, add_months
from insurance.core.reading import read_as
from insurance.core.tenancy import current_org
from insurance.ledger.models import TransferType
from insurance.ledger.queries import closed_through
from insurance.ledger.rules import due_premium_legs
from insurance.ledger.services import Entry, post
from insurance.policies import queries
from insurance.policies.changes import Happening, write_events
from insurance.policies.rules import Pricer, Stage, fold, steps_of
from insurance.policies.services.contracts import load_basis
from insurance.policies.services.endorsements import apply_due_endorsements
from insurance.policies.services.held_money import settle_with_money_held
from insurance.policies.services.payments import lock_policies
from insurance.policies.services.schedules import vat_rate_on
from insurance.products.rules import MONTHS_PER_PREMIUM

CHUNK = 5_000
_FIRST = UUID(int=0)


class NewLine(NamedTuple):
    """A premium line that a schedule lacks."""

    id: UUID
    policy_id: UUID
    sequence: int
    due_date: date
    period_end: date
    amount: Decimal
    whole_days: int | None


class ShortSchedule(NamedTuple):
    """A policy whose premiums do not reach far enough ahead, and where they end."""

    id: UUID
    due_day: int
    frequency: str
    expiry_date: date | None
    instalment: Decimal
    sequence: int
    period_end: date


class DueLine(NamedTuple):
    """A premium line whose day has come and which is not charged, or neither paid nor overdue."""

    id: UUID
    policy_id: UUID
    due_date: date
    sequence: int
    amount: Decimal
    paid_amount: Decimal
    kind: str
    status: str
    posted_at: datetime | None


class PayingPolicy(Protocol):
    """What a charge says of its policy, and what decides its VAT."""

    @property
    def number(self) -> str: ...
    @property
    def category(self) -> str: ...


class _InForce(NamedTuple):
    number: str
    category: str


class Charge(NamedTuple):
    """A premium that has fallen due and is not charged. `on` is the day of its transfer.

    That is the due date, or where its month is closed the business date. VAT is in per cent.
    """

    line_id: UUID
    policy_id: UUID
    policy_number: str
    due_date: date
    amount: Decimal
    vat_rate: Decimal | None
    on: date


class Late(NamedTuple):
    """A premium that was not paid on its due date."""

    line_id: UUID
    policy_id: UUID
    due_date: date
    outstanding: Decimal


@dataclass(frozen=True, slots=True)
class Kept:
    """What keeping the schedules did."""

    lines_added: int = 0
    premiums_charged: int = 0
    marked_overdue: int = 0
    settled_before_lapse: int = 0
    endorsements_applied: int = 0


_SHORT = """
    SELECT p.id, p.due_day, p.frequency, p.expiry_date,
           p.instalment, l.sequence, l.period_end
    FROM ins.policies p
    CROSS JOIN LATERAL (
        SELECT n.sequence, n.period_end FROM ins.premium_lines n
        WHERE n.org_id = p.org_id AND n.policy_id = p.id AND n.kind = 'PREMIUM'
        ORDER BY n.sequence DESC LIMIT 1
    ) l
    WHERE p.org_id = :org AND p.status IN ('active', 'suspended') AND l.period_end < :until
      AND (p.expiry_date IS NULL OR l.period_end < p.expiry_date)
"""
_OF_POLICIES = " AND p.id = ANY(CAST(:policies AS uuid[])) ORDER BY p.id"
_NEXT = " AND p.id > :after ORDER BY p.id LIMIT :limit"
_SHORT_OF = text("".join([_SHORT, _OF_POLICIES]))
_SHORT_NEXT = text("".join([_SHORT, _NEXT]))
_CHANGING = text(
    """
    SELECT policy_id, CAST(NULL AS date) FROM ins.endorsements
    WHERE org_id = :org AND status = 'ISSUED' AND applied_at IS NULL
    UNION
    SELECT policy_id, CAST(change->'data'->>'premium_free_until' AS date) FROM ins.endorsements
    WHERE org_id = :org AND type = 'MAIN_MEMBER_DIED' AND status = 'ISSUED'
      AND policy_id = ANY(CAST(:policies AS uuid[]))
      AND change->'data'->>'premium_free_until' IS NOT NULL
    """
)
_OLDEST = text(
    """
    SELECT (SELECT l.due_date FROM ins.premium_lines l
            WHERE l.org_id = :org AND l.status = 'PENDING' AND l.due_date <= :on
            ORDER BY l.due_date LIMIT 1) AS pending,
           (SELECT l.due_date FROM ins.premium_lines l
            WHERE l.org_id = :org AND l.status = 'OVERDUE' AND l.due_date <= :on
            ORDER BY l.due_date LIMIT 1) AS overdue,
           (SELECT l.due_date FROM ins.premium_lines l
            WHERE l.org_id = :org AND l.status = 'PAID' AND l.posted_at IS NULL
              AND l.due_date <= :on
            ORDER BY l.due_date LIMIT 1) AS paid
    """
)
# Status, days and a stretch of policies are one condition of an index: a policy's paid years are
# never read.
_DUE_LINES = """
    SELECT l.id, l.policy_id, l.due_date, l.sequence, l.amount, l.paid_amount, l.kind, l.status,
           l.posted_at
    FROM ins.premium_lines l
    WHERE l.org_id = :org AND l.due_date = ANY(CAST(:{days} AS date[]))
      AND l.policy_id BETWEEN :first AND :last AND l.policy_id = ANY(CAST(:policies AS uuid[]))
      AND {which}
"""
_DUE_OF = text(
    " UNION ALL ".join(
        _DUE_LINES.format(days=days, which=which)
        for days, which in (
            ("pending", "l.status = 'PENDING'"),
            ("overdue", "l.status = 'OVERDUE' AND l.posted_at IS NULL"),
            ("paid", "l.status = 'PAID' AND l.posted_at IS NULL"),
        )
    )
    + " ORDER BY policy_id, due_date, sequence"
)
_IN_FORCE = text(
    """
    SELECT p.id, p.policy_number, k.category FROM ins.policies p
    JOIN ins.products pr ON pr.org_id = p.org_id AND pr.id = p.product_id
    JOIN ins.product_classes k ON k.code = pr.class_code
    WHERE p.org_id = :org AND p.id = ANY(CAST(:policies AS uuid[]))
      AND p.status IN ('active', 'suspended')
    """
)
_UNCHARGED_NEXT = text(
    """
    SELECT u.policy_id FROM (
        SELECT l.policy_id FROM ins.premium_lines l
        WHERE l.org_id = :org AND l.status IN ('PENDING', 'OVERDUE') AND l.due_date <= :on
          AND l.posted_at IS NULL AND l.kind = 'PREMIUM' AND l.amount > 0
        UNION
        SELECT l.policy_id FROM ins.premium_lines l
        WHERE l.org_id = :org AND l.status = 'PAID' AND l.posted_at IS NULL AND l.due_date <= :on
          AND l.kind = 'PREMIUM' AND l.amount > 0
    ) u
    JOIN ins.policies p ON p.org_id = :org AND p.id = u.policy_id
     AND p.status IN ('active', 'suspended')
    WHERE u.policy_id > :after ORDER BY u.policy_id LIMIT :limit
    """
)
_LATE_NEXT = text(
    """
    SELECT DISTINCT l.policy_id
    FROM ins.premium_lines l
    JOIN ins.policies p ON p.org_id = l.org_id AND p.id = l.policy_id
     AND p.status IN ('active', 'suspended')
    WHERE l.org_id = :org AND l.status = 'PENDING' AND l.due_date < :on
      AND l.amount > l.paid_amount AND l.policy_id > :after
    ORDER BY l.policy_id LIMIT :limit
    """
)
_HELD_NEXT = text(
    "".join(
        [
            """
    SELECT d.policy_id FROM (
        SELECT DISTINCT l.policy_id FROM ins.premium_lines l
        JOIN ins.policies p ON p.org_id = l.org_id AND p.id = l.policy_id
         AND p.status IN ('active', 'suspended')
        WHERE l.org_id = :org AND l.status IN ('PENDING', 'OVERDUE')
          AND l.due_date < CAST(:on AS date) - 15  -- no grace is shorter
          AND l.amount > l.paid_amount AND l.policy_id > :after
    ) d WHERE """,
            MONEY_HELD,
            " ORDER BY d.policy_id LIMIT :limit",
        ]
    )
)
_TAKING_EFFECT = text(
    """
    SELECT DISTINCT e.policy_id
    FROM ins.endorsements e
    JOIN ins.policies p ON p.org_id = e.org_id AND p.id = e.policy_id
     AND p.status IN ('active', 'suspended')
    WHERE e.org_id = :org AND e.status = 'ISSUED' AND e.applied_at IS NULL
      AND e.effective_date <= :on AND e.policy_id > :after
    ORDER BY e.policy_id LIMIT :limit
    """
)


def keep_schedules(*, on: date, now: datetime, chunk: int = CHUNK) -> Kept:
    """Bring every schedule of the organization in scope to a business date.

    Some thousands of policies are one transaction. A second run finds nothing to do.
    """
    return Kept(
        endorsements_applied=apply_endorsements_due(on=on, now=now, chunk=chunk),
        lines_added=_each_chunk("extend", _extend, on, now, chunk),
        premiums_charged=_each_chunk("charge", _charge, on, now, chunk),
        marked_overdue=_each_chunk("overdue", _mark, on, now, chunk),
        settled_before_lapse=_each_chunk("settle", _settle, on, now, chunk),
    )


def extend_schedules(session: Session, policy_ids: Sequence[UUID], *, on: date) -> int:
    """Lay the lines that policies lack for the twelve months from a day; return their number."""
    return write_lines(session, decide_lines(session, policy_ids, on=on))


def post_premiums_due(
    session: Session, policy_ids: Sequence[UUID], *, on: date, now: datetime
) -> int:
    """Charge what has fallen due, use credits for it, and return how many premiums that was."""
    policies = _in_force(session, policy_ids)
    due = list_due(session, list(policies), on=on)
    return write_charges(session, decide_charges(session, due, policies, on=on), on=on, now=now)


def mark_overdue(session: Session, policy_ids: Sequence[UUID], *, on: date, now: datetime) -> int:
    """Mark premiums that were due before a day and are not paid; return their number."""
    due = list_due(session, list(_in_force(session, policy_ids)), on=on)
    return write_late(session, decide_late(due, on=on), on=on, now=now)


def _in_force(session: Session, policy_ids: Sequence[UUID]) -> dict[UUID, _InForce]:
    rows = session.execute(_IN_FORCE, {"org": current_org(), "policies": id_array(policy_ids)})
    return {policy_id: _InForce(number, category) for policy_id, number, category in rows.all()}


def apply_endorsements_due(*, on: date, now: datetime, chunk: int = CHUNK) -> int:
    """Make changes that were issued ahead effective, policy by policy; return their number."""
    applied, after = 0, _FIRST
    while True:
        with transaction() as session:
            values = {"org": current_org(), "on": on, "after": after, "limit": chunk}
            found = list(session.scalars(_TAKING_EFFECT, values))
        for policy_id in found:
            applied += apply_due_endorsements(policy_id, on=on, now=now)
        if len(found) < chunk:
            return applied
        after = found[-1]


def _extend(session: Session, policy_ids: Sequence[UUID], on: date, _now: datetime) -> int:
    return extend_schedules(session, policy_ids, on=on)


def _charge(session: Session, policy_ids: Sequence[UUID], on: date, now: datetime) -> int:
    return post_premiums_due(session, policy_ids, on=on, now=now)


def _mark(session: Session, policy_ids: Sequence[UUID], on: date, now: datetime) -> int:
    return mark_overdue(session, policy_ids, on=on, now=now)


def _settle(session: Session, policy_ids: Sequence[UUID], on: date, now: datetime) -> int:
    return len(settle_with_money_held(session, policy_ids, on=on, now=now))


_FINDS = {
    "extend": _SHORT_NEXT,
    "charge": _UNCHARGED_NEXT,
    "overdue": _LATE_NEXT,
    "settle": _HELD_NEXT,
}


def _each_chunk(
    name: str,
    step: Callable[[Session, Sequence[UUID], date, datetime], int],
    on: date,
    now: datetime,
    chunk: int,
) -> int:
    done, after = 0, _FIRST
    while True:
        with transaction() as session:
            values: dict[str, Any] = {"org": current_org(), "after": after, "limit": chunk}
            values |= {"until": _horizon(on)} if name == "extend" else {"on": on}
            found = list(session.scalars(_FINDS[name], values))
            if found:
                # What is to be done is read again under the locks.
                lock_policies(session, found)
                session.expire_all()
                changed = step(session, found, on, now)
                done += changed
                if changed:
                    record(
                        session,
                        action=f"schedules.{name}",
                        resource="premium_lines",
                        after={"on": on, "policies": len(found), "lines": changed},
                    )
        if len(found) < chunk:
            return done
        after = found[-1]


def _horizon(on: date) -> date:
    return add_months(on, MONTHS_AHEAD)


def decide_lines(
    session: Session,
    policy_ids: Sequence[UUID],
    *,
    on: date,
    contracts: Mapping[UUID, tuple[Sequence[Stage], Pricer]] | None = None,
) -> list[NewLine]:
    """Return the lines that policies in force lack to reach twelve months from a day.

    Due dates are counted on the due day from where the schedule ends. Changes that were issued
    ahead cost from their day on. `contracts` are those of policies that are about to change.
    """
    until = _horizon(on)
    values = {"org": current_org(), "until": until, "policies": id_array(policy_ids)}
    rows = read_as(session, ShortSchedule, _SHORT_OF, values)
    if not rows:
        return []
    changing: dict[UUID, date] = {}
    for policy_id, free_until in session.execute(_CHANGING, values).tuples():
        changing[policy_id] = max(free_until or date.max, changing.get(policy_id, date.min))
    known = contracts or {}
    lines: list[NewLine] = []
    for row in rows:
        if row.id in changing and row.period_end < changing[row.id]:
            planned = _plan_changing(row, *(known.get(row.id) or _stages(session, row.id)), on)
        else:
            # Many policies end on the same day and pay the same.
            instalment = _last_instalment(*known[row.id]) if row.id in known else row.instalment
            planned = _plan(
                row.period_end, row.due_day, row.frequency, until, row.expiry_date, instalment
            )
        for sequence, one in enumerate(planned, row.sequence + 1):
            period = one.period
            lines.append(
                NewLine(
                    new_id(),
                    row.id,
                    sequence,
                    period.start,
                    period.end,
                    one.amount,
                    one.whole_days,
                )
            )
    return lines


@lru_cache(maxsize=16_384)
def _plan(
    start: date, due_day: int, frequency: str, until: date, expiry: date | None, instalment: Decimal
) -> tuple[PlannedLine, ...]:
    return tuple(
        plan_lines(
            start,
            due_day=due_day,
            months=MONTHS_PER_PREMIUM[frequency],
            until=until,
            expiry=expiry,
            steps=[Step(start, instalment)],
        )
    )


def _stages(session: Session, policy_id: UUID) -> tuple[Sequence[Stage], Pricer]:
    basis = load_basis(session, queries.get_policy(session, policy_id))
    return fold(basis.contract, basis.starts_on, basis.changes, basis.pricer), basis.pricer


def _last_instalment(stages: Sequence[Stage], pricer: Pricer) -> Decimal:
    contract = stages[-1].contract
    return contract.instalment(pricer.factor(contract.frequency))


def _plan_changing(
    row: ShortSchedule, stages: Sequence[Stage], pricer: Pricer, on: date
) -> Sequence[PlannedLine]:
    contract = stages[-1].contract
    return plan_lines(
        row.period_end,
        due_day=contract.due_day,
        months=MONTHS_PER_PREMIUM[contract.frequency],
        until=_horizon(on),
        expiry=row.expiry_date,
        steps=steps_of(stages, pricer),
        method=pricer.terms.pro_rata_method,
    )


def write_lines(session: Session, lines: Sequence[NewLine]) -> int:
    """Insert premium lines and return their number."""
    rows = [
        money.premium_row(
            line.policy_id,
            line.sequence,
            Period(line.due_date, line.period_end),
            line.amount,
            whole_days=line.whole_days,
            line_id=line.id,
        )
        for line in lines
    ]
    return money.lay_lines(session, rows)


def list_due(session: Session, policy_ids: Sequence[UUID], *, on: date) -> list[DueLine]:
    """Return the premium lines of policies, due up to a day, that the steps may charge or mark."""
    if not policy_ids:
        return []
    oldest = session.execute(_OLDEST, {"org": current_org(), "on": on}).one()
    values = {
        "org": current_org(),
        "policies": id_array(policy_ids),
        "first": min(policy_ids),
        "last": max(policy_ids),
        "pending": _days(oldest.pending, on),
        "overdue": _days(oldest.overdue, on),
        "paid": _days(oldest.paid, on),
    }
    return read_as(session, DueLine, _DUE_OF, values)


def decide_charges(
    session: Session,
    due: Sequence[DueLine],
    policies: Mapping[UUID, PayingPolicy],
    *,
    on: date,
) -> list[Charge]:
    """Return the premiums that have fallen due and are not charged.

    Non-life premium carries the VAT of its due date.
    """
    closed = closed_through(session)
    vat = cache(lambda category, due_date: vat_rate_on(session, category, due_date))
    return [
        Charge(
            line.id,
            line.policy_id,
            policies[line.policy_id].number,
            line.due_date,
            line.amount,
            vat(policies[line.policy_id].category, line.due_date),
            on if closed is not None and line.due_date <= closed else line.due_date,
        )
        for line in due
        if line.kind == LineKind.PREMIUM and line.posted_at is None and line.amount > ZERO
    ]


def _days(first: date | None, last: date) -> list[date]:
    if first is None:
        return []
    return [first + timedelta(days=count) for count in range((last - first).days + 1)]


def write_charges(session: Session, charges: Sequence[Charge], *, on: date, now: datetime) -> int:
    """Charge premiums, use the policies' credits for them, and return how many there were."""
    if not charges:
        return 0
    money.mark_charged(session, [charge.line_id for charge in charges], at=now)
    post(session, [journal_of(charge) for charge in charges], now=now, field="process_date")
    write_events(session, [event_of_charge(charge) for charge in charges], now=now)
    policies = {charge.policy_id: charge.policy_number for charge in charges}
    apply_credits(session, policies, on=on, now=now)
    return len(charges)


def journal_of(charge: Charge) -> list[Entry]:
    """Return the transfers of a premium that falls due."""
    return [
        Entry(
            type=TransferType(leg.type),
            description=f"{leg.description} {charge.policy_number} {charge.due_date:%Y/%m/%d}",
            debit=leg.debit_account,
            credit=leg.credit_account,
            amount=leg.amount,
            on=charge.on,
            policy_id=charge.policy_id,
            premium_line_id=charge.line_id,
        )
        for leg in due_premium_legs(charge.amount, charge.vat_rate)
    ]


def event_of_charge(charge: Charge) -> Happening:
    """Return what the history keeps of a premium that falls due."""
    words = f"{format_money(charge.amount)} fell due"
    payload = {"line_id": charge.line_id, "amount": charge.amount}
    return Happening(charge.policy_id, "PREMIUM_DUE", charge.due_date, words, payload)


def decide_late(due: Sequence[DueLine], *, on: date) -> list[Late]:
    """Return the premiums that were due before a day and are still owed."""
    return [
        Late(line.id, line.policy_id, line.due_date, line.amount - line.paid_amount)
        for line in due
        if line.status == LineStatus.PENDING
        and line.due_date < on
        and line.amount > line.paid_amount
    ]


def write_late(session: Session, late: Sequence[Late], *, on: date, now: datetime) -> int:
    """Mark premiums overdue and return their number. Raises ConflictError where one owes other."""
    if not late:
        return 0
    money.mark_overdue(session, {one.line_id: one.outstanding for one in late})
    write_events(session, [event_of_late(one) for one in late], now=now)
    return len(late)


def event_of_late(late: Late) -> Happening:
    """Return what the history keeps of a premium that was not paid in time."""
    since = late.due_date + timedelta(days=1)
    words = f"{format_money(late.outstanding)} was not paid on {late.due_date:%Y/%m/%d}"
    payload = {"line_id": late.line_id, "outstanding": late.outstanding}
    return Happening(late.policy_id, "PREMIUM_OVERDUE", since, words, payload)
