"""What becomes of a row: decided from what the books say at its turn, before anything is posted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from insurance.billing.rules import OpenLine, Share, allocate, may_settle
from insurance.core.money import ZERO, format_money
from insurance.debit_orders.rules import ItemStatus, Post, Result, judge, meaning
from insurance.reconciliation.rules.rows import Outcome, Row


class Verdict(StrEnum):
    """What becomes of a row."""

    MATCHED = "MATCHED"
    PARTIAL = "PARTIAL"
    OVERPAID = "OVERPAID"
    DUPLICATE = "DUPLICATE"
    SUSPENSE = "SUSPENSE"
    REVERSAL = "REVERSAL"
    IGNORED = "IGNORED"
    ERROR = "ERROR"


PAYING = frozenset({Verdict.MATCHED, Verdict.PARTIAL, Verdict.OVERPAID})
_TAKES_MONEY = frozenset({"active", "suspended"})


@dataclass(frozen=True, slots=True)
class KnownPolicy:
    """A policy of the organization."""

    id: UUID
    number: str
    status: str
    has_vat: bool = False


@dataclass(frozen=True, slots=True)
class KnownReceipt:
    """A payment that came before. `settled` says what it settled of each line.

    `status` is POSTED, SUSPENSE or REVERSED; `is_money` is false where the insurer gave the credit.
    """

    policy_id: UUID | None
    amount: Decimal
    status: str = "POSTED"
    is_money: bool = True
    is_refunded: bool = False
    settled: tuple[OpenLine, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownDebit:
    """A debit that a bank was asked for, by its reference."""

    policy_id: UUID
    line_id: UUID
    status: ItemStatus


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict, and for money received what it settles and leaves as credit.

    `is_reversing`: a receipt is taken back; a debit that nobody had posted is not.
    """

    verdict: Verdict
    detail: str
    shares: tuple[Share, ...] = ()
    credit: Decimal = ZERO
    line_id: UUID | None = None
    is_reversing: bool = False


def decide(
    row: Row,
    policy: KnownPolicy | None,
    lines: Sequence[OpenLine],
    receipt: KnownReceipt | None,
    debit: KnownDebit | None = None,
    *,
    on: date,
    tolerance: Decimal = ZERO,
) -> Decision:
    """Decide about a row. `lines` are what its policy owes, in the order it fell due.

    A policy of somebody else is unknown here, so both are answered alike.
    """
    if row.outcome is not Outcome.PAID:
        return _take_back(row, policy, receipt, debit)
    if receipt is not None:
        return Decision(Verdict.DUPLICATE, _said_before(row, policy, receipt))
    if policy is None:
        named = row.policy_number
        words = "There is no policy with this number." if named else "It names no policy."
        return Decision(Verdict.SUSPENSE, words)
    if debit is not None:
        if debit.policy_id != policy.id:
            return Decision(Verdict.SUSPENSE, "This reference is a debit of another policy.")
        judged = judge(debit.status, Result.PAID)
        if judged.post is Post.NOTHING:
            return Decision(Verdict.DUPLICATE, "This debit was answered as paid before.")
        if judged.post is Post.SUSPENSE:
            return Decision(Verdict.SUSPENSE, "No bank was asked for this debit, or it came back.")
    if policy.status not in _TAKES_MONEY:
        return Decision(
            Verdict.SUSPENSE,
            f"The policy is {policy.status}; decide whether it is reinstated or the money returned.",
        )
    return _settle(row, lines, debit.line_id if debit else None, on, tolerance)


def _said_before(row: Row, policy: KnownPolicy | None, receipt: KnownReceipt) -> str:
    words = "This reference was posted before"
    if receipt.amount != row.amount:
        return f"{words}, for {format_money(receipt.amount)}: check whether this is other money."
    if receipt.policy_id is not None and (policy is None or policy.id != receipt.policy_id):
        return f"{words}, for another policy: check whether this is other money."
    return f"{words}; nothing is posted again."


def _settle(
    row: Row, lines: Sequence[OpenLine], line_id: UUID | None, on: date, tolerance: Decimal
) -> Decision:
    reachable = [one for one in lines if one.id == line_id or may_settle(one.due_date, on)]
    shares, credit = allocate(row.amount, reachable, first=line_id)
    if not shares:
        words = f"Nothing is owed; {format_money(credit)} becomes credit."
        return Decision(Verdict.OVERPAID, words, (), credit, line_id)
    first = next(one for one in reachable if one.id == shares[0].line_id)
    due = f"the premium due {first.due_date:%Y/%m/%d}"
    short = first.outstanding - row.amount
    if short == ZERO:
        verdict, words = Verdict.MATCHED, f"Settles {due}."
    elif ZERO < short <= tolerance:
        verdict, words = Verdict.MATCHED, f"Settles {due}; {format_money(short)} is written off."
    elif short > ZERO:
        verdict, words = Verdict.PARTIAL, f"{format_money(short)} of {due} stays open."
    else:
        premiums = "1 premium" if len(shares) == 1 else f"{len(shares)} premiums"
        verdict = Verdict.OVERPAID
        words = f"Settles {premiums}, the oldest first; {format_money(credit)} becomes credit."
    return Decision(verdict, words, tuple(shares), credit, line_id)


def _take_back(
    row: Row,
    policy: KnownPolicy | None,
    receipt: KnownReceipt | None,
    debit: KnownDebit | None,
) -> Decision:
    why = _why(row)
    if receipt is None:
        return _unpaid_debit(policy, debit, why)
    problem = _why_not_back(row, policy, receipt)
    if problem is not None:
        return Decision(Verdict.ERROR, problem)
    if receipt.status == "REVERSED":
        return Decision(Verdict.DUPLICATE, "This payment was taken back before.")
    words = f"{format_money(receipt.amount)} is taken back: {why}."
    return Decision(Verdict.REVERSAL, words, is_reversing=True)


def _unpaid_debit(policy: KnownPolicy | None, debit: KnownDebit | None, why: str) -> Decision:
    if debit is None or policy is None or debit.policy_id != policy.id:
        return Decision(
            Verdict.ERROR, "reference: No payment with this reference was received for the policy."
        )
    if (
        judge(debit.status, Result.UNPAID).status is not None
        and debit.status is not ItemStatus.PAID
    ):
        return Decision(Verdict.REVERSAL, f"The debit came back: {why}. No money had been posted.")
    if debit.status is ItemStatus.UNPAID:
        return Decision(Verdict.DUPLICATE, "This debit was answered as unpaid before.")
    return Decision(Verdict.ERROR, "reference: No bank was asked for this debit.")


def _why_not_back(row: Row, policy: KnownPolicy | None, receipt: KnownReceipt) -> str | None:
    if receipt.policy_id is not None and (policy is None or policy.id != receipt.policy_id):
        return "reference: No payment with this reference was received for the policy."
    if not receipt.is_money:
        return "reference: This is a credit of the insurer, not a payment."
    if receipt.amount != row.amount:
        return f"amount: The payment was of {format_money(receipt.amount)}."
    if receipt.is_refunded and receipt.status == "POSTED":
        return "reference: A part of this payment was refunded; it cannot be taken back."
    return None


def _why(row: Row) -> str:
    words = "disputed" if row.outcome is Outcome.DISPUTED else "unpaid"
    return f"{words}, {row.reason_code} {meaning(row.reason_code)}" if row.reason_code else words


def answers_debit(decision: Decision, policy: KnownPolicy | None, debit: KnownDebit | None) -> bool:
    """Tell whether a row is what a bank answers about a debit."""
    if debit is None or policy is None or debit.policy_id != policy.id:
        return False
    return decision.verdict not in (Verdict.DUPLICATE, Verdict.ERROR)


@dataclass(slots=True)
class Standing:
    """What the books say while a file is gone through row by row.

    `policies` by number, `lines` by policy, `receipts` and `debits` by reference; `used` says what
    the file's own rows have settled of each line.
    """

    policies: dict[str, KnownPolicy] = field(default_factory=dict)
    lines: dict[UUID, list[OpenLine]] = field(default_factory=dict)
    receipts: dict[str, KnownReceipt] = field(default_factory=dict)
    debits: dict[str, KnownDebit] = field(default_factory=dict)
    used: dict[UUID, Decimal] = field(default_factory=dict)

    def reopen(self, lines: Iterable[tuple[UUID, OpenLine]], policy_ids: Iterable[UUID]) -> None:
        """Take in all that some policies owed before the file, less what its rows have settled."""
        self.lines.update({policy_id: [] for policy_id in policy_ids})
        for policy_id, line in lines:
            left = line.outstanding - self.used.get(line.id, ZERO)
            if left > ZERO:
                self.lines[policy_id].append(OpenLine(line.id, line.due_date, left))

    def take(
        self, row: Row, *, on: date, tolerance: Decimal = ZERO, only: KnownPolicy | None = None
    ) -> Decision:
        """Decide about a row and let the books say what they will after it.

        `only` is the policy that the file is for: rows for any other are refused.
        """
        policy = self.policies.get(row.policy_number)
        if only is not None and row.policy_number != only.number:
            return Decision(
                Verdict.ERROR, f"policy_number: This file is for policy {only.number} alone."
            )
        lines = self.lines.get(policy.id, []) if policy else []
        receipt, debit = self.receipts.get(row.reference), self.debits.get(row.reference)
        decision = decide(row, policy, lines, receipt, debit, on=on, tolerance=tolerance)
        self._note(row, decision, policy, tolerance)
        return decision

    def _note(
        self, row: Row, decision: Decision, policy: KnownPolicy | None, tolerance: Decimal
    ) -> None:
        if decision.verdict in PAYING and policy is not None:
            self._pay(row, decision, policy, tolerance)
        elif decision.verdict is Verdict.SUSPENSE:
            self.receipts[row.reference] = KnownReceipt(None, row.amount, "SUSPENSE")
        elif decision.is_reversing:
            self._reverse(row)
        debit = self.debits.get(row.reference)
        if answers_debit(decision, policy, debit) and debit is not None:
            judged = judge(debit.status, Result(row.outcome.value))
            status = judged.status or debit.status
            self.debits[row.reference] = replace(debit, status=status)

    def _pay(self, row: Row, decision: Decision, policy: KnownPolicy, tolerance: Decimal) -> None:
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
        self.receipts[row.reference] = KnownReceipt(policy.id, row.amount, settled=tuple(taken))

    def _reverse(self, row: Row) -> None:
        receipt = self.receipts[row.reference]
        self.receipts[row.reference] = replace(receipt, status="REVERSED")
        if receipt.policy_id is None:
            return
        lines = {line.id: line for line in self.lines.get(receipt.policy_id, [])}
        for line in receipt.settled:
            before = lines[line.id].outstanding if line.id in lines else ZERO
            self.used[line.id] = self.used.get(line.id, ZERO) - line.outstanding
            lines[line.id] = OpenLine(line.id, line.due_date, before + line.outstanding)
        self.lines[receipt.policy_id] = sorted(lines.values(), key=lambda line: line.due_date)
