"""What becomes of a row: decided from what the books say at its turn, before anything is posted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from insurance.billing.rules import OpenLine, Share, allocate, may_settle, plain_reference
from insurance.core.money import ZERO, format_money
from insurance.debit_orders.rules import ItemStatus, Post, Result, judge, meaning
from insurance.reconciliation.rules.movements import KnownReceipt, recognise
from insurance.reconciliation.rules.numbers import policy_number_of
from insurance.reconciliation.rules.rows import Movement, Row, RowOutcome


class RowVerdict(StrEnum):
    """What becomes of a row."""

    MATCHED = "MATCHED"
    PARTIAL = "PARTIAL"
    OVERPAID = "OVERPAID"
    DUPLICATE = "DUPLICATE"
    SUSPENSE = "SUSPENSE"
    REVERSAL = "REVERSAL"
    IGNORED = "IGNORED"
    ERROR = "ERROR"


PAYING = frozenset({RowVerdict.MATCHED, RowVerdict.PARTIAL, RowVerdict.OVERPAID})
RECEIVING = PAYING | {RowVerdict.SUSPENSE}
_TAKES_MONEY = frozenset({"active", "suspended"})


@dataclass(frozen=True, slots=True)
class KnownPolicy:
    """A policy of the organization."""

    id: UUID
    number: str
    status: str
    has_vat: bool = False


@dataclass(frozen=True, slots=True)
class KnownDebit:
    """A debit that a bank was asked for. `reference` is as it was sent; `amount` is in rand."""

    policy_id: UUID
    line_id: UUID
    status: ItemStatus
    reference: str = ""
    amount: Decimal = ZERO
    action_date: date = date.min


@dataclass(frozen=True, slots=True)
class RowDecision:
    """A verdict, and for money received what it settles and leaves as credit.

    `receipt` is the one that is repeated by a duplicate or taken back by a reversal; a debit that
    came back before its money was posted takes none back. `debit` is the one that is answered.
    """

    verdict: RowVerdict
    detail: str
    shares: tuple[Share, ...] = ()
    credit: Decimal = ZERO
    line_id: UUID | None = None
    receipt: KnownReceipt | None = None
    debit: KnownDebit | None = None

    @property
    def is_reversing(self) -> bool:
        """Tell whether a receipt is taken back."""
        return self.verdict is RowVerdict.REVERSAL and self.receipt is not None


@dataclass(frozen=True, slots=True)
class Known:
    """What the books say of a row: `agreeing` payments are alike in all, `numbered` ones have the
    bank's number of the row, `referenced` ones its reference. `debit` has the row's reference;
    `in_flight` waits for exactly this money of this policy on this day. `source` names how the
    row's file is written.
    """

    policy: KnownPolicy | None = None
    lines: Sequence[OpenLine] = ()
    agreeing: Sequence[KnownReceipt] = ()
    numbered: Sequence[KnownReceipt] = ()
    referenced: Sequence[KnownReceipt] = ()
    debit: KnownDebit | None = None
    in_flight: KnownDebit | None = None
    source: str | None = None


def decide(
    row: Row,
    known: Known,
    *,
    on: date,
    tolerance: Decimal = ZERO,
    limit: Decimal | None = None,
    is_other_money: bool = False,
) -> RowDecision:
    """Decide about a row. `known.lines` are what its policy owes, in the order it fell due.

    A policy of somebody else is unknown here, so both are answered alike. More than `limit` rand
    waits for a person. `is_other_money`: a person said that it is no payment that came before.
    """
    if row.outcome is not RowOutcome.PAID:
        return _take_back(row, known)
    policy, debit = known.policy, known.debit
    if not is_other_money:
        if debit is not None and policy is not None and debit.policy_id == policy.id:
            return _answer(row, known, debit, on, tolerance)
        seen = recognise(row, known.agreeing, known.numbered, known.source)
        if seen is not None and seen.is_certain:
            return RowDecision(RowVerdict.DUPLICATE, seen.words, receipt=seen.receipt)
        if seen is not None:
            return RowDecision(RowVerdict.SUSPENSE, seen.words)
    if policy is None:
        words = (
            "There is no policy with this number." if row.policy_number else "It names no policy."
        )
        return RowDecision(RowVerdict.SUSPENSE, words)
    if debit is not None and debit.policy_id != policy.id:
        return RowDecision(RowVerdict.SUSPENSE, "This reference is a debit of another policy.")
    if policy.status not in _TAKES_MONEY:
        return RowDecision(RowVerdict.SUSPENSE, _not_in_force(policy))
    if limit is not None and row.amount > limit:
        return RowDecision(
            RowVerdict.SUSPENSE,
            f"More than {format_money(limit)}: a second person gives it to its policy.",
        )
    if known.in_flight is not None and not is_other_money:
        waiting = known.in_flight
        settled = _settle(row, known.lines, waiting.line_id, on, tolerance)
        words = (
            f"{settled.detail} It is taken for the debit {waiting.reference}, which waits for it."
        )
        return replace(settled, detail=words, debit=waiting)
    return _settle(row, known.lines, None, on, tolerance)


def _not_in_force(policy: KnownPolicy) -> str:
    words = "decide whether it is reinstated or the money returned."
    if policy.status == "lapsed":
        words += " A payment of a day within the grace sets the lapse aside."
    return f"The policy is {policy.status}; {words}"


def _answer(row: Row, known: Known, debit: KnownDebit, on: date, tolerance: Decimal) -> RowDecision:
    """Decide about money under the reference of a debit of the row's own policy."""
    assert known.policy is not None
    judged = judge(debit.status, Result.PAID)
    if judged.post is Post.NOTHING:
        receipt = next(iter(known.referenced or known.agreeing), None)
        return RowDecision(
            RowVerdict.DUPLICATE, "This debit was answered as paid before.", receipt=receipt
        )
    seen = recognise(row, known.agreeing, known.numbered, known.source)
    if seen is not None and seen.is_certain:
        return RowDecision(RowVerdict.DUPLICATE, seen.words, receipt=seen.receipt)
    if judged.post is Post.SUSPENSE:
        return RowDecision(
            RowVerdict.SUSPENSE, "No bank was asked for this debit, or it came back."
        )
    if known.policy.status not in _TAKES_MONEY:
        return RowDecision(RowVerdict.SUSPENSE, _not_in_force(known.policy), debit=debit)
    return replace(_settle(row, known.lines, debit.line_id, on, tolerance), debit=debit)


def _settle(
    row: Row, lines: Sequence[OpenLine], line_id: UUID | None, on: date, tolerance: Decimal
) -> RowDecision:
    reachable = [line for line in lines if line.id == line_id or may_settle(line.due_date, on)]
    shares, credit = allocate(row.amount, reachable, first=line_id)
    if not shares:
        words = f"Nothing is owed; {format_money(credit)} becomes credit."
        return RowDecision(RowVerdict.OVERPAID, words, (), credit, line_id)
    first = next(one for one in reachable if one.id == shares[0].line_id)
    due = f"the premium due {first.due_date:%Y/%m/%d}"
    short = first.outstanding - row.amount
    if short == ZERO:
        verdict, words = RowVerdict.MATCHED, f"Settles {due}."
    elif ZERO < short <= tolerance:
        verdict, words = RowVerdict.MATCHED, f"Settles {due}; {format_money(short)} is written off."
    elif short > ZERO:
        verdict, words = RowVerdict.PARTIAL, f"{format_money(short)} of {due} stays open."
    else:
        premiums = "1 premium" if len(shares) == 1 else f"{len(shares)} premiums"
        verdict = RowVerdict.OVERPAID
        words = f"Settles {premiums}, the oldest first; {format_money(credit)} becomes credit."
    return RowDecision(verdict, words, tuple(shares), credit, line_id)


def _take_back(row: Row, known: Known) -> RowDecision:
    why = _why(row)
    debit, policy = known.debit, known.policy
    if debit is not None and (policy is None or debit.policy_id == policy.id):
        return _unpaid_debit(row, known, debit, why)
    receipt = _which(row, known)
    if isinstance(receipt, RowDecision):
        return receipt
    words = f"{format_money(receipt.amount)} is taken back: {why}."
    return RowDecision(RowVerdict.REVERSAL, words, receipt=receipt)


def _unpaid_debit(row: Row, known: Known, debit: KnownDebit, why: str) -> RowDecision:
    if debit.status is ItemStatus.UNPAID:
        return RowDecision(RowVerdict.DUPLICATE, "This debit was answered as unpaid before.")
    if judge(debit.status, Result.UNPAID).status is None:
        return RowDecision(RowVerdict.ERROR, "reference: No bank was asked for this debit.")
    if debit.status is not ItemStatus.PAID:
        words = f"The debit came back: {why}. No money had been posted."
        return RowDecision(RowVerdict.REVERSAL, words, debit=debit)
    mine = [one for one in known.referenced if one.policy_id == debit.policy_id]
    if not mine:
        words = f"The debit came back: {why}. What was taken for it stays as a payment of its own."
        return RowDecision(RowVerdict.REVERSAL, words, debit=debit)
    receipt = _which(row, replace(known, referenced=mine))
    if isinstance(receipt, RowDecision):
        return receipt
    words = f"{format_money(receipt.amount)} is taken back: {why}."
    return RowDecision(RowVerdict.REVERSAL, words, receipt=receipt, debit=debit)


def _which(row: Row, known: Known) -> KnownReceipt | RowDecision:
    """Return the payment that came back, or why none can be said to be it."""
    policy, found = known.policy, list(known.referenced)
    if row.policy_number:
        mine = policy.id if policy else None
        found = [one for one in found if one.policy_id == mine or one.payer_key == row.payer_key]
    if not found:
        words = "No payment with this reference was received for the policy."
        return _refusal("reference", words)
    same = [one for one in found if one.amount == row.amount]
    if not same:
        return _refusal("amount", f"The payment was of {format_money(found[0].amount)}.")
    if len(same) > 1:
        of_day = [one for one in same if one.received_on == row.paid_date]
        same = of_day if len(of_day) == 1 else same
    there = [one for one in same if one.status != "REVERSED"]
    if not there:
        return RowDecision(
            RowVerdict.DUPLICATE, "This payment was taken back before.", receipt=same[0]
        )
    if len(same) > 1:
        return _refusal(
            "paid_date",
            f"{len(same)} payments of this amount have this reference: give the day on which the"
            " one that came back was paid, or reverse it by hand.",
        )
    if there[0].is_refunded:
        return _refusal(
            "reference", "A part of this payment was refunded; it cannot be taken back."
        )
    return there[0]


def _refusal(field: str, words: str) -> RowDecision:
    return RowDecision(RowVerdict.ERROR, f"{field}: {words}")


def _why(row: Row) -> str:
    words = "disputed" if row.outcome is RowOutcome.DISPUTED else "unpaid"
    return f"{words}, {row.reason_code} {meaning(row.reason_code)}" if row.reason_code else words


@dataclass(slots=True)
class BookStanding:
    """What the books say while a file is gone through row by row.

    `policies` by number and, in `by_id`, by id; `lines` by policy; receipts by
    what they agree in, by the bank's number and by reference; debits by reference, and those that
    wait for their money by (policy, amount, day). `used` says what the file's own rows have
    settled of each line. `looked_up` is what has been read from the books.
    """

    policies: dict[str, KnownPolicy] = field(default_factory=dict)
    by_id: dict[UUID, KnownPolicy] = field(default_factory=dict)
    lines: dict[UUID, list[OpenLine]] = field(default_factory=dict)
    agreeing: dict[Movement, list[KnownReceipt]] = field(default_factory=dict)
    numbered: dict[str, list[KnownReceipt]] = field(default_factory=dict)
    referenced: dict[str, list[KnownReceipt]] = field(default_factory=dict)
    debits: dict[str, KnownDebit] = field(default_factory=dict)
    in_flight: dict[tuple[UUID, Decimal, date], list[str]] = field(default_factory=dict)
    used: dict[UUID, Decimal] = field(default_factory=dict)
    looked_up: set[object] = field(default_factory=set)
    limit: Decimal | None = None
    source: str | None = None

    def reopen(self, lines: Iterable[tuple[UUID, OpenLine]], policy_ids: Iterable[UUID]) -> None:
        """Take in all that some policies owed before the file, less what its rows have settled."""
        self.lines.update({policy_id: [] for policy_id in policy_ids})
        for policy_id, line in lines:
            left = line.outstanding - self.used.get(line.id, ZERO)
            if left > ZERO:
                self.lines[policy_id].append(OpenLine(line.id, line.due_date, left))

    def policy_of(self, row: Row) -> KnownPolicy | None:
        """Return the policy that a row names, or whose debit or payment has its reference."""
        if row.policy_number:
            return self.policies.get(policy_number_of(row.policy_number))
        debit = self.debits.get(row.reference_key)
        if debit is not None:
            return self.by_id.get(debit.policy_id)
        if row.outcome is RowOutcome.PAID:
            return None
        owners = {one.policy_id for one in self.referenced.get(row.reference_key, [])}
        owner = owners.pop() if len(owners) == 1 else None
        return self.by_id.get(owner) if owner is not None else None

    def take(
        self,
        row: Row,
        *,
        on: date,
        tolerance: Decimal = ZERO,
        only: KnownPolicy | None = None,
        is_other_money: bool = False,
    ) -> RowDecision:
        """Decide about a row and let the books say what they will after it.

        `only` is the policy that the file is for: rows for any other are refused.
        """
        policy = self.policy_of(row)
        if only is not None and (policy is None or policy.id != only.id):
            return _refusal("policy_number", f"This file is for policy {only.number} alone.")
        known = Known(
            policy=policy,
            lines=self.lines.get(policy.id, []) if policy else [],
            agreeing=self.agreeing.get(row.movement, []),
            numbered=self.numbered.get(row.bank_reference or "", []),
            referenced=self.referenced.get(row.reference_key, []) if row.reference_key else [],
            debit=self.debits.get(row.reference_key) if row.reference_key else None,
            in_flight=self._in_flight(row, policy),
            source=self.source,
        )
        decision = decide(
            row,
            known,
            on=on,
            tolerance=tolerance,
            limit=self.limit,
            is_other_money=is_other_money,
        )
        self._note(row, decision, policy, tolerance)
        return decision

    def _in_flight(self, row: Row, policy: KnownPolicy | None) -> KnownDebit | None:
        if policy is None or row.outcome is not RowOutcome.PAID:
            return None
        keys = self.in_flight.get((policy.id, row.amount, row.paid_date), [])
        waiting = (self.debits[key] for key in keys)
        return next((one for one in waiting if one.status is ItemStatus.SUBMITTED), None)

    def _note(
        self, row: Row, decision: RowDecision, policy: KnownPolicy | None, tolerance: Decimal
    ) -> None:
        if decision.verdict in PAYING and policy is not None:
            self._pay(row, decision, policy, tolerance)
        elif decision.verdict is RowVerdict.SUSPENSE:
            self._receive(row, KnownReceipt(None, row.amount, "SUSPENSE"))
        elif decision.receipt is not None and decision.is_reversing:
            self._reverse(decision.receipt)
        elif decision.receipt is not None and row.bank_reference is not None:
            self._claim(decision.receipt)
        if decision.debit is not None:
            debit = decision.debit
            judged = judge(debit.status, Result(row.outcome.value))
            key = plain_reference(debit.reference) if debit.reference else row.reference_key
            self.debits[key] = replace(debit, status=judged.status or debit.status)

    def _receive(self, row: Row, receipt: KnownReceipt) -> None:
        made = replace(
            receipt,
            line=row.line,
            payer_key=row.payer_key,
            reference_key=row.reference_key,
            received_on=row.paid_date,
            bank_reference=row.bank_reference,
            is_of_this_file=True,
        )
        self.agreeing.setdefault(row.movement, []).append(made)
        if row.bank_reference is not None:
            self.numbered.setdefault(row.bank_reference, []).append(made)
        if row.reference_key:
            self.referenced.setdefault(row.reference_key, []).append(made)

    def _pay(
        self, row: Row, decision: RowDecision, policy: KnownPolicy, tolerance: Decimal
    ) -> None:
        lines = self.lines.get(policy.id, [])
        settled = {share.line_id: share.amount for share in decision.shares}
        left_over: list[OpenLine] = []
        taken: list[OpenLine] = []
        read = 0
        for line in lines:
            if len(taken) == len(settled):
                break
            read += 1
            left = line.outstanding - settled.get(line.id, ZERO)
            if line.id in settled:
                gone = line.outstanding if left <= tolerance else settled[line.id]
                taken.append(OpenLine(line.id, line.due_date, gone))
                self.used[line.id] = self.used.get(line.id, ZERO) + gone
            if line.id not in settled or left > tolerance:
                left_over.append(OpenLine(line.id, line.due_date, left))
        self.lines[policy.id] = left_over + lines[read:]
        self._receive(row, KnownReceipt(policy.id, row.amount, settled=tuple(taken)))

    def _reverse(self, receipt: KnownReceipt) -> None:
        self._replace(receipt, replace(receipt, status="REVERSED"))
        if receipt.policy_id is None:
            return
        lines = {line.id: line for line in self.lines.get(receipt.policy_id, [])}
        for line in receipt.settled:
            before = lines[line.id].outstanding if line.id in lines else ZERO
            self.used[line.id] = self.used.get(line.id, ZERO) - line.outstanding
            lines[line.id] = OpenLine(line.id, line.due_date, before + line.outstanding)
        self.lines[receipt.policy_id] = sorted(lines.values(), key=lambda line: line.due_date)

    def _claim(self, receipt: KnownReceipt) -> None:
        """Note that a row has a receipt by its number, so that no other row is taken for it."""
        known = self.agreeing.get(receipt.movement, [])
        known[:] = [
            replace(one, is_of_this_file=True) if one.id == receipt.id else one for one in known
        ]

    def _replace(self, old: KnownReceipt, new: KnownReceipt) -> None:
        for known in (
            self.agreeing.get(old.movement, []),
            self.numbered.get(old.bank_reference or "", []),
            self.referenced.get(old.reference_key, []),
        ):
            known[:] = [new if one is old else one for one in known]
