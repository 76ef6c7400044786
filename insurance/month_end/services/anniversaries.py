"""Anniversaries of many policies at once: decided by the contract's rules, written in bulk.

An anniversary is an issued change of the contract like any other, so that a policy as at a day, a
backdated change and an undo know it. It is kept once for a policy and a day, also when undone.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from insurance.audit_logs.rules import plain
from insurance.audit_logs.services import event_row, record_many
from insurance.billing.models import LineKind, LineStatus, PremiumLine, ReceiptKind
from insurance.billing.rules import Step, line_charge
from insurance.billing.services import Payment, apply_credits, record_receipts
from insurance.core.bulk import write_rows
from insurance.core.context import current_actor
from insurance.core.counts import shard_of
from insurance.core.ids import new_id
from insurance.core.money import ZERO, format_money
from insurance.core.period import Period, add_years
from insurance.core.tenancy import current_org
from insurance.ledger.models import TransferType
from insurance.ledger.rules import split_vat
from insurance.ledger.services import Entry, post
from insurance.month_end import rules
from insurance.month_end.rules import Escalation, Rise
from insurance.month_end.services.escalations import Escalations
from insurance.organizations.queries import find_parameter
from insurance.policies.models import (
    BenefitLayer,
    Endorsement,
    EndorsementStatus,
    EndorsementType,
    EventCategory,
    PolicyEvent,
    PolicyVersion,
)
from insurance.policies.queries import get_policy
from insurance.policies.rules import Change, Contract, Pricer, Stage, contract_of, fold, snapshot_of
from insurance.policies.rules import steps_of as instalments_of
from insurance.policies.services.contracts import write_contract
from insurance.policies.services.schedules import vat_rate_on
from insurance.policies.snapshots import POLICY_FIELDS
from insurance.products.queries import load_terms

_EVENTS: Table = PolicyEvent.__table__  # type: ignore[assignment]
_VERSIONS: Table = PolicyVersion.__table__  # type: ignore[assignment]
_ENDORSEMENTS: Table = Endorsement.__table__  # type: ignore[assignment]
_LINES: Table = PremiumLine.__table__  # type: ignore[assignment]
_LAYERS: Table = BenefitLayer.__table__  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Blocked:
    """A rise that may not be, with the reason."""

    policy_id: UUID
    anniversary: date
    reason: str


@dataclass(slots=True)
class Raised:
    """An anniversary of a policy, worked out: contracts, charges and lines, before and after."""

    policy: Any
    basis: "_Basis"
    change: Change
    escalation: Escalation
    rise: Rise
    before: list[Stage]
    after: list[Stage]
    adjustment: Decimal
    relaid: dict[UUID, Decimal]
    adjustment_due: date

    @property
    def old(self) -> Contract:
        """Return the contract on the day before, as it stands on the anniversary."""
        return _stage_on(self.before, self.change.on)

    @property
    def new(self) -> Contract:
        """Return the contract from the anniversary on."""
        at = next(one for one in self.after if one.change and one.change.id == self.change.id)
        return at.contract

    @property
    def is_newest(self) -> bool:
        """Tell whether no other change takes effect after it."""
        last = self.after[-1].change
        return last is not None and last.id == self.change.id


@dataclass(frozen=True, slots=True)
class _Basis:
    contract: Contract
    starts_on: date
    changes: tuple[Change, ...]
    pricer: Pricer
    lines: Sequence[Any]
    last_adjustment: int


@dataclass(slots=True)
class Decided:
    """What the anniversaries of some policies come to."""

    raised: list[Raised] = field(default_factory=list)
    blocked: list[Blocked] = field(default_factory=list)
    unchanged: int = 0


_BIRTHDAYS = text(
    """
    SELECT p.id, p.product_id, p.product_version_id, p.effective_date, w.closed_through
    FROM ins.policies p
    LEFT JOIN ins.month_end_watermarks w ON w.org_id = p.org_id AND w.policy_id = p.id
    WHERE p.org_id = :org AND p.id = ANY(CAST(:policies AS uuid[]))
      AND p.status IN ('active', 'suspended') AND p.effective_date < :on
      AND (p.expiry_date IS NULL OR p.expiry_date > :on)
    ORDER BY p.id
    """
)
_DONE = text(
    """
    SELECT policy_id, effective_date FROM ins.endorsements
    WHERE org_id = :org AND policy_id = ANY(CAST(:policies AS uuid[])) AND type = 'ANNIVERSARY'
    """
)
_TOLD = text(
    """
    SELECT policy_id, anniversary, sent_on FROM ins.escalation_notices
    WHERE org_id = :org AND policy_id = ANY(CAST(:policies AS uuid[]))
    """
)
_POLICIES = text(
    """
    SELECT p.id, p.policy_number, p.status, p.product_id, p.product_version_id, p.customer_id,
           p.effective_date, p.expiry_date, p.term_years, p.due_day, p.frequency, p.premium,
           p.coverage_amount, p.rating, p.current_version
    FROM ins.policies p
    WHERE p.org_id = :org AND p.id = ANY(CAST(:policies AS uuid[])) ORDER BY p.id
    """
)
_BASES = text(
    """
    SELECT DISTINCT ON (v.policy_id) v.policy_id, v.policy_snapshot, v.effective_date,
           e.recorded_at
    FROM ins.policy_versions v
    JOIN ins.policy_events e ON e.org_id = v.org_id AND e.id = v.event_id
     AND e.event_type IN ('POLICY_ISSUED', 'POLICY_RENEWED')
    WHERE v.org_id = :org AND v.policy_id = ANY(CAST(:policies AS uuid[]))
    ORDER BY v.policy_id, v.version_number DESC
    """
)
_ISSUED = text(
    """
    SELECT policy_id, id, type, effective_date, change, issued_at FROM ins.endorsements
    WHERE org_id = :org AND policy_id = ANY(CAST(:policies AS uuid[])) AND status = 'ISSUED'
    ORDER BY id
    """
)
_PREMIUMS = text(
    """
    SELECT policy_id, id, kind, sequence, due_date, period_end, amount, paid_amount, status,
           posted_at, whole_days
    FROM ins.premium_lines
    WHERE org_id = :org AND policy_id = ANY(CAST(:policies AS uuid[]))
    ORDER BY policy_id, due_date, sequence
    """
)
_SEQUENCES = text(
    """
    SELECT policy_id, max(sequence) FROM ins.policy_events
    WHERE org_id = :org AND policy_id = ANY(CAST(:policies AS uuid[])) GROUP BY policy_id
    """
)


def decide_anniversaries(
    session: Session,
    policy_ids: Sequence[UUID],
    escalations: Escalations,
    *,
    on: date,
    since: date,
) -> Decided:
    """Work out the anniversaries that fell after what was closed, or else `since`, up to a day.

    Raises DomainError where an index has no month, or a rate table no age.
    """
    due = _due(session, policy_ids, escalations, on, since)
    if not due:
        return Decided()
    ids = sorted({policy_id for policy_id, _day, _how in due})
    bases, told = _load(session, ids), _told(session, ids)
    decided = Decided()
    for policy_id, anniversary, escalation in due:
        policy, basis = bases[policy_id]
        rise = escalations.rise(escalation, policy.effective_date, anniversary)
        if anniversary < basis.starts_on or rise.is_nothing:
            decided.unchanged += 1
            continue
        if escalation.requires_notice:
            last = rules.notice_by(anniversary, escalations.notice_days)
            if told.get((policy_id, anniversary), date.max) > last:
                words = f"No proof that the holder was told by {last:%Y/%m/%d}"
                decided.blocked.append(Blocked(policy_id, anniversary, words))
                continue
        raised = _raise(policy, basis, escalation, rise, anniversary, on)
        decided.raised.append(raised)
        bases[policy_id] = (policy, _after(basis, raised))
    return decided


def _due(
    session: Session, policy_ids: Sequence[UUID], escalations: Escalations, on: date, since: date
) -> list[tuple[UUID, date, Escalation]]:
    values = {"org": current_org(), "policies": list(policy_ids), "on": on}
    found = []
    for row in session.execute(_BIRTHDAYS, values):
        after = max(row.closed_through or since, add_years(on, -1))
        for day in rules.anniversaries(row.effective_date, after=after, until=on):
            how = escalations.of(row.id, row.product_version_id, row.product_id, day)
            if how.type != rules.LEVEL:
                found.append((row.id, day, how))
    if not found:
        return []
    done_values = {"org": current_org(), "policies": [one[0] for one in found]}
    done = {(row[0], row[1]) for row in session.execute(_DONE, done_values)}
    return [one for one in found if (one[0], one[1]) not in done]


def _told(session: Session, ids: Sequence[UUID]) -> dict[tuple[UUID, date], date]:
    rows = session.execute(_TOLD, {"org": current_org(), "policies": list(ids)})
    return {(policy_id, day): sent for policy_id, day, sent in rows}


def _load(session: Session, ids: Sequence[UUID]) -> dict[UUID, tuple[Any, _Basis]]:
    values = {"org": current_org(), "policies": list(ids)}
    changes: dict[UUID, list[Any]] = defaultdict(list)
    for row in session.execute(_ISSUED, values):
        changes[row.policy_id].append(row)
    lines: dict[UUID, list[Any]] = defaultdict(list)
    for row in session.execute(_PREMIUMS, values):
        lines[row.policy_id].append(row)
    bases = {row.policy_id: row for row in session.execute(_BASES, values)}
    terms = cache(lambda version_id: load_terms(session, version_id))
    caps = cache(lambda on: find_parameter(session, "funeral_cover_cap", on))
    found = {}
    for policy in session.execute(_POLICIES, values):
        base = bases[policy.id]
        issued = [one for one in changes[policy.id] if one.issued_at >= base.recorded_at]
        found[policy.id] = (
            policy,
            _Basis(
                contract=contract_of(base.policy_snapshot),
                starts_on=base.effective_date,
                changes=tuple(_change(one) for one in issued),
                pricer=_pricer(policy, terms(policy.product_version_id), caps),
                lines=[one for one in lines[policy.id] if one.due_date >= base.effective_date],
                last_adjustment=max(
                    (one.sequence for one in lines[policy.id] if one.kind == LineKind.ADJUSTMENT),
                    default=0,
                ),
            ),
        )
    return found


def _change(row: Any) -> Change:
    return Change(
        id=row.id,
        type=row.type,
        on=row.effective_date,
        data=row.change["data"],
        sequence=row.change["sequence"],
    )


def _pricer(policy: Any, terms: Any, caps: Any) -> Pricer:
    age = policy.rating.get("age")
    return Pricer(
        terms=terms,
        rating_inputs=policy.rating.get("rating_inputs") or {},
        term_years=policy.term_years,
        main_born_about=None if age is None else add_years(policy.effective_date, -age),
        gender=policy.rating.get("gender"),
        cover_cap=caps(policy.effective_date) if terms.class_code == "FUNERAL" else None,
    )


def _raise(
    policy: Any, basis: _Basis, escalation: Escalation, rise: Rise, anniversary: date, on: date
) -> Raised:
    change = Change(
        id=new_id(),
        type=EndorsementType.ANNIVERSARY.value,
        on=anniversary,
        data={
            "premium_factor": str(rules.factor(rise.premium_rate)),
            "cover_factor": str(rules.factor(rise.cover_rate)),
            "rates_by_age": rise.rates_by_age,
        },
        sequence=max((one.sequence for one in basis.changes), default=0) + 1,
    )
    before = fold(basis.contract, basis.starts_on, basis.changes, basis.pricer)
    after = fold(basis.contract, basis.starts_on, [*basis.changes, change], basis.pricer)
    old_steps, new_steps = instalments_of(before, basis.pricer), instalments_of(after, basis.pricer)
    adjustment, relaid, next_due = ZERO, {}, on
    for line in basis.lines:
        if line.kind != LineKind.PREMIUM or line.status == LineStatus.CANCELLED:
            continue
        if line.period_end <= anniversary:
            continue
        charge = _charged(basis, line, new_steps)
        if line.posted_at is not None or line.paid_amount > ZERO:
            adjustment += charge - _charged(basis, line, old_steps)
        elif charge != line.amount:
            relaid[line.id] = charge
    due = min((one.due_date for one in basis.lines if one.due_date >= on), default=next_due)
    return Raised(policy, basis, change, escalation, rise, before, after, adjustment, relaid, due)


def _charged(basis: _Basis, line: Any, steps: Sequence[Step]) -> Decimal:
    period = Period(line.due_date, line.period_end)
    method = basis.pricer.terms.pro_rata_method
    return line_charge(period, steps, whole_days=line.whole_days, method=method)


def _after(basis: _Basis, raised: Raised) -> _Basis:
    """Return what a second anniversary of the same policy starts from."""
    return replace(basis, changes=(*basis.changes, raised.change))


def _stage_on(stages: Sequence[Stage], on: date) -> Contract:
    reached = [stage for stage in stages if stage.on <= on]
    return (reached or stages)[-1 if reached else 0].contract


_RELAY = text(
    """
    UPDATE ins.premium_lines AS l SET amount = v.amount
    FROM (SELECT unnest(CAST(:ids AS uuid[])) AS id,
                 unnest(CAST(:amounts AS numeric[])) AS amount) AS v
    WHERE l.org_id = :org AND l.id = v.id
    """
)
_SET_POLICIES = text(
    """
    UPDATE ins.policies AS p
    SET premium = v.premium, coverage_amount = v.cover, current_version = v.version,
        rating = p.rating || jsonb_build_object('instalment', v.instalment), updated_at = :now
    FROM (SELECT unnest(CAST(:ids AS uuid[])) AS id,
                 unnest(CAST(:premiums AS numeric[])) AS premium,
                 unnest(CAST(:covers AS numeric[])) AS cover,
                 unnest(CAST(:versions AS bigint[])) AS version,
                 unnest(CAST(:instalments AS text[])) AS instalment) AS v
    WHERE p.org_id = :org AND p.id = v.id
    """
)
_SET_BENEFITS = text(
    """
    UPDATE ins.policy_benefits AS b SET premium = v.premium, sum_assured = v.cover
    FROM (SELECT unnest(CAST(:ids AS uuid[])) AS id,
                 unnest(CAST(:premiums AS numeric[])) AS premium,
                 unnest(CAST(:covers AS numeric[])) AS cover) AS v
    WHERE b.org_id = :org AND b.id = v.id
    """
)
_SET_VERSIONS = text(
    """
    UPDATE ins.policies AS p SET current_version = v.version, updated_at = :now
    FROM (SELECT unnest(CAST(:ids AS uuid[])) AS id,
                 unnest(CAST(:versions AS bigint[])) AS version) AS v
    WHERE p.org_id = :org AND p.id = v.id
    """
)
_COUNT = text(
    """
    UPDATE ins.portfolio_counts AS c
    SET monthly_premium = c.monthly_premium + v.premium, cover = c.cover + v.cover
    FROM (SELECT unnest(CAST(:products AS uuid[])) AS product_id,
                 unnest(CAST(:statuses AS text[])) AS status,
                 unnest(CAST(:shards AS bigint[])) AS shard,
                 unnest(CAST(:premiums AS numeric[])) AS premium,
                 unnest(CAST(:covers AS numeric[])) AS cover) AS v
    WHERE c.org_id = :org AND c.product_id = v.product_id AND c.status = v.status
      AND c.shard = v.shard
    """
)


def write_anniversaries(
    session: Session, raised: Sequence[Raised], *, on: date, now: datetime
) -> None:
    """Write what was decided: history, contract, lines to come, and what the past ones lack."""
    if not raised:
        return
    session.flush()
    last: dict[UUID, int] = dict(
        session.execute(
            _SEQUENCES,
            {"org": current_org(), "policies": sorted({one.policy.id for one in raised})},
        ).all()  # type: ignore[arg-type]
    )
    history = _History(last, on, now)
    for one in raised:
        history.add(one)
    write_rows(session, _EVENTS, history.events)
    write_rows(session, _VERSIONS, history.versions)
    write_rows(session, _ENDORSEMENTS, history.endorsements)
    _write_contracts(session, raised, history.version_numbers, on, now)
    relaid = {line: amount for one in raised for line, amount in one.relaid.items()}
    if relaid:
        values = {"ids": list(relaid), "amounts": list(relaid.values())}
        session.execute(_RELAY, {"org": current_org(), **values})
    _charge_adjustments(session, raised, on, now)
    record_many(session, [_audit_row(one) for one in raised])


class _History:
    """The events, versions and endorsements of anniversaries, in the order they happened."""

    def __init__(self, last: Mapping[UUID, int], on: date, now: datetime) -> None:
        self.last, self.on, self.now = dict(last), on, now
        self.version_numbers: dict[UUID, int] = {}
        self.events: list[dict[str, Any]] = []
        self.versions: list[dict[str, Any]] = []
        self.endorsements: list[dict[str, Any]] = []

    def add(self, one: Raised) -> None:
        """Add an anniversary. Changes that take effect later make way and are applied again."""
        policy, change = one.policy, one.change
        later = one.after[[stage.change for stage in one.after].index(change) + 1 :]
        state = _state(one, _stage_on(one.after, self.on))
        for stage in reversed(later):
            self._event(one, "ENDORSEMENT_REVERSED", stage, "made way for an anniversary", state)
        event_id = self._event(one, "ANNIVERSARY", None, _words(one), state)
        number = self._version(policy, event_id, change.on, one, one.new, state)
        for stage in later:
            again = self._event(one, "ENDORSEMENT_REAPPLIED", stage, "applied again", state)
            self._version(policy, again, stage.on, one, stage.contract, state)
        self._endorsement(one, event_id, number)

    def _event(
        self, one: Raised, kind: str, stage: Stage | None, words: str, state: dict[str, Any]
    ) -> UUID:
        policy, event_id = one.policy, new_id()
        self.last[policy.id] = self.last.get(policy.id, 0) + 1
        change = stage.change if stage else one.change
        assert change is not None
        payload: dict[str, Any] = {"endorsement_id": change.id, "state": state}
        if stage is None:
            payload |= {
                "change": change.data,
                "adjustment": one.adjustment,
                "rate": one.rise.premium_rate,
                "source": one.escalation.source,
            }
        else:
            words = f"{change.type.replace('_', ' ').capitalize()} {words}"
        self.events.append(
            {
                "id": event_id,
                "policy_id": policy.id,
                "sequence": self.last[policy.id],
                "category": EventCategory.ENDORSEMENT,
                "event_type": kind,
                "effective_date": change.on,
                "recorded_at": self.now,
                "description": words,
                "payload": plain(payload),
                "actor": current_actor().email,
                "request_id": current_actor().request_id,
            }
        )
        return event_id

    def _version(
        self,
        policy: Any,
        event_id: UUID,
        effective: date,
        one: Raised,
        contract: Contract,
        state: dict[str, Any],
    ) -> int:
        number = self.version_numbers.get(policy.id, policy.current_version) + 1
        self.version_numbers[policy.id] = number
        self.versions.append(
            {
                "id": new_id(),
                "policy_id": policy.id,
                "version_number": number,
                "event_id": event_id,
                "effective_date": effective,
                "snapshot_date": self.now,
                "change_reason": "Anniversary",
                "change_description": _words(one),
                "policy_snapshot": snapshot_of(state, contract),
            }
        )
        return number

    def _endorsement(self, one: Raised, event_id: UUID, number: int) -> None:
        change = one.change
        self.endorsements.append(
            {
                "id": change.id,
                "policy_id": one.policy.id,
                "type": EndorsementType.ANNIVERSARY,
                "status": EndorsementStatus.ISSUED,
                "effective_date": change.on,
                "change": {"data": change.data, "sequence": change.sequence, "supersedes": []},
                "reason": _words(one),
                "priced_on_version": one.policy.current_version,
                "priced": {"adjustment": str(one.adjustment)},
                "created_at": self.now,
                "created_by": current_actor().email,
                "issued_at": self.now,
                "applied_at": self.now,
                "event_id": event_id,
                "version_number": number,
            }
        )


def _state(one: Raised, contract: Contract) -> dict[str, Any]:
    state = {name: getattr(one.policy, name) for name in POLICY_FIELDS}
    state |= {"premium": contract.premium, "coverage_amount": contract.coverage_amount}
    return plain(state)  # type: ignore[no-any-return]


def _words(one: Raised) -> str:
    words = (
        f"Anniversary: premium {format_money(one.old.premium)} to {format_money(one.new.premium)}"
    )
    if one.rise.premium_rate:
        words += f", {one.rise.premium_rate.normalize():f} %"
    return words


def _write_contracts(
    session: Session,
    raised: Sequence[Raised],
    versions: Mapping[UUID, int],
    on: date,
    now: datetime,
) -> None:
    first: dict[UUID, Raised] = {}
    newest: dict[UUID, Raised] = {}
    for one in raised:
        first.setdefault(one.policy.id, one)
        newest[one.policy.id] = one
    plain_ones = {key: one for key, one in newest.items() if one.is_newest}
    if plain_ones:
        _set_policies(session, plain_ones, versions, now)
        _set_benefits(session, first, plain_ones)
        _count(session, plain_ones)
    others = {key: one for key, one in newest.items() if not one.is_newest}
    if others:
        for policy_id, one in others.items():
            policy = get_policy(session, policy_id)
            write_contract(session, policy, _stage_on(one.after, on))
        values = {"ids": list(others), "versions": [versions[key] for key in others]}
        session.execute(_SET_VERSIONS, {"org": current_org(), "now": now, **values})
        session.expire_all()


def _set_policies(
    session: Session, newest: Mapping[UUID, Raised], versions: Mapping[UUID, int], now: datetime
) -> None:
    session.execute(
        _SET_POLICIES,
        {
            "org": current_org(),
            "now": now,
            "ids": list(newest),
            "premiums": [one.new.premium for one in newest.values()],
            "covers": [one.new.coverage_amount for one in newest.values()],
            "versions": [versions[key] for key in newest],
            "instalments": [str(_instalment(one, one.new)) for one in newest.values()],
        },
    )


def _instalment(one: Raised, contract: Contract) -> Decimal:
    return contract.instalment(one.basis.pricer.factor(contract.frequency))


def _set_benefits(
    session: Session, first: Mapping[UUID, Raised], newest: Mapping[UUID, Raised]
) -> None:
    benefits, layers = [], []
    for policy_id, one in newest.items():
        was = {benefit.id: benefit for benefit in first[policy_id].old.benefits}
        for benefit in one.new.active_benefits:
            benefits.append(benefit)
            known = {layer.number for layer in was[benefit.id].layers}
            layers += [
                {
                    "id": new_id(),
                    "policy_benefit_id": benefit.id,
                    "number": layer.number,
                    "amount": layer.amount,
                    "starts_on": layer.starts_on,
                    "waiting_days": layer.waiting_days,
                    "waiting_until": layer.waiting_until,
                    "reason": layer.reason,
                }
                for layer in benefit.layers
                if layer.number not in known
            ]
    session.execute(
        _SET_BENEFITS,
        {
            "org": current_org(),
            "ids": [one.id for one in benefits],
            "premiums": [one.premium for one in benefits],
            "covers": [one.sum_assured for one in benefits],
        },
    )
    write_rows(session, _LAYERS, layers)


def _count(session: Session, newest: Mapping[UUID, Raised]) -> None:
    moved: dict[tuple[UUID, str, int], list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
    for policy_id, one in newest.items():
        at = moved[(one.policy.product_id, str(one.policy.status), shard_of(policy_id))]
        at[0] += one.new.premium - one.policy.premium
        at[1] += one.new.coverage_amount - one.policy.coverage_amount
    keys = sorted(moved, key=str)
    session.execute(
        _COUNT,
        {
            "org": current_org(),
            "products": [key[0] for key in keys],
            "statuses": [key[1] for key in keys],
            "shards": [key[2] for key in keys],
            "premiums": [moved[key][0] for key in keys],
            "covers": [moved[key][1] for key in keys],
        },
    )


def _charge_adjustments(
    session: Session, raised: Sequence[Raised], on: date, now: datetime
) -> None:
    vat = cache(lambda category: vat_rate_on(session, category, on))
    rows, journals, credits = [], [], []
    numbers: dict[UUID, int] = {}
    for one in raised:
        rate = vat(one.basis.pricer.terms.category)
        if one.adjustment > ZERO:
            line = _adjustment_row(one, numbers, now)
            rows.append(line)
            journals.append(_adjustment_journal(one, line["id"], rate, on))
        elif one.adjustment < ZERO:
            credits.append(_credit(one, rate, on))
    write_rows(session, _LINES, rows)
    post(session, journals, now=now, field="process_date")
    if credits:
        record_receipts(session, credits, on=on, now=now)
    charged = {one.policy.id: one.policy.policy_number for one in raised if one.adjustment > ZERO}
    if charged:
        apply_credits(session, charged, on=on, now=now)


def _adjustment_row(one: Raised, numbers: dict[UUID, int], now: datetime) -> dict[str, Any]:
    number = numbers.get(one.policy.id, one.basis.last_adjustment) + 1
    numbers[one.policy.id] = number
    return {
        "id": new_id(),
        "policy_id": one.policy.id,
        "kind": LineKind.ADJUSTMENT,
        "sequence": number,
        "due_date": one.adjustment_due,
        "period_end": one.adjustment_due,
        "amount": one.adjustment,
        "paid_amount": ZERO,
        "status": LineStatus.PENDING,
        "posted_at": now,
    }


def _adjustment_journal(one: Raised, line_id: UUID, rate: Decimal | None, on: date) -> list[Entry]:
    net, vat = split_vat(one.adjustment, rate) if rate else (one.adjustment, ZERO)
    return [
        Entry(
            type=TransferType.ADJUSTMENT,
            description=f"Anniversary {one.policy.policy_number} {one.change.on}",
            debit="PREMIUM_DEBTORS",
            credit=account,
            amount=part,
            on=on,
            policy_id=one.policy.id,
            premium_line_id=line_id,
        )
        for account, part in (("PREMIUM_INCOME", net), ("VAT_OUTPUT", vat))
    ]


def _credit(one: Raised, rate: Decimal | None, on: date) -> Payment:
    return Payment(
        policy_id=one.policy.id,
        policy_number=one.policy.policy_number,
        reference=f"ADJ-{one.policy.policy_number}-{one.change.on:%Y%m%d}-{one.change.id.hex[-6:]}",
        amount=-one.adjustment,
        on=on,
        kind=ReceiptKind.CREDIT_NOTE,
        detail="Anniversary",
        vat_rate=rate,
    )


def _audit_row(one: Raised) -> dict[str, Any]:
    return event_row(
        action="policies.anniversary",
        resource="policies",
        resource_id=one.policy.id,
        before={"premium": one.old.premium, "coverage_amount": one.old.coverage_amount},
        after={
            "premium": one.new.premium,
            "coverage_amount": one.new.coverage_amount,
            "anniversary": one.change.on,
            "adjustment": one.adjustment,
        },
    )
