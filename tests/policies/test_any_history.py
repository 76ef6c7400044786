"""Whatever clerks do to a policy in whatever order, history gives the present and money adds up.

`HISTORIES` and `STEPS` in the environment ask for more and longer ones.
"""

import os
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.approvals.services import approve_request
from insurance.billing import queries as billing
from insurance.billing.models import LineKind, LineStatus, PremiumLine, ReceiptKind, ReceiptStatus
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.ids import new_id
from insurance.core.money import ZERO
from insurance.core.tenancy import tenant_scope
from insurance.customers.services import add_bank_account
from insurance.lapses.services import record_notice
from insurance.policies import queries
from insurance.policies.lifecycle_rules import UNPAID_TYPES, CancellationType
from insurance.policies.models import EndorsementStatus, EndorsementType, PolicyStatus
from insurance.policies.replay import find_differences
from insurance.policies.rules import fold, steps_of
from insurance.policies.services import (
    Cancellation,
    accept_quote,
    cancel_policy,
    forecast_of,
    lapse_policy,
    mark_not_taken_up,
    pay_premium,
    pay_refund,
    preview_cancellation,
    receive_payment,
    refunds_payable,
    reinstate_policy,
    reverse_payment,
    suspend_policy,
    undo_payment,
    undo_suspension,
    waive_premium,
    write_off_premium,
)
from insurance.policies.services.as_at import policy_as_at
from insurance.policies.services.contracts import load_basis
from insurance.policies.services.endorsements import (
    THIS_STANDS,
    EndorsementRequest,
    draft_endorsement,
    endorse_policy,
    issue_endorsement,
    preview_endorsement,
    reprice_endorsement,
    undo_endorsement,
)
from insurance.policies.services.held_money import settle_before_lapse
from insurance.policies.services.schedule_steps import keep_schedules
from insurance.policies.services.schedules import plan_money
from insurance.quotes.services import QuoteInput, create_quote
from tests.factories.book import make_customer
from tests.factories.lifecycle import CHECKER, at, morning
from tests.factories.organizations import make_organization
from tests.factories.products import make_family_product
from tests.policies.business import business_of
from tests.random_tries import by_chance

D = Decimal
SOLD = date(2027, 1, 31)
TABLES = [
    "policies",
    "policy_members",
    "policy_benefits",
    "policy_benefit_layers",
    "policy_beneficiaries",
    "policy_events",
    "policy_versions",
    "endorsements",
    "premium_lines",
    "receipts",
    "allocations",
    "ledger_transfers",
    "approval_requests",
    "portfolio_counts",
    "audit_events",
]
CENTS = st.one_of(
    st.sampled_from([25_000, 12_345, 1, 50_000, 60_010, 300_000]), st.integers(1, 90_000)
)
PLACES = st.integers(0, 20)
BACK = st.integers(0, 60)
KINDS = st.sampled_from(
    ["cover", "spouse", "child", "leave", "heirs", "due_day", "frequency", "details", "bank"]
)


class History(RuleBasedStateMachine):
    """One policy of an insurer of its own: what clerks and time may do to it."""

    app: Flask

    def __init__(self) -> None:
        super().__init__()
        self.world = ExitStack()
        self.world.enter_context(self.app.app_context())
        org = make_organization()
        self.world.enter_context(tenant_scope(org.id))
        self.day = SOLD
        self.references: list[str] = []
        self.reversals = 0
        self.has_gap = False
        self.steps = 0

    def teardown(self) -> None:
        self.session.rollback()
        self.world.close()

    @property
    def session(self) -> Session:
        """Return the session, with nothing read before still in it."""
        session = db.session()
        session.rollback()
        session.expire_all()
        return session

    @property
    def policy(self) -> Any:
        """Return the policy as it stands."""
        return queries.get_policy(self.session, self.policy_id)

    @property
    def lines(self) -> list[PremiumLine]:
        """Return the premiums that are not cancelled."""
        found = billing.list_premium_lines(self.session, self.policy_id)
        return [line for line in found if line.status is not LineStatus.CANCELLED]

    def attempt(self, command: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """Do something or be refused; a refusal leaves everything as it was."""
        self.steps += 1
        before = _fingerprint(self.session)
        self.session.rollback()
        try:
            with at(self.day) as now:
                return command(*args, on=self.day, now=now, **named)
        except DomainError as refusal:
            assert _fingerprint(self.session) == before, f"{command.__name__}: {refusal.message}"
            return None

    # The invariants hold from the sale on.

    @initialize(back=st.integers(0, 30), frequency=st.sampled_from(["MONTHLY"] * 3 + ["QUARTERLY"]))
    def issue(self, back: int, frequency: str) -> None:
        with at(self.day) as now:
            product = make_family_product()
            self.customer_id = make_customer()
            self.account_id = add_bank_account(self.customer_id, **BANK, now=now).id
            asked = QuoteInput(
                product_id=product.id,
                customer_id=self.customer_id,
                sum_assured=D(500_000),
                frequency=frequency,
            )
            quote = create_quote(asked, on=self.day, now=now)
            starts = self.day - timedelta(days=back)
            self.policy_id = accept_quote(
                quote.id, effective_date=starts, on=self.day, now=now
            ).policy.id

    # Time

    @rule(days=st.integers(1, 40), keeps=st.sampled_from([True, True, True, False]))
    def time_passes(self, days: int, keeps: bool) -> None:
        self.day += timedelta(days=days)
        if keeps:
            self.schedules_are_kept()

    @rule()
    def schedules_are_kept(self) -> None:
        with at(self.day) as now:
            keep_schedules(on=self.day, now=now)
            again = keep_schedules(on=self.day, now=now)
        assert not any(getattr(again, name) for name in again.__slots__)

    # Money

    @rule(cents=CENTS, back=BACK, again=st.booleans(), place=PLACES)
    def pay(self, cents: int, back: int, again: bool, place: int) -> None:
        self.attempt(
            receive_payment,
            self.policy_id,
            amount=D(cents) / 100,
            reference=self._reference(again, place),
            paid_on=self.day - timedelta(days=back),
        )

    @rule(place=PLACES)
    def pay_exactly(self, place: int) -> None:
        owing = [line for line in self.lines if line.outstanding > 0]
        if owing:
            line = owing[place % min(len(owing), 3)]
            amount, line_id = line.outstanding, line.id
            self.attempt(
                pay_premium,
                self.policy_id,
                line_id,
                amount=amount,
                reference=self._reference(False, 0),
                paid_on=self.day,
            )

    @rule(cents=CENTS, place=PLACES)
    def pay_a_line(self, cents: int, place: int) -> None:
        lines = billing.list_premium_lines(self.session, self.policy_id)
        self.attempt(
            pay_premium,
            self.policy_id,
            lines[place % len(lines)].id,
            amount=D(cents) / 100,
            reference=self._reference(False, 0),
            paid_on=self.day,
        )

    def _reference(self, again: bool, place: int) -> str:
        if again and self.references:
            return self.references[place % len(self.references)]
        self.references.append(f"PAY-{len(self.references) + 1}")
        return self.references[-1]

    @precondition(lambda self: self.references)
    @rule(place=PLACES, line=PLACES)
    def the_bank_takes_back(self, place: int, line: int) -> None:
        reference = self.references[place % len(self.references)]
        lines = billing.list_premium_lines(self.session, self.policy_id)
        done = self.attempt(
            reverse_payment,
            self.policy_id,
            lines[line % len(lines)].id,
            reason_code="02",
            reference=reference if line % 2 else None,
        )
        self.reversals += done is not None

    @rule(place=PLACES, gives_up=st.sampled_from([waive_premium, write_off_premium]))
    def give_up(self, place: int, gives_up: Callable[..., Any]) -> None:
        owing = [one for one in self.lines if one.outstanding > 0 and one.posted_at]
        if owing:
            line_id = owing[place % len(owing)].id
            self._asked(self.attempt(gives_up, self.policy_id, line_id, reason="Agreed"))

    @rule(cents=CENTS, whole=st.booleans())
    def pay_back(self, cents: int, whole: bool) -> None:
        amount = D(cents) / 100
        if whole:
            session = self.session
            amount = refunds_payable(session, self.policy_id)
            amount += billing.unapplied_credit(session, self.policy_id)
        reference = new_id().hex
        self._asked(
            self.attempt(
                pay_refund, self.policy_id, amount=amount, reference=reference, reason="Asked"
            )
        )

    def _asked(self, outcome: Any) -> None:
        """Let a second person agree to what was asked for."""
        if outcome is not None and outcome.approval_id is not None:
            try:
                with at(self.day, CHECKER) as now:
                    approve_request(outcome.approval_id, on=self.day, now=now)
            except DomainError:
                return  # Void by now, or not possible any more.

    # Undo

    @rule(cents=CENTS, back=BACK, place=PLACES, named=st.booleans(), hours=st.sampled_from([0, 24]))
    def pay_and_undo(self, cents: int, back: int, place: int, named: bool, hours: int) -> None:
        lines = billing.list_premium_lines(self.session, self.policy_id)
        line_id = lines[place % len(lines)].id
        before = business_of(self.session)
        paid = self.attempt(
            pay_premium if named else receive_payment,
            self.policy_id,
            *([line_id] if named else []),
            amount=D(cents) / 100,
            reference=self._reference(False, 0),
            paid_on=self.day - timedelta(days=back),
        )
        self._undo_last(paid, undo_payment, before, hours)
        self.reversals += paid is not None

    @rule(hours=st.sampled_from([0, 24]))
    def suspend_and_undo(self, hours: int) -> None:
        before = business_of(self.session)
        suspended = self.attempt(suspend_policy, self.policy_id, reason="Asked")
        self._undo_last(suspended, undo_suspension, before, hours)

    def _undo_last(self, done: Any, undo: Callable[..., Any], before: Any, hours: int) -> None:
        """Undo what was just done, up to a day later, and find everything as before."""
        if done is None:
            return
        event = queries.list_events(self.session, self.policy_id, limit=1)[0].id
        later = morning(self.day) + timedelta(hours=hours)
        with at(self.day):
            undo(event, on=later.date(), now=later)
        assert business_of(self.session) == before
        self.day = later.date()
        self.attempt(undo, event)
        assert business_of(self.session) == before

    # Changes

    @rule(kind=KINDS, days=st.integers(-29, 45), place=PLACES, replaces=st.booleans())
    def change(self, kind: str, days: int, place: int, replaces: bool) -> None:
        wanted = self._wanted(kind, days, place, replaces)
        before = _fingerprint(self.session)
        with at(self.day):
            try:
                preview = preview_endorsement(self.policy_id, wanted, on=self.day)
            except DomainError:
                preview = None
        assert _fingerprint(self.session) == before
        issued = self.attempt(endorse_policy, self.policy_id, wanted)
        if issued is not None and preview is not None:
            assert issued.preview == preview
            self._check_debits(preview.next_debits)

    @rule(kind=KINDS, days=st.integers(-29, 45), place=PLACES, waits=st.integers(0, 3))
    def draft(self, kind: str, days: int, place: int, waits: int) -> None:
        drafted = self.attempt(
            draft_endorsement, self.policy_id, self._wanted(kind, days, place, False)
        )
        if drafted is not None:
            self.day += timedelta(days=waits)
            draft_id = drafted.id
            self.attempt(issue_endorsement, draft_id)
            self.attempt(reprice_endorsement, draft_id)
            self.attempt(issue_endorsement, draft_id)

    @rule()
    def undo(self) -> None:
        issued = queries.list_endorsements(self.session, self.policy_id, EndorsementStatus.ISSUED)
        newest = max(issued, key=lambda one: one.version_number or 0, default=None)
        if newest is not None:
            self.attempt(undo_endorsement, newest.id)

    @rule(kind=KINDS, days=st.integers(-29, 45), place=PLACES, replaces=st.booleans())
    def change_and_undo(self, kind: str, days: int, place: int, replaces: bool) -> None:
        before = self._standing()
        issued = self.attempt(
            endorse_policy, self.policy_id, self._wanted(kind, days, place, replaces)
        )
        if issued is not None and issued.approval_id is None:
            with at(self.day) as now:
                undo_endorsement(issued.endorsement.id, on=self.day, now=now)
            after = self._standing()
            # How far ahead premiums are laid is kept by the schedule, not by a change.
            reach = min(len(before[0]), len(after[0]))
            assert reach >= len(before[0]) - 3
            assert (after[0][:reach], after[1:]) == (before[0][:reach], before[1:])

    def _standing(self) -> Any:
        """Return what is charged when, the money there is for it, and what each benefit costs.

        Money that a change sets free settles the oldest premium, and stays there when it is undone.
        """
        lines = sorted((one.due_date, one.period_end, one.amount, one.kind) for one in self.lines)
        there = billing.unapplied_credit(self.session, self.policy_id)
        there += sum((one.paid_amount for one in self.lines), ZERO)
        contents = queries.list_benefits(self.session, self.policy_id)
        return lines, there, sorted((one.benefit.id, one.benefit.premium) for one in contents)

    def _wanted(self, kind: str, days: int, place: int, replaces: bool) -> EndorsementRequest:
        type_, data = self._data(kind, place)
        issued = queries.list_endorsements(self.session, self.policy_id, EndorsementStatus.ISSUED)
        how = THIS_STANDS if replaces else "KEEP_LATER"
        return EndorsementRequest(
            type=type_,
            data=data,
            effective_date=self.day + timedelta(days=days),
            resolutions={one.id: how for one in issued} if place % 3 else {},
        )

    def _data(self, kind: str, place: int) -> tuple[EndorsementType, dict[str, Any]]:
        session = self.session
        members = queries.list_members(session, self.policy_id)
        someone = members[place % len(members)]
        if kind == "cover":
            benefits = queries.list_benefits(session, self.policy_id)
            chosen = benefits[0 if place % 4 else place % len(benefits)]
            amount = D(100_000 + 123_457 * (place % 9))
            data = {"policy_benefit_id": chosen.benefit.id, "new_sum_assured": amount}
            return EndorsementType.CHANGE_COVER, data
        if kind in ("spouse", "child"):
            return EndorsementType.ADD_MEMBER, _person(kind.upper(), place)
        if kind == "leave":
            return EndorsementType.REMOVE_MEMBER, {"policy_member_id": members[-1].id}
        if kind == "heirs":
            row = {"kind": "PRIMARY", "first_name": "A", "last_name": "B", "share": D(100)}
            return EndorsementType.CHANGE_BENEFICIARIES, {"beneficiaries": [row]}
        if kind == "due_day":
            return EndorsementType.CHANGE_PREMIUM_DUE_DAY, {"due_day": 1 + place * 3 // 2}
        if kind == "frequency":
            names = ("MONTHLY", "QUARTERLY", "HALF_YEARLY", "ANNUAL")
            return EndorsementType.CHANGE_FREQUENCY, {"frequency": names[place % 4]}
        if kind == "details":
            born = date(1980 + place, 5, 5)
            data = {"policy_member_id": someone.id, "date_of_birth": born}
            return EndorsementType.CORRECT_DETAILS, data
        return EndorsementType.CHANGE_BANK_DETAILS, {"bank_account_id": self.account_id}

    def _check_debits(self, promised: Any) -> None:
        """Hold what a preview said of the next debits to what is owed now."""
        credit = billing.unapplied_credit(self.session, self.policy_id)
        owed: dict[date, Decimal] = {}
        for line in self.lines:
            if line.due_date >= self.day and line.outstanding > 0:
                owed[line.due_date] = owed.get(line.due_date, ZERO) + line.outstanding
        debits = []
        for due, amount in sorted(owed.items()):
            used = min(credit, amount)
            credit -= used
            debits.append((due, amount - used))
        assert [one for one in promised if one[1]] == [one for one in debits if one[1]][
            : len([one for one in promised if one[1]])
        ]

    # Life

    @rule()
    def suspend(self) -> None:
        self.attempt(suspend_policy, self.policy_id, reason="Asked")

    @rule()
    def lapse(self) -> None:
        owed = forecast_of(self.session, self.policy_id, self.day).oldest_unpaid
        if owed is not None and owed < self.day:
            self.attempt(
                record_notice,
                self.policy_id,
                recipient="12 Kloof Street",
                registered_number="RC 123 456 789 ZA",
                sent_on=min(self.day, owed + timedelta(days=5)),
            )
        self._settle_before_lapse()
        self.attempt(lapse_policy, self.policy_id, reason="Unpaid")

    def _settle_before_lapse(self) -> None:
        """Use what is held, which a lapse does first whatever comes of it."""
        with at(self.day) as now:
            settle_before_lapse(self.policy_id, on=self.day, now=now)

    @rule(is_paid=st.booleans(), pays=st.booleans())
    def reinstate(self, is_paid: bool, pays: bool) -> None:
        owed = billing.arrears_on(self.session, self.policy_id, self.day)
        if pays and owed > 0:
            self.attempt(
                receive_payment,
                self.policy_id,
                amount=owed,
                reference=self._reference(False, 0),
                paid_on=self.day,
            )
        self.attempt(
            reinstate_policy,
            self.policy_id,
            arrears_paid=is_paid or pays,
            medical_clearance=True,
            reason="Asked",
        )

    @rule()
    def recommence(self) -> None:
        done = self.attempt(
            reinstate_policy,
            self.policy_id,
            arrears_paid=False,
            medical_clearance=True,
            recommence=True,
            reason="Asked",
        )
        self.has_gap |= done is not None

    @precondition(lambda self: self.steps > 8)
    @rule(kind=st.sampled_from(CancellationType), days=st.integers(-40, 30))
    def cancel(self, kind: CancellationType, days: int) -> None:
        if kind in UNPAID_TYPES:
            self._settle_before_lapse()
        wanted = Cancellation(
            kind=kind,
            reason="Asked",
            effective_date=self.day + timedelta(days=days),
            notice_sent_on=self.day - timedelta(days=40),
            notice_evidence="RC 9",
        )
        with at(self.day) as now:
            try:
                preview = preview_cancellation(
                    self.session, self.policy_id, wanted, on=self.day, now=now
                )
            except DomainError:
                preview = None
        payable = refunds_payable(self.session, self.policy_id)
        outcome = self.attempt(cancel_policy, self.policy_id, wanted)
        assert (outcome is None) == (preview is None)
        if outcome is None or preview is None:
            return
        self._asked(outcome)
        if self.policy.status is PolicyStatus.CANCELLED:
            assert outcome.refund == preview.refund
            assert refunds_payable(self.session, self.policy_id) - payable == preview.refund
            left = sum((one.outstanding for one in self.lines), ZERO)
            assert left == preview.arrears
            assert preview.refund == 0 or preview.arrears == 0
            if kind not in UNPAID_TYPES:
                self._check_earned()

    def _check_earned(self) -> None:
        """Hold what stays charged to the days of cover, each at the premium of the day."""
        session, policy = self.session, self.policy
        received = billing.read_received(session, policy.id, since=policy.issued_at)
        is_given_up = sum(received.given_up.values(), ZERO)
        if self.has_gap or is_given_up:
            return
        basis = load_basis(session, policy)
        steps = steps_of(
            fold(basis.contract, basis.starts_on, basis.changes, basis.pricer), basis.pricer
        )
        assert policy.ended_on is not None
        earned = sum(
            (
                _by_the_day(line, steps, policy.ended_on)
                for line in self.lines
                if line.kind is LineKind.PREMIUM
            ),
            D(0),
        )
        charged = -_balance(session, "PREMIUM_INCOME")
        most = D("0.005") * (len(self.lines) + 1) * (len(steps) + 2)
        assert abs(charged - earned) <= most, (charged, earned)

    @rule()
    def was_not_taken_up(self) -> None:
        self.attempt(mark_not_taken_up, self.policy_id, reason="Never paid")

    # What holds after every step

    @invariant()
    def history_gives_the_present(self) -> None:
        self.session.rollback()
        assert find_differences()[1] == []

    @invariant()
    def no_money_is_lost_or_made(self) -> None:
        assert _overdrawn(self.session) == []
        receipts = billing.list_receipts(self.session, self.policy_id, limit=10_000)
        came = sum(
            (
                one.amount
                for one in receipts
                if one.kind is ReceiptKind.PAYMENT and one.status is ReceiptStatus.POSTED
            ),
            ZERO,
        )
        went = -_balance(self.session, "BANK") + came
        owed_to_holder = refunds_payable(self.session, self.policy_id)
        assert owed_to_holder >= 0
        if not self.reversals:
            assert went + owed_to_holder <= came

    @invariant()
    def periods_follow_one_another(self) -> None:
        if self.has_gap:
            return
        if self.policy.status in (PolicyStatus.ACTIVE, PolicyStatus.SUSPENDED):
            lines = sorted(
                (one.due_date, one.period_end) for one in self.lines if one.kind is LineKind.PREMIUM
            )
            assert lines[0][0] == self.policy.effective_date
            for (_due, ends), (follows, _end) in zip(lines, lines[1:], strict=False):
                assert ends == follows

    @invariant()
    def every_day_of_cover_is_charged_once(self) -> None:
        if self.has_gap:
            return
        policy = self.policy
        if policy.status is not PolicyStatus.ACTIVE:
            return
        session = self.session
        basis = load_basis(session, policy)
        stages = fold(basis.contract, basis.starts_on, basis.changes, basis.pricer)
        steps = steps_of(stages, basis.pricer)
        plan = plan_money(session, policy, stages, basis=basis, on=self.day)
        assert plan.adjustment == 0, "a change would cost something that it does not"
        expected, charged = D(0), ZERO
        for line in self.lines:
            charged += line.amount
            if line.kind is LineKind.PREMIUM:
                expected += _by_the_day(line, steps)
        for receipt in billing.list_receipts(session, policy.id, limit=10_000):
            if receipt.reference.startswith("ADJ-") and receipt.status is ReceiptStatus.POSTED:
                charged -= receipt.amount
        most = D("0.005") * (len(self.lines) + 1) * (len(steps) + 1)
        assert abs(charged - expected) <= most, (charged, expected)

    @invariant()
    def the_present_is_what_the_history_says_of_today(self) -> None:
        policy = self.policy
        found = policy_as_at(
            self.session,
            policy.id,
            effective=max(self.day, policy.effective_date),
            known=morning(self.day),
        )
        # What was issued ahead takes effect when the schedules are kept.
        waits = [
            one
            for one in queries.list_endorsements(self.session, policy.id, EndorsementStatus.ISSUED)
            if one.applied_at is None and one.effective_date <= self.day
        ]
        if not waits:
            state = found.policy_snapshot["policy"]
            assert D(state["premium"]) == policy.premium
            assert D(state["coverage_amount"]) == policy.coverage_amount
            assert found.version_number == policy.current_version

    @invariant()
    def cover_is_a_stack_of_layers(self) -> None:
        for view in queries.list_benefits(self.session, self.policy_id):
            assert [one.number for one in view.layers] == sorted(
                {one.number for one in view.layers}
            )
            for layer in view.layers:
                assert layer.amount >= 0
                assert layer.waiting_until == layer.starts_on + timedelta(days=layer.waiting_days)
        main = queries.list_benefits(self.session, self.policy_id)[0].benefit
        assert self.policy.coverage_amount == main.sum_assured


BANK = {
    "holder": "P Dlamini",
    "bank": "First Bank",
    "branch_code": "250655",
    "account_type": "CURRENT",
    "account_number": "62001234567",
}


def _person(role: str, place: int) -> dict[str, Any]:
    return {
        "member_role": role,
        "first_name": f"Life {place % 5}",
        "last_name": "Dlamini",
        "date_of_birth": date(1985 if role == "SPOUSE" else 2015, 5, 15),
        "gender": "MALE",
    }


def _by_the_day(line: PremiumLine, steps: Any, stop: date = date.max) -> Decimal:
    """Return what a period costs up to a day, day by day at the premium of the day."""
    whole = line.whole_days or (line.period_end - line.due_date).days
    cost = D(0)
    for offset in range((line.period_end - line.due_date).days):
        on = line.due_date + timedelta(days=offset)
        if on >= stop:
            break
        cost += next(step.instalment for step in reversed(steps) if step.on <= on) / whole
    return cost


def _fingerprint(session: Session) -> list[Any]:
    """Return a digest of everything that belongs to the insurer."""
    parts = " UNION ALL ".join(
        f"SELECT '{name}' AS name, md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), ''))"
        f" FROM ins.{name} t"
        for name in TABLES
    )
    return list(session.execute(text(f"{parts} ORDER BY name")))


def _overdrawn(session: Session) -> list[Any]:
    """Return receipts and premiums that more was allocated to, or taken from, than they have."""
    return list(
        session.execute(
            text(
                """
                SELECT 'receipt', r.reference, r.amount, sum(a.amount) FROM ins.receipts r
                JOIN ins.allocations a ON a.receipt_id = r.id
                GROUP BY r.id, r.reference, r.amount, r.status
                HAVING sum(a.amount) NOT BETWEEN 0 AND r.amount
                    OR (r.status = 'REVERSED' AND sum(a.amount) <> 0)
                UNION ALL
                SELECT 'premium', l.due_date::text, l.amount, sum(a.amount)
                FROM ins.premium_lines l JOIN ins.allocations a ON a.premium_line_id = l.id
                GROUP BY l.id, l.due_date, l.amount HAVING sum(a.amount) NOT BETWEEN 0 AND l.amount
                UNION ALL
                SELECT 'pair', r.reference, r.amount, sum(a.amount) FROM ins.receipts r
                JOIN ins.allocations a ON a.receipt_id = r.id
                GROUP BY r.id, r.reference, r.amount, a.premium_line_id HAVING sum(a.amount) < 0
                """
            )
        )
    )


def _balance(session: Session, account: str) -> Decimal:
    return Decimal(
        session.execute(
            text(
                "SELECT coalesce(sum(CASE WHEN debit_account = :code THEN amount ELSE -amount END),"
                " 0) FROM ins.ledger_transfers WHERE :code IN (debit_account, credit_account)"
            ),
            {"code": account},
        ).scalar_one()
    )


@by_chance
def test_whatever_happens_to_a_policy_history_gives_the_present_and_money_adds_up(
    app: Flask,
) -> None:
    History.app = app
    # Each step asks the whole database, so a failure is shown as it was found, not made smaller.
    run_state_machine_as_test(
        History,
        settings=settings(
            max_examples=int(os.environ.get("HISTORIES", "6")),
            stateful_step_count=int(os.environ.get("STEPS", "14")),
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
            report_multiple_bugs=False,
            database=None,
        ),
    )
