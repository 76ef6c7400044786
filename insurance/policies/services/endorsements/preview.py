"""What an endorsement would do to the contract, the premiums and the money."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.audit_logs.rules import plain
from insurance.core.errors import ConflictError
from insurance.core.ids import new_id
from insurance.core.money import ZERO
from insurance.policies import queries
from insurance.policies.models import (
    Endorsement,
    Policy,
    PolicyStatus,
)
from insurance.policies.rules import (
    Change,
    Conflict,
    Contract,
    LifeHere,
    LifeQuestion,
    Pricer,
    Stage,
    find_conflicts,
    fold,
)
from insurance.policies.services.contracts import Basis, load_basis
from insurance.policies.services.double_insurance import check_registrations
from insurance.policies.services.endorsements.wanted import (
    THIS_STANDS,
    EndorsementRequest,
    count_number,
    data_of,
    effective_day,
)
from insurance.policies.services.life_cover import open_questions
from insurance.policies.services.schedules import MoneyPlan, plan_money


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a change does, cent for cent as issuing it will. Money is in rand.

    Where there are conflicts nothing is priced: choose first. Questions about who a life is are
    answered before it is issued.
    """

    effective_date: date
    current_premium: Decimal
    new_premium: Decimal
    current_cover: Decimal
    new_cover: Decimal
    adjustment: Decimal
    days_left: int
    days_in_period: int
    next_debits: Sequence[tuple[date, Decimal]]
    waiting: Sequence[tuple[str, Decimal, date]]
    conflicts: Sequence[Conflict] = ()
    questions: Sequence[LifeQuestion] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A priced change: the stages of the contract before and after it, and the money between."""

    basis: Basis
    change: Change
    superseded: tuple[UUID, ...]
    before: list[Stage]
    after: list[Stage]
    money: MoneyPlan
    lives: Sequence[Sequence[LifeHere]]
    preview: Preview


def preview_endorsement(policy_id: UUID, wanted: EndorsementRequest, *, on: date) -> Preview:
    """Return what a change would do; nothing is written."""
    from insurance.core.db import db

    count_number(wanted)
    session = db.session()
    policy = queries.get_policy(session, policy_id)
    prepared = prepare_change(session, policy, wanted, on)
    return prepared if isinstance(prepared, Preview) else prepared.preview


def prepare_change(
    session: Session,
    policy: Policy,
    wanted: EndorsementRequest,
    on: date,
    endorsement: Endorsement | None = None,
) -> Prepared | Preview:
    """Work out everything a change does; with conflicts open, only that."""
    if policy.status is not PolicyStatus.ACTIVE:
        raise ConflictError(f"A policy that is {policy.status.value} cannot be changed.")
    basis = load_basis(session, policy)
    data = (
        endorsement.change["data"]
        if endorsement
        else plain(data_of(session, policy, wanted, on=on))
    )
    _check_registration(session, policy, wanted, data)
    effective = effective_day(session, wanted, basis, policy, on)
    change = Change(
        id=endorsement.id if endorsement else new_id(),
        type=wanted.type.value,
        on=effective,
        data=data,
        sequence=max((one.sequence for one in basis.changes), default=0) + 1,
    )
    conflicts = find_conflicts(change, basis.changes, wanted.resolutions)
    before = stages_of(basis, basis.changes)
    if conflicts:
        return _unpriced(policy, before[-1].contract, effective, conflicts)
    # Only what is in conflict with this change can make way for it.
    superseded = tuple(
        conflict.endorsement_id
        for conflict in find_conflicts(change, basis.changes, {})
        if wanted.resolutions[conflict.endorsement_id] == THIS_STANDS
    )
    kept = [one for one in basis.changes if one.id not in superseded]
    after = stages_of(basis, [*kept, change])
    money = plan_money(session, policy, after, basis=basis, on=on)
    lives = lives_at(basis.pricer, before, after, change.on)
    questions = open_questions(session, policy.id, lives, wanted.life_answers)
    return Prepared(
        basis=basis,
        change=change,
        superseded=superseded,
        before=before,
        after=after,
        money=money,
        lives=lives,
        preview=_preview(before, after, change, money, questions),
    )


def _check_registration(
    session: Session, policy: Policy, wanted: EndorsementRequest, data: Mapping[str, Any]
) -> None:
    """Ask where a change brings a vehicle that another policy insures."""
    details = data.get("insured_object", {}).get("details") or data.get("details") or {}
    if registration := details.get("registration"):
        check_registrations(
            session,
            [(registration, "insured_object.registration")],
            besides=policy.id,
            confirmed=wanted.confirms_duplicate,
        )


def lives_at(
    pricer: Pricer, before: Sequence[Stage], after: Sequence[Stage], since: date
) -> list[list[LifeHere]]:
    """Return the lives under a cap on `since`, and on each later day that brings a contract."""
    days = sorted({since, *(stage.on for stage in [*before, *after] if stage.on > since)})
    return [pricer.lives(contract_as_of(before, on), contract_as_of(after, on), on) for on in days]


def stages_of(basis: Basis, changes: Sequence[Change]) -> list[Stage]:
    """Return the contract stage by stage with these changes."""
    return fold(basis.contract, basis.starts_on, changes, basis.pricer)


def _unpriced(
    policy: Policy, present: Contract, effective: date, conflicts: Sequence[Conflict]
) -> Preview:
    return Preview(
        effective_date=effective,
        current_premium=present.premium,
        new_premium=present.premium,
        current_cover=policy.coverage_amount,
        new_cover=policy.coverage_amount,
        adjustment=ZERO,
        days_left=0,
        days_in_period=0,
        next_debits=(),
        waiting=(),
        conflicts=conflicts,
    )


def _preview(
    before: Sequence[Stage],
    after: Sequence[Stage],
    change: Change,
    money: MoneyPlan,
    questions: Sequence[LifeQuestion],
) -> Preview:
    old, new = before[-1].contract, after[-1].contract
    days_left, days_in_period = money.days_of(change.on)
    known = {(benefit.id, layer.number) for benefit in old.benefits for layer in benefit.layers}
    waiting = [
        (benefit.benefit_name, layer.amount, layer.waiting_until)
        for benefit in new.active_benefits
        for layer in benefit.layers
        if (benefit.id, layer.number) not in known and layer.waiting_until > layer.starts_on
    ]
    return Preview(
        effective_date=change.on,
        current_premium=old.premium,
        new_premium=new.premium,
        current_cover=old.coverage_amount,
        new_cover=new.coverage_amount,
        adjustment=money.adjustment,
        days_left=days_left,
        days_in_period=days_in_period,
        next_debits=money.next_debits,
        waiting=waiting,
        questions=questions,
    )


def contract_as_of(stages: Sequence[Stage], on: date) -> Contract:
    """Return the contract as it stands on a day: later changes wait for theirs."""
    reached = [stage for stage in stages if stage.on <= on]
    return (reached or stages)[-1 if reached else 0].contract
