"""What every move of a policy's life shares: its facts, its history, and premiums charged late."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.audit_logs.services import event_row
from insurance.billing import queries as billing
from insurance.billing import services as money
from insurance.billing.models import LineStatus, PremiumLine
from insurance.core.money import ZERO, total
from insurance.core.undo import UNDO
from insurance.ledger.models import TransferType
from insurance.ledger.queries import closed_through
from insurance.ledger.rules import due_premium_legs
from insurance.ledger.services import Entry, post
from insurance.organizations.queries import find_parameter
from insurance.policies import queries
from insurance.policies.changes import IN_FORCE, Happening, PolicyChange, write_changes
from insurance.policies.lifecycle_rules import (
    Agreement,
    Ending,
    allowed_moves,
    charges_before,
    is_unpaid_premium,
)
from insurance.policies.models import EventCategory, Policy, PolicyStatus
from insurance.policies.rules import Contract, fold
from insurance.policies.services.contracts import Basis, load_basis
from insurance.policies.services.life_cover import check_life_cover, keep_life_answers
from insurance.policies.services.mails import letter_to
from insurance.policies.services.past_cover import PastCover, cover_ended, past_cover_changed
from insurance.products.queries import load_terms
from insurance.products.rules import ProductTerms
from insurance.quotes.rules import modal_factor


@dataclass(frozen=True, slots=True)
class LifecycleOutcome:
    """A policy after a move, or unchanged while a second person is asked (`approval_id`).

    Money is in rand: `arrears` stay owed, `refund` goes back, `retained` is kept by the contract.
    """

    policy: Policy
    effective_date: date
    arrears: Decimal = ZERO
    refund: Decimal = ZERO
    retained: Decimal = ZERO
    approval_id: UUID | None = None
    needs: tuple[Agreement, ...] = ()

    @property
    def allowed_transitions(self) -> Sequence[str]:
        """Return where the policy may go next."""
        return allowed_moves(self.policy.status.value)


@dataclass(frozen=True, slots=True)
class Case:
    """A policy held for a move, with what it was sold on and the day and moment of the move.

    `life_answers` says by a question's key whether a life is the one on another policy.
    """

    session: Session
    policy: Policy
    terms: ProductTerms
    on: date
    now: datetime
    life_answers: Mapping[str, bool] = field(default_factory=dict)
    _newest: list[Basis] = field(default_factory=list)

    def basis(self, *, before: date | None = None) -> Basis:
        """Return what the contract was made of when the case was opened, read once.

        `before` asks for the newest term that began before a day, or the first.
        """
        if not self._newest:
            self._newest.append(load_basis(self.session, self.policy, terms=self.terms))
        newest = self._newest[0]
        if before is None or newest.starts_on < before:
            return newest
        return load_basis(self.session, self.policy, on=before, terms=self.terms)

    def vat_rate(self, due: date) -> Decimal | None:
        """Return the VAT rate of a due date in per cent, None where the class carries none."""
        if self.terms.category != "NON_LIFE":
            return None
        return find_parameter(self.session, "vat_rate_per_cent", due)

    def lines(self) -> list[PremiumLine]:
        """Return the lines that are not cancelled, in the order they fall due."""
        found = billing.list_premium_lines(self.session, self.policy.id)
        return [line for line in found if line.status is not LineStatus.CANCELLED]

    def parameter(self, code: str) -> Decimal:
        """Return a dated parameter of the day of the move."""
        return find_parameter(self.session, code, self.on)


def open_case(
    session: Session,
    policy_id: UUID,
    *,
    on: date,
    now: datetime,
    lock: bool = True,
    life_answers: Mapping[str, bool] | None = None,
) -> Case:
    """Return a policy for a move, held. Raises NotFoundError."""
    policy = queries.get_policy(session, policy_id, lock=lock)
    terms = load_terms(session, policy.product_version_id)
    return Case(session, policy, terms, on, now, life_answers or {})


def charge_due(
    case: Case,
    before: date,
    *,
    only_paid: bool = False,
    lines: Sequence[PremiumLine] | None = None,
) -> Decimal:
    """Charge the open premiums that fell due before a day and are not charged; return their sum.

    With `only_paid` those of which something was paid. VAT follows the due date. What lies in a
    closed month is posted on the day of the move. `lines` are those of the case, if they are known.
    """
    known = case.lines() if lines is None else lines
    lines = [line for line in known if line.paid_amount > ZERO or not only_paid]
    if not charges_before(lines, before, closed=None, on=case.on):
        return ZERO
    due = charges_before(lines, before, closed=closed_through(case.session), on=case.on)
    for line, _day in due:
        line.posted_at = case.now
    case.session.flush()
    journals = [_charge(case, line, day) for line, day in due]
    post(case.session, journals, now=case.now, field="effective_date")
    return total(line.amount for line, _day in due)


def _charge(case: Case, line: PremiumLine, on: date) -> list[Entry]:
    return [
        Entry(
            type=TransferType(leg.type),
            description=f"{leg.description} {case.policy.policy_number} {line.due_date:%Y/%m/%d}",
            debit=leg.debit_account,
            credit=leg.credit_account,
            amount=leg.amount,
            on=on,
            policy_id=case.policy.id,
            premium_line_id=line.id,
        )
        for leg in due_premium_legs(line.amount, case.vat_rate(line.due_date))
    ]


def uncharge_unpaid(case: Case, why: str) -> Decimal:
    """Take back the charge of every premium of which nothing was paid; return their sum."""
    found = [
        line for line in case.lines() if line.posted_at is not None and is_unpaid_premium(line)
    ]
    for line in found:
        money.uncharge(case.session, line, on=case.on, now=case.now, why=why)
    return total(line.amount for line in found)


def end(case: Case, ending: Ending, reason: str | None) -> LifecycleOutcome:
    """End a policy as a rule says; what is owed then stays owed."""
    move(
        case,
        ending.event_type,
        to=PolicyStatus(ending.to),
        effective=ending.on,
        description=ending.description,
        reason=reason,
        payload=ending.payload,
        ended_on=ending.on,
    )
    stop_past_cover(case, ending.on)
    arrears = billing.arrears_on(case.session, case.policy.id, case.on)
    return LifecycleOutcome(case.policy, ending.on, arrears, ending.payload.get("refund", ZERO))


def move(
    case: Case,
    event_type: str,
    *,
    to: PolicyStatus | None,
    effective: date,
    description: str,
    reason: str | None,
    payload: Mapping[str, Any] | None = None,
    undo: Mapping[str, Any] | None = None,
    **changes: Any,
) -> None:
    """Change a policy's row and leave everything that a change leaves behind.

    `undo` is what it takes to undo it within a day; without it nobody can. Raises DomainError
    where cover that lives again would take a life above its cap.
    """
    session, policy = case.session, case.policy
    if to in IN_FORCE and policy.status not in IN_FORCE:
        check_cover_revived(case)
    session.flush()
    becomes = {"status": to or policy.status, **changes}
    happening = Happening(
        policy.id,
        event_type,
        effective,
        description,
        {**(payload or {}), **({} if undo is None else {UNDO: undo})},
        reason,
        EventCategory.LIFECYCLE,
        contract=_stage_on(case.basis(), case.on),
        version_reason=reason or description,
    )
    audit = event_row(
        action=f"policies.{event_type.removeprefix('POLICY_').lower()}",
        resource="policies",
        resource_id=policy.id,
        before={name: getattr(policy, name) for name in becomes},
        after={**becomes, **(payload or {})},
        reason=reason,
    )
    letter = letter_to(session, policy.customer_id, policy.policy_number, happening)
    change = PolicyChange(
        policy=policy, becomes=becomes, happenings=[happening], audit=audit, letter=letter
    )
    write_changes(session, [change], now=case.now)


def stop_past_cover(case: Case, stop: date, how: str = "") -> None:
    """Let higher areas look again at what happened since the first day without cover."""
    case.session.flush()
    ended = cover_ended(case.policy.id, stop, how)
    past_cover_changed(case.session, ended, on=case.on, now=case.now)


def restore_past_cover(case: Case, since: date, why: str) -> None:
    """Let higher areas look again at what happened since a day from which there is cover after all."""
    case.session.flush()
    restored = PastCover(policy_id=case.policy.id, since=since, why=why, is_restored=True)
    past_cover_changed(case.session, restored, on=case.on, now=case.now)


def check_cover_revived(case: Case) -> None:
    """Hold the lives of a policy whose cover ended to their caps, as if it were issued today.

    What they were insured for elsewhere meanwhile counts. Raises DomainError naming each life,
    LifeQuestionsError where somebody must say first who a life is.
    """
    basis = case.basis()
    stages = fold(basis.contract, basis.starts_on, basis.changes, basis.pricer)
    begun = [stage.contract for stage in stages if stage.on <= case.on]
    present = begun[-1] if begun else stages[0].contract
    coming = [stage for stage in stages if stage.on > case.on]
    lives = [
        basis.pricer.lives(None, present, case.on),
        *(basis.pricer.lives(None, stage.contract, stage.on) for stage in coming),
    ]
    check_life_cover(case.session, case.policy.id, lives, case.life_answers)
    keep_life_answers(case.session, case.policy.id, lives, case.life_answers, now=case.now)


def contract_on(
    session: Session, policy: Policy, on: date, terms: ProductTerms | None = None
) -> Contract:
    """Return what a policy covers and costs on a day, every issued change in its place.

    `terms` are those it was sold on, where the caller has read them.
    """
    return _stage_on(load_basis(session, policy, terms=terms), on)


def _stage_on(basis: Basis, on: date) -> Contract:
    stages = fold(basis.contract, basis.starts_on, basis.changes, basis.pricer)
    begun = [stage.contract for stage in stages if stage.on <= on]
    return begun[-1] if begun else stages[0].contract


def instalment_on(case: Case, on: date) -> Decimal:
    """Return what a whole premium costs on a day, every issued change in its place."""
    contract = contract_on(case.session, case.policy, on, case.terms)
    if contract.premium_free_until is not None and on < contract.premium_free_until:
        return ZERO
    return contract.instalment(modal_factor(contract.frequency, case.terms.modal_loadings))


def day_after(day: date) -> date:
    """Return the next day."""
    return day + timedelta(days=1)
