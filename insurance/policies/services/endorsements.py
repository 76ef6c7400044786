"""Changing a policy in force: preview, draft, issue, undo.

Issued endorsements, folded in the order they take effect, make the contract. So a backdated one
finds its place, and taking the last one away brings everything back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalRequest
from insurance.approvals.services import request_approval
from insurance.audit_logs.rules import plain
from insurance.audit_logs.services import record
from insurance.billing.queries import list_premium_lines
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError, NotFoundError
from insurance.core.ids import new_id
from insurance.core.money import ZERO, format_money
from insurance.customers.queries import list_bank_accounts
from insurance.organizations.queries import find_parameter
from insurance.policies import queries
from insurance.policies.models import (
    Endorsement,
    EndorsementStatus,
    EndorsementType,
    EventCategory,
    Policy,
    PolicyStatus,
)
from insurance.policies.rules import (
    MAX_DAYS_AHEAD,
    Change,
    Conflict,
    Contract,
    Stage,
    find_conflicts,
    fold,
    snapshot_of,
    steps_of,
)
from insurance.policies.services.contracts import Basis, load_basis, write_contract
from insurance.policies.services.history import record_event, record_version, state_of
from insurance.policies.services.life_cover import check_life_cover
from insurance.policies.services.mails import tell_holder
from insurance.policies.services.schedules import MoneyPlan, apply_money, plan_money
from insurance.products.rules import EVERY_LIFE

BACKDATE = "policies.endorse_backdated"
LATER_STANDS = "KEEP_LATER"
THIS_STANDS = "USE_THIS"
_FIELDS: dict[EndorsementType, tuple[str, ...]] = {
    EndorsementType.CHANGE_COVER: ("policy_benefit_id", "new_sum_assured"),
    EndorsementType.ADD_MEMBER: (
        "member_role",
        "first_name",
        "last_name",
        "date_of_birth",
        "gender",
    ),
    EndorsementType.REMOVE_MEMBER: ("policy_member_id",),
    EndorsementType.CHANGE_BENEFICIARIES: ("beneficiaries",),
    EndorsementType.CHANGE_PREMIUM_DUE_DAY: ("due_day",),
    EndorsementType.CHANGE_FREQUENCY: ("frequency",),
    EndorsementType.CHANGE_BANK_DETAILS: ("bank_account_id",),
    EndorsementType.CORRECT_DETAILS: (
        "policy_member_id",
        "first_name",
        "last_name",
        "date_of_birth",
        "gender",
    ),
}
_OPTIONAL = {
    EndorsementType.ADD_MEMBER: {"gender"},
    EndorsementType.CORRECT_DETAILS: {"first_name", "last_name", "date_of_birth", "gender"},
}
_FROM_NEXT_PREMIUM = (
    EndorsementType.CHANGE_PREMIUM_DUE_DAY,
    EndorsementType.CHANGE_FREQUENCY,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody wants changed. `data` holds the fields of the type.

    `resolutions` says of each later endorsement in conflict whether it stands (KEEP_LATER) or
    this one does (USE_THIS).
    """

    type: EndorsementType
    data: Mapping[str, Any]
    effective_date: date
    reason: str | None = None
    resolutions: Mapping[UUID, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a change does, cent for cent as issuing it will. Money is in rand.

    Where there are conflicts nothing is priced: choose first.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedEndorsement:
    """An endorsement that was issued, and what it did.

    With an `approval_id` it is priced and waits: it reaches so far back that a second person
    must agree.
    """

    endorsement: Endorsement
    preview: Preview
    policy: Policy
    approval_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    basis: Basis
    change: Change
    superseded: tuple[UUID, ...]
    before: list[Stage]
    after: list[Stage]
    money: MoneyPlan
    preview: Preview


def preview_endorsement(policy_id: UUID, wanted: Wanted, *, on: date) -> Preview:
    """Return what a change would do; nothing is written."""
    from insurance.core.db import db

    session = db.session()
    policy = queries.get_policy(session, policy_id)
    prepared = _prepare(session, policy, wanted, on)
    return prepared if isinstance(prepared, Preview) else prepared.preview


def endorse_policy(
    policy_id: UUID, wanted: Wanted, *, on: date, now: datetime
) -> IssuedEndorsement:
    """Price a change and issue it at once.

    Raises ConflictError for a policy that is not in force, or while a conflict with a later
    endorsement is not resolved; DomainError at the field that cannot be.
    """
    with transaction() as session:
        policy = queries.get_policy(session, policy_id, lock=True)
        return endorse(session, policy, wanted, on=on, now=now)


def endorse(
    session: Session, policy: Policy, wanted: Wanted, *, on: date, now: datetime
) -> IssuedEndorsement:
    """Price a change of a policy that the caller holds and issue it, as a step."""
    endorsement = _new_endorsement(session, policy, wanted, now)
    return _issue(session, policy, endorsement, wanted, on, now)


def draft_endorsement(policy_id: UUID, wanted: Wanted, *, on: date, now: datetime) -> Endorsement:
    """Keep a priced change as a draft, to be issued or discarded later."""
    with transaction() as session:
        policy = queries.get_policy(session, policy_id, lock=True)
        endorsement = _new_endorsement(session, policy, wanted, now)
        _price(session, policy, endorsement, wanted, on)
        _audit(session, endorsement, "policies.draft_endorsement")
        return endorsement


def reprice_endorsement(endorsement_id: UUID, *, on: date, now: datetime) -> Endorsement:
    """Price a draft again on the policy as it stands now; a stale one is rebased by this."""
    with transaction() as session:
        policy, endorsement = _draft(session, endorsement_id)
        _price(session, policy, endorsement, _wanted_of(endorsement), on)
        _audit(session, endorsement, "policies.reprice_endorsement")
        return endorsement


def issue_endorsement(endorsement_id: UUID, *, on: date, now: datetime) -> IssuedEndorsement:
    """Issue a priced draft. Raises ConflictError where the policy has changed since."""
    with transaction() as session:
        policy, endorsement = _draft(session, endorsement_id)
        is_stale = endorsement.priced_on_version != policy.current_version
        if not is_stale and endorsement.status is EndorsementStatus.PRICED:
            return _issue(session, policy, endorsement, _wanted_of(endorsement), on, now)
    raise ConflictError(
        "The policy has changed since this draft was priced. Price it again, then issue it."
    )


def discard_endorsement(endorsement_id: UUID, *, now: datetime) -> None:
    """Throw a draft away."""
    with transaction() as session:
        _policy, endorsement = _draft(session, endorsement_id)
        endorsement.status = EndorsementStatus.DISCARDED
        endorsement.ended_at = now
        _audit(session, endorsement, "policies.discard_endorsement")


def undo_endorsement(endorsement_id: UUID, *, on: date, now: datetime) -> Policy:
    """Take the last endorsement back: contract, premiums and money return to what they were.

    Raises ConflictError where something was issued after it.
    """
    with transaction() as session:
        endorsement = get_endorsement(session, endorsement_id)
        policy = queries.get_policy(session, endorsement.policy_id, lock=True)
        session.refresh(endorsement)
        if endorsement.status is not EndorsementStatus.ISSUED:
            raise ConflictError("Only an issued endorsement can be undone.")
        if endorsement.version_number != policy.current_version:
            raise ConflictError("The policy has changed since; only the last change can be undone.")
        _check_nothing_fixed(session, policy, endorsement)
        _undo(session, policy, endorsement, on, now)
        return policy


def _check_nothing_fixed(session: Session, policy: Policy, endorsement: Endorsement) -> None:
    """Refuse to take back a schedule on which a premium has been charged or paid."""
    if endorsement.type in _FROM_NEXT_PREMIUM and any(
        line.is_fixed and line.due_date >= endorsement.effective_date
        for line in list_premium_lines(session, policy.id)
    ):
        raise ConflictError(
            "A premium has been charged or paid on the new schedule; change the schedule again."
        )


def apply_due_endorsements(policy_id: UUID, *, on: date, now: datetime) -> int:
    """Make endorsements that were issued ahead effective once their day has come."""
    with transaction() as session:
        policy = queries.get_policy(session, policy_id, lock=True)
        due = [
            one
            for one in queries.list_endorsements(session, policy_id, EndorsementStatus.ISSUED)
            if one.applied_at is None and one.effective_date <= on
        ]
        if not due:
            return 0
        basis = load_basis(session, policy)
        stages = _stages(basis, basis.changes)
        write_contract(session, policy, _as_of(stages, on))
        for endorsement in due:
            endorsement.applied_at = now
            event = record_event(
                session,
                policy,
                EventCategory.ENDORSEMENT,
                "ENDORSEMENT_EFFECTIVE",
                effective=endorsement.effective_date,
                description=f"{_words(endorsement.type)} took effect",
                payload={"endorsement_id": endorsement.id},
                now=now,
            )
            snapshot = snapshot_of(state_of(policy), _as_of(stages, on))
            record_version(session, policy, event, snapshot, change_reason="Endorsement effective")
        return len(due)


def get_endorsement(session: Session, endorsement_id: UUID) -> Endorsement:
    """Return an endorsement. Raises NotFoundError."""
    found = queries.find_endorsement(session, endorsement_id)
    if found is None:
        raise NotFoundError
    return found


def _draft(session: Session, endorsement_id: UUID) -> tuple[Policy, Endorsement]:
    endorsement = get_endorsement(session, endorsement_id)
    policy = queries.get_policy(session, endorsement.policy_id, lock=True)
    session.refresh(endorsement)
    open_ones = (EndorsementStatus.DRAFT, EndorsementStatus.PRICED, EndorsementStatus.STALE)
    if endorsement.status not in open_ones:
        raise ConflictError(f"This endorsement is {endorsement.status.value.lower()} already.")
    return policy, endorsement


def _new_endorsement(
    session: Session, policy: Policy, wanted: Wanted, now: datetime
) -> Endorsement:
    endorsement = Endorsement(
        id=new_id(),
        policy_id=policy.id,
        type=wanted.type,
        status=EndorsementStatus.DRAFT,
        effective_date=wanted.effective_date,
        change={"resolutions": {str(key): how for key, how in wanted.resolutions.items()}},
        reason=wanted.reason,
        created_at=now,
        created_by=current_actor().email,
    )
    endorsement.change |= {"data": plain(_data_of(session, policy, wanted))}
    session.add(endorsement)
    return endorsement


def _data_of(session: Session, policy: Policy, wanted: Wanted) -> dict[str, Any]:
    """Return the type's own fields, completed with the ids that the change will make."""
    if wanted.type not in _FIELDS:
        raise DomainError("Month-end makes this change.", field="endorsement_type")
    names, optional = _FIELDS[wanted.type], _OPTIONAL.get(wanted.type, set())
    given = {name: value for name, value in wanted.data.items() if value not in (None, "", [])}
    for name in given:
        if name not in names:
            raise DomainError(f"This does not belong to {_words(wanted.type)}.", field=name)
    for name in names:
        if name not in optional and name not in given:
            raise DomainError("Enter this.", field=name)
    data: dict[str, Any] = {name: given.get(name) for name in names}
    if wanted.type is EndorsementType.ADD_MEMBER:
        data |= _new_ids(session, policy, str(given["member_role"]))
    elif wanted.type is EndorsementType.REMOVE_MEMBER:
        benefits = queries.list_benefits(session, policy.id)
        member = UUID(str(given["policy_member_id"]))
        data["benefit_ids"] = [
            one.benefit.id for one in benefits if one.benefit.member_id == member
        ]
    elif wanted.type is EndorsementType.CHANGE_BANK_DETAILS:
        known = {one.id for one in list_bank_accounts(session, policy.customer_id)}
        if UUID(str(given["bank_account_id"])) not in known:
            raise DomainError("Choose an account of the policyholder.", field="bank_account_id")
    return data


def _new_ids(session: Session, policy: Policy, role: str) -> dict[str, Any]:
    terms = load_basis(session, policy).pricer.terms
    codes = [one.code for one in terms.priced_benefits if one.member_role in (role, EVERY_LIFE)]
    return {"member_id": new_id(), "benefit_ids": {code: new_id() for code in codes}}


def _wanted_of(endorsement: Endorsement) -> Wanted:
    resolutions = endorsement.change.get("resolutions", {})
    return Wanted(
        type=endorsement.type,
        data=endorsement.change["data"],
        effective_date=endorsement.effective_date,
        reason=endorsement.reason,
        resolutions={UUID(key): how for key, how in resolutions.items()},
    )


def _price(
    session: Session, policy: Policy, endorsement: Endorsement, wanted: Wanted, on: date
) -> None:
    prepared = _prepare(session, policy, wanted, on, endorsement)
    if isinstance(prepared, Preview):
        endorsement.status = EndorsementStatus.DRAFT
        endorsement.priced = None
        return
    _keep_price(endorsement, policy, prepared)
    session.flush()


def _keep_price(endorsement: Endorsement, policy: Policy, prepared: _Prepared) -> None:
    endorsement.status = EndorsementStatus.PRICED
    endorsement.effective_date = prepared.change.on
    endorsement.priced_on_version = policy.current_version
    endorsement.priced = plain(
        {
            "new_premium": prepared.preview.new_premium,
            "new_cover": prepared.preview.new_cover,
            "adjustment": prepared.preview.adjustment,
        }
    )


def _prepare(
    session: Session,
    policy: Policy,
    wanted: Wanted,
    on: date,
    endorsement: Endorsement | None = None,
) -> _Prepared | Preview:
    """Work out everything a change does; with conflicts open, only that."""
    if policy.status is not PolicyStatus.ACTIVE:
        raise ConflictError(f"A policy that is {policy.status.value} cannot be changed.")
    basis = load_basis(session, policy)
    data = endorsement.change["data"] if endorsement else plain(_data_of(session, policy, wanted))
    effective = _effective_date(wanted, basis, policy, on)
    change = Change(
        id=endorsement.id if endorsement else new_id(),
        type=wanted.type.value,
        on=effective,
        data=data,
        sequence=max((one.sequence for one in basis.changes), default=0) + 1,
    )
    conflicts = find_conflicts(change, basis.changes, wanted.resolutions)
    before = _stages(basis, basis.changes)
    if conflicts:
        return _unpriced(policy, before[-1].contract, effective, conflicts)
    # Only what is in conflict with this change can make way for it.
    superseded = tuple(
        one.endorsement_id
        for one in find_conflicts(change, basis.changes, {})
        if wanted.resolutions[one.endorsement_id] == THIS_STANDS
    )
    kept = [one for one in basis.changes if one.id not in superseded]
    after = _stages(basis, [*kept, change])
    money = plan_money(
        session,
        policy,
        after[-1].contract,
        steps_of(after, basis.pricer),
        basis=basis,
        on=on,
    )
    return _Prepared(
        basis=basis,
        change=change,
        superseded=superseded,
        before=before,
        after=after,
        money=money,
        preview=_preview(before, after, change, money),
    )


def _effective_date(wanted: Wanted, basis: Basis, policy: Policy, on: date) -> date:
    effective = wanted.effective_date
    if wanted.type in _FROM_NEXT_PREMIUM:
        return basis.next_charge
    if effective < basis.starts_on:
        raise DomainError(
            f"The policy's present term began on {basis.starts_on:%Y/%m/%d}.",
            field="effective_date",
        )
    if policy.expiry_date is not None and effective >= policy.expiry_date:
        raise DomainError(f"Cover ends on {policy.expiry_date:%Y/%m/%d}.", field="effective_date")
    if effective > on + timedelta(days=MAX_DAYS_AHEAD):
        raise DomainError("A change can take effect at most a year ahead.", field="effective_date")
    return effective


def _stages(basis: Basis, changes: Sequence[Change]) -> list[Stage]:
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
    before: Sequence[Stage], after: Sequence[Stage], change: Change, money: MoneyPlan
) -> Preview:
    old, new = before[-1].contract, after[-1].contract
    days_left, days_in_period = money.days_of(change.on)
    known = {(one.id, layer.number) for one in old.benefits for layer in one.layers}
    waiting = [
        (one.benefit_name, layer.amount, layer.waiting_until)
        for one in new.active_benefits
        for layer in one.layers
        if (one.id, layer.number) not in known and layer.waiting_until > layer.starts_on
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
    )


def _issue(
    session: Session,
    policy: Policy,
    endorsement: Endorsement,
    wanted: Wanted,
    on: date,
    now: datetime,
    *,
    is_approved: bool = False,
) -> IssuedEndorsement:
    prepared = _prepare(session, policy, wanted, on, endorsement)
    if isinstance(prepared, Preview):
        raise ConflictError(
            "A later endorsement changes the same; choose which of the two stands.",
            field="resolutions",
            detail={"conflicts": [plain(_conflict(one)) for one in prepared.conflicts]},
        )
    if not is_approved and _needs_second_person(session, prepared.change.on, on):
        return _ask_second_person(session, policy, endorsement, prepared, now)
    for superseded in prepared.superseded:
        other = get_endorsement(session, superseded)
        other.status, other.ended_at = EndorsementStatus.SUPERSEDED, now
    endorsement.change = endorsement.change | {
        "sequence": prepared.change.sequence,
        "supersedes": [str(one) for one in prepared.superseded],
    }
    endorsement.status = EndorsementStatus.ISSUED
    endorsement.effective_date = prepared.change.on
    endorsement.issued_at = now
    endorsement.applied_at = now if prepared.change.on <= on else None
    endorsement.priced_on_version = policy.current_version
    endorsement.priced = plain({"adjustment": prepared.preview.adjustment})
    _make_stale(session, policy, endorsement)
    apply_money(session, policy, prepared.money, on=on, now=now, why=endorsement.id)
    write_contract(session, policy, _as_of(prepared.after, on))
    check_life_cover(session, policy, prepared.basis.pricer.terms.class_code, on=on)
    _write_history(session, policy, endorsement, prepared, on, now)
    _audit(session, endorsement, "policies.endorse")
    session.flush()
    return IssuedEndorsement(endorsement=endorsement, preview=prepared.preview, policy=policy)


def _needs_second_person(session: Session, effective: date, on: date) -> bool:
    days = int(find_parameter(session, "backdating_approval_days", on))
    return effective < on - timedelta(days=days)


def _ask_second_person(
    session: Session, policy: Policy, endorsement: Endorsement, prepared: _Prepared, now: datetime
) -> IssuedEndorsement:
    _keep_price(endorsement, policy, prepared)
    session.flush()
    request = request_approval(
        session,
        action=BACKDATE,
        resource="policies",
        resource_id=policy.id,
        record_version=policy.current_version,
        title=f"{_words(endorsement.type)} of {policy.policy_number}"
        f" from {prepared.change.on:%Y/%m/%d}",
        amount=abs(prepared.preview.adjustment),
        payload={
            "endorsement_id": endorsement.id,
            "effective_date": prepared.change.on,
            "change": endorsement.change["data"],
            "new_premium": prepared.preview.new_premium,
            "adjustment": prepared.preview.adjustment,
        },
        reason=endorsement.reason or "A change that reaches far back",
        now=now,
    )
    return IssuedEndorsement(
        endorsement=endorsement, preview=prepared.preview, policy=policy, approval_id=request.id
    )


def execute_backdated(
    session: Session, request: ApprovalRequest, *, on: date, now: datetime
) -> None:
    """Issue an endorsement that a second person has agreed to. The caller holds the policy.

    Raises ConflictError where it would cost something else than what was agreed to.
    """
    endorsement = get_endorsement(session, UUID(request.payload["endorsement_id"]))
    if endorsement.status is not EndorsementStatus.PRICED:
        raise ConflictError(f"The endorsement is {endorsement.status.value.lower()}.")
    policy = queries.get_policy(session, endorsement.policy_id)
    wanted = _wanted_of(endorsement)
    issued = _issue(session, policy, endorsement, wanted, on, now, is_approved=True)
    if issued.preview.adjustment != Decimal(request.payload["adjustment"]):
        raise ConflictError("The money has changed since this was asked for.")


def _as_of(stages: Sequence[Stage], on: date) -> Contract:
    """Return the contract as it stands on a day: later changes wait for theirs."""
    reached = [stage for stage in stages if stage.on <= on]
    return (reached or stages)[-1 if reached else 0].contract


def _conflict(conflict: Conflict) -> dict[str, Any]:
    return {
        "endorsement_id": conflict.endorsement_id,
        "effective_date": conflict.effective_date,
        "field": conflict.field,
        "this": conflict.this,
        "later": conflict.later,
    }


def _make_stale(session: Session, policy: Policy, issued: Endorsement) -> None:
    for other in queries.list_endorsements(session, policy.id, EndorsementStatus.PRICED):
        if other.id != issued.id:
            other.status = EndorsementStatus.STALE


def _write_history(
    session: Session,
    policy: Policy,
    endorsement: Endorsement,
    prepared: _Prepared,
    on: date,
    now: datetime,
) -> None:
    """Write the event and version; of one that came out of order also what it made way for."""
    stages = prepared.after
    at = next(n for n, one in enumerate(stages) if one.change and one.change.id == endorsement.id)
    later = [one for one in stages[at + 1 :] if one.change]
    for stage in reversed(later):
        _moved(session, policy, stage, "ENDORSEMENT_REVERSED", "made way for an earlier one", now)
    event = record_event(
        session,
        policy,
        EventCategory.ENDORSEMENT,
        endorsement.type.value,
        effective=prepared.change.on,
        description=_described(endorsement, prepared.preview),
        reason=endorsement.reason,
        payload={
            "endorsement_id": endorsement.id,
            "change": endorsement.change["data"],
            "adjustment": prepared.preview.adjustment,
        },
        now=now,
    )
    tell_holder(session, policy, event)
    state = state_of(policy)
    reason = f"Endorsement: {endorsement.type.value}"
    record_version(
        session, policy, event, snapshot_of(state, stages[at].contract), change_reason=reason
    )
    for stage in later:
        again = _moved(session, policy, stage, "ENDORSEMENT_REAPPLIED", "applied again", now)
        record_version(
            session,
            policy,
            again,
            snapshot_of(state, stage.contract),
            change_reason="Endorsement applied again",
        )
    endorsement.event_id = event.id
    endorsement.version_number = policy.current_version


def _moved(
    session: Session, policy: Policy, stage: Stage, event_type: str, words: str, now: datetime
) -> Any:
    assert stage.change is not None
    return record_event(
        session,
        policy,
        EventCategory.ENDORSEMENT,
        event_type,
        effective=stage.on,
        description=f"{_words(EndorsementType(stage.change.type))} {words}",
        payload={"endorsement_id": stage.change.id},
        now=now,
    )


def _described(endorsement: Endorsement, preview: Preview) -> str:
    words = _words(endorsement.type)
    if preview.new_cover != preview.current_cover:
        words += f": cover {format_money(preview.current_cover)}"
        words += f" to {format_money(preview.new_cover)}"
    if preview.new_premium != preview.current_premium:
        words += f", premium {format_money(preview.current_premium)}"
        words += f" to {format_money(preview.new_premium)}"
    return words


def _words(kind: EndorsementType) -> str:
    return kind.value.replace("_", " ").capitalize()


def _undo(
    session: Session, policy: Policy, endorsement: Endorsement, on: date, now: datetime
) -> None:
    endorsement.status, endorsement.ended_at = EndorsementStatus.UNDONE, now
    for superseded in endorsement.change.get("supersedes", []):
        other = get_endorsement(session, UUID(superseded))
        other.status, other.ended_at = EndorsementStatus.ISSUED, None
    session.flush()
    basis = load_basis(session, policy)
    stages = _stages(basis, basis.changes)
    contract = stages[-1].contract
    money = plan_money(
        session, policy, contract, steps_of(stages, basis.pricer), basis=basis, on=on
    )
    apply_money(session, policy, money, on=on, now=now, why=endorsement.id, taking_back=True)
    write_contract(session, policy, _as_of(stages, on))
    event = record_event(
        session,
        policy,
        EventCategory.ENDORSEMENT,
        "ENDORSEMENT_UNDONE",
        effective=endorsement.effective_date,
        description=f"{_words(endorsement.type)} undone",
        payload={"endorsement_id": endorsement.id},
        now=now,
    )
    tell_holder(session, policy, event)
    snapshot = snapshot_of(state_of(policy), contract)
    record_version(session, policy, event, snapshot, change_reason="Endorsement undone")
    _make_stale(session, policy, endorsement)
    _audit(session, endorsement, "policies.undo_endorsement")


def _audit(session: Session, endorsement: Endorsement, action: str) -> None:
    record(
        session,
        action=action,
        resource="policies",
        resource_id=endorsement.policy_id,
        after={
            "endorsement_id": endorsement.id,
            "type": endorsement.type,
            "status": endorsement.status,
            "effective_date": endorsement.effective_date,
            "change": endorsement.change["data"],
        },
        reason=endorsement.reason,
    )


__all__ = [
    "BACKDATE",
    "LATER_STANDS",
    "THIS_STANDS",
    "IssuedEndorsement",
    "Preview",
    "Wanted",
    "apply_due_endorsements",
    "discard_endorsement",
    "draft_endorsement",
    "endorse_policy",
    "execute_backdated",
    "get_endorsement",
    "issue_endorsement",
    "preview_endorsement",
    "reprice_endorsement",
    "undo_endorsement",
]
