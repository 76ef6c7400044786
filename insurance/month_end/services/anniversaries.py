"""Anniversaries of many policies at once: decided by the contract's rules, written in bulk.

An anniversary is an issued change of the contract like any other, so that a policy as at a day, a
backdated change and an undo know it. It is kept once for a policy and a day, also when undone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.audit_logs.services import event_row
from insurance.billing.models import LineKind, LineStatus
from insurance.billing.rules import Step, line_charge
from insurance.billing.services import price_lines, release_excess
from insurance.core.bulk import id_array
from insurance.core.ids import new_id
from insurance.core.money import ZERO, to_cents, total
from insurance.core.period import Period, add_years
from insurance.core.tenancy import current_org
from insurance.month_end import rules
from insurance.month_end.rules import Escalation, Rise
from insurance.month_end.services.anniversary_basis import (
    AnniversaryBasis,
    Blocked,
    Decided,
    Raised,
    RisingPremium,
    load_bases,
    stage_on,
)
from insurance.month_end.services.anniversary_charges import charge_adjustments
from insurance.month_end.services.anniversary_history import plain_change
from insurance.month_end.services.escalations import Escalations
from insurance.policies.changes import PolicyChange, write_changes, write_sums
from insurance.policies.models import EndorsementType
from insurance.policies.queries import get_policy
from insurance.policies.rules import Change, fold
from insurance.policies.rules import steps_of as instalments_of
from insurance.policies.services.contract_bases import PolicyInBulk
from insurance.policies.services.contracts import row_of, write_contents
from insurance.policies.services.life_cover import find_cover_elsewhere

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
    WHERE org_id = :org AND policy_id = ANY(CAST(:policies AS uuid[])) AND evidence IS NOT NULL
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
    bases = load_bases(session, ids, after=min(day for _policy_id, day, _how in due))
    told = _told(session, ids)
    rises = [
        (
            policy_id,
            day,
            how,
            escalations.rise(how, bases[policy_id][0].effective_date, day),
        )
        for policy_id, day, how in due
    ]
    growing = {policy_id for policy_id, _day, _how, rise in rises if rise.cover_rate > ZERO}
    elsewhere = _cover_elsewhere(session, {one: bases[one][1] for one in growing}, on, since)
    decided = Decided()
    for policy_id, anniversary, escalation, rise in rises:
        policy, basis = bases[policy_id]
        if anniversary < basis.starts_on or rise.is_nothing:
            decided.unchanged += 1
            continue
        if escalation.requires_notice:
            last = rules.notice_by(anniversary, escalations.notice_days)
            if told.get((policy_id, anniversary), date.max) > last:
                words = f"No proof that the holder was told by {last:%Y/%m/%d}"
                decided.blocked.append(Blocked(policy_id, anniversary, words))
                continue
        others = _counted(elsewhere.get(policy_id, {}), rise)
        raised = _raise(policy, basis, escalation, rise, others, anniversary, on)
        decided.raised.append(raised)
        bases[policy_id] = (policy, _after(basis, raised))
    return decided


def _due(
    session: Session, policy_ids: Sequence[UUID], escalations: Escalations, on: date, since: date
) -> list[tuple[UUID, date, Escalation]]:
    return [
        (row.id, day, how)
        for row, day in _not_made(session, policy_ids, on, since)
        for how in (escalations.of(row.id, row.product_version_id, row.product_id, day),)
        if how.type != rules.LEVEL
    ]


def _not_made(
    session: Session, policy_ids: Sequence[UUID], on: date, since: date
) -> list[tuple[Any, date]]:
    """Return the anniversaries of policies that fell up to a day and were not made, in order."""
    values = {"org": current_org(), "policies": id_array(policy_ids), "on": on}
    found = []
    for row in session.execute(_BIRTHDAYS, values).all():
        # What was closed through tells what is missing, however long ago; without it, one year.
        after = row.closed_through or max(since, add_years(on, -1))
        found += [
            (row, day) for day in rules.anniversaries(row.effective_date, after=after, until=on)
        ]
    if not found:
        return []
    done_values = {"org": current_org(), "policies": [row.id for row, _day in found]}
    done = {(row[0], row[1]) for row in session.execute(_DONE, done_values)}
    return [(row, day) for row, day in found if (row.id, day) not in done]


def _told(session: Session, ids: Sequence[UUID]) -> dict[tuple[UUID, date], date]:
    rows = session.execute(_TOLD, {"org": current_org(), "policies": id_array(ids)})
    return {(policy_id, day): sent for policy_id, day, sent in rows}


def _cover_elsewhere(
    session: Session, bases: Mapping[UUID, AnniversaryBasis], on: date, since: date
) -> dict[UUID, dict[UUID, list[tuple[Decimal, bool]]]]:
    """Return by policy and life what each policy elsewhere insures the life for, in rand.

    With it, whether that policy has an anniversary to come in the same run.
    """
    lives = {
        policy_id: basis.pricer.lives(None, basis.on(on), on)
        for policy_id, basis in bases.items()
        if basis.pricer.caps is not None
    }
    found = find_cover_elsewhere(session, lives) if lives else {}
    others = {one.policy_id for alike in found.values() for one in alike}
    rising = {row.id for row, _day in _not_made(session, sorted(others), on, since)}
    return {
        policy_id: {
            life.member_id: [(one.cover, one.policy_id in rising) for one in found[life.member_id]]
            for life in here
            if life.member_id in found
        }
        for policy_id, here in lives.items()
    }


def _counted(
    elsewhere: Mapping[UUID, Sequence[tuple[Decimal, bool]]], rise: Rise
) -> dict[str, str]:
    """Return by a life's id what other policies count for when its cover rises, in rand.

    One that has its own anniversary in the same run counts as if it rose as much. The cap then
    holds whatever the others are planned to do, in whatever order: of the policies of one life,
    the one that rises fastest leaves room for the rises of all the others.
    """
    multiplier = rules.factor(rise.cover_rate)
    return {
        str(life): str(total(to_cents(one * multiplier) if rises else one for one, rises in found))
        for life, found in elsewhere.items()
        if found
    }


def _raise(
    policy: PolicyInBulk,
    basis: AnniversaryBasis,
    escalation: Escalation,
    rise: Rise,
    elsewhere: Mapping[str, str],
    anniversary: date,
    on: date,
) -> Raised:
    change = Change(
        id=new_id(),
        type=EndorsementType.ANNIVERSARY.value,
        on=anniversary,
        data={
            "premium_factor": str(rules.factor(rise.premium_rate)),
            "cover_factor": str(rules.factor(rise.cover_rate)),
            "rates_by_age": rise.rates_by_age,
            **({"cover_elsewhere": dict(elsewhere)} if elsewhere else {}),
        },
        sequence=max((one.sequence for one in basis.changes), default=0) + 1,
    )
    before = fold(basis.contract, basis.starts_on, basis.changes, basis.pricer)
    after = fold(basis.contract, basis.starts_on, [*basis.changes, change], basis.pricer)
    old_steps, new_steps = instalments_of(before, basis.pricer), instalments_of(after, basis.pricer)
    adjustment, relaid, paid_less, next_due = ZERO, {}, False, on
    for line in basis.lines:
        if line.kind != LineKind.PREMIUM or line.status == LineStatus.CANCELLED:
            continue
        if line.period_end <= anniversary:
            continue
        charge = _charged(basis, line, new_steps)
        is_paid_and_due = line.paid_amount > ZERO and line.due_date <= on
        if line.posted_at is not None or is_paid_and_due:
            adjustment += charge - _charged(basis, line, old_steps)
        elif charge != line.amount:
            relaid[line.id] = charge
            paid_less |= charge < line.paid_amount
    due = min((one.due_date for one in basis.lines if one.due_date >= on), default=next_due)
    return Raised(
        policy,
        basis,
        change,
        escalation,
        rise,
        before,
        after,
        adjustment,
        relaid,
        due,
        gives_back=adjustment < ZERO or paid_less,
    )


def _charged(basis: AnniversaryBasis, line: RisingPremium, steps: Sequence[Step]) -> Decimal:
    period = Period(line.due_date, line.period_end)
    method = basis.pricer.terms.pro_rata_method
    return line_charge(period, steps, whole_days=line.whole_days, method=method)


def _after(basis: AnniversaryBasis, raised: Raised) -> AnniversaryBasis:
    """Return what a second anniversary of the same policy starts from."""
    return replace(basis, changes=(*basis.changes, raised.change))


def write_anniversaries(
    session: Session, raised: Sequence[Raised], *, on: date, now: datetime
) -> None:
    """Write what was decided: history, contract, lines to come, and what the past ones lack."""
    if not raised:
        return
    session.flush()
    _write_changes(session, raised, on, now)
    relaid = {line: amount for one in raised for line, amount in one.relaid.items()}
    if relaid:
        returning = {line for one in raised if one.gives_back for line in one.relaid}
        release_excess(session, {line: relaid[line] for line in returning}, on=on, now=now)
        price_lines(session, relaid)
    charge_adjustments(session, raised, on, now)


def _write_changes(session: Session, raised: Sequence[Raised], on: date, now: datetime) -> None:
    first: dict[UUID, Raised] = {}
    newest: dict[UUID, Raised] = {}
    for one in raised:
        first.setdefault(one.policy.id, one)
        newest[one.policy.id] = one
    changes = [_change(session, one, on) for one in raised]
    write_changes(session, changes, now=now)
    write_sums(
        session,
        [(first[key].old, one.new) for key, one in newest.items() if one.is_newest],
    )
    others = [one for one in newest.values() if not one.is_newest]
    for one in others:
        write_contents(session, get_policy(session, one.policy.id), stage_on(one.after, on))
    if others:
        session.expire_all()


def _change(session: Session, one: Raised, on: date) -> PolicyChange:
    change = plain_change(one, on)
    if not one.is_newest:
        policy = get_policy(session, one.policy.id)
        change = replace(change, becomes=row_of(session, policy, stage_on(one.after, on)))
    return replace(change, audit=_audit_row(one))


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
