"""Posting a file: chunk by chunk, each one transaction, so that a second run goes on where a first
one died and nothing is posted twice.

Every row is decided anew under the locks of its policies: the preview may be hours old.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Table, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from insurance.alerts.services import notify
from insurance.audit_logs.services import record
from insurance.billing.queries import list_receipts_by_id, next_occurrence
from insurance.billing.services import Payment, Unmatched, record_unmatched
from insurance.core.alert_kinds import AlertKind
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError
from insurance.core.jobs import enqueue, enqueue_at
from insurance.core.tenancy import current_org
from insurance.debit_orders.rules import Result
from insurance.debit_orders.services import ResultRow, mark_results
from insurance.identity.queries import find_ids
from insurance.ledger.queries import closed_through
from insurance.ledger.rules import booked_on
from insurance.organizations.queries import find_parameter
from insurance.policies.queries import get_policy
from insurance.policies.services.payments import (
    lock_policies,
    record_payments,
    reverse_with_events,
)
from insurance.reconciliation import queries
from insurance.reconciliation.alert_kinds import FAILED, POSTED
from insurance.reconciliation.models import (
    FileStatus,
    ReconciliationFile,
    ReconciliationRow,
    RowState,
)
from insurance.reconciliation.rules import (
    PAYING,
    BookStanding,
    KnownPolicy,
    RawRow,
    Row,
    RowDecision,
    RowVerdict,
    read_row,
)
from insurance.reconciliation.services.suspense import check_reason, take_back_suspense

CHUNK = 5_000
AT_ONCE = 500
"""A file with no more rows is posted while the clerk waits."""
_TRIES = 3
_BROKEN_OFF = timedelta(minutes=1)
_ROWS: Table = ReconciliationRow.__table__  # type: ignore[assignment]
_SET_ROWS = text(
    """
    UPDATE ins.reconciliation_rows AS r
    SET verdict = v.verdict, detail = v.detail, receipt_id = v.receipt_id,
        known_receipt_id = v.known_receipt_id, state = v.state
    FROM (SELECT unnest(CAST(:ids AS uuid[])) AS id, unnest(CAST(:verdicts AS text[])) AS verdict,
                 unnest(CAST(:details AS text[])) AS detail,
                 unnest(CAST(:receipts AS uuid[])) AS receipt_id,
                 unnest(CAST(:known AS uuid[])) AS known_receipt_id,
                 unnest(CAST(:states AS text[])) AS state) AS v
    WHERE r.org_id = :org AND r.id = v.id
    """
)


def post_other_money(
    file_id: UUID, line: int, *, reason: str, on: date, now: datetime
) -> ReconciliationRow:
    """Post a row that was passed over as a duplicate, as a person says that it is other money.

    It is decided like any row, but for what it seems to repeat. Raises DomainError at `reason`
    without one, ConflictError for a row that is no duplicate of money of a posted file.
    """
    reason = check_reason(reason)
    with transaction() as session:
        file = queries.get_free_file(session, file_id)
        row = queries.get_row(session, file_id, line)
        if file.status is not FileStatus.COMMITTED:
            raise ConflictError("Post the file first; its rows are decided anew then.")
        if row.verdict is not RowVerdict.DUPLICATE or not row.is_receipt:
            raise ConflictError(
                "Only money that was taken for a payment before can be other money."
            )
        before = {"verdict": row.verdict, "detail": row.detail}
        stored = session.execute(
            select(_ROWS).where(_ROWS.c.org_id == current_org(), _ROWS.c.id == row.id)
        ).all()
        _Posting(session, file, on, now, is_other_money=True).run(stored)
        session.refresh(row)
        file.totals = queries.count_verdicts(session, file.id)
        record(
            session,
            action="reconciliation.post_other_money",
            resource="reconciliation_files",
            resource_id=file.id,
            before=before,
            after={
                "line": line,
                "verdict": row.verdict,
                "amount": row.amount,
                "receipt_id": row.receipt_id,
            },
            reason=reason,
        )
        return row


def commit_file(file_id: UUID, *, on: date, now: datetime) -> ReconciliationFile:
    """Post a previewed file: a short one at once, a long one as a job.

    A file whose posting broke off goes on; one that was posted is left alone.
    """
    with transaction() as session:
        file = queries.get_free_file(session, file_id)
        if file.status is FileStatus.COMMITTED:
            return file
        if file.status is FileStatus.UPLOADED:
            raise ConflictError("This file has not been read to its end.")
        start_commit(session, file, now=now)
    return post_at_once(file, on=on, now=now)


def start_commit(session: Session, file: ReconciliationFile, *, now: datetime) -> None:
    """Let a file be posted once this transaction has committed, whatever becomes of who asked.

    The job of a short file waits a minute: it is for what breaks off while it is posted at once.
    """
    was = file.status
    file.status, file.error = FileStatus.COMMITTING, None
    file.committed_by = current_actor().email
    record(
        session,
        action="reconciliation.start_commit",
        resource="reconciliation_files",
        resource_id=file.id,
        before={"status": was},
        after={"status": file.status, "rows": file.row_count},
    )
    job = "reconciliation.commit"
    if file.row_count > AT_ONCE:
        enqueue(session, job, file_id=file.id)
    else:
        enqueue_at(session, now + _BROKEN_OFF, job, file_id=file.id)


def post_at_once(file: ReconciliationFile, *, on: date, now: datetime) -> ReconciliationFile:
    """Post a short file whose posting was started; a long one is left to its job."""
    return file if file.row_count > AT_ONCE else post_file(file.id, on=on, now=now)


def post_uploaded(file: ReconciliationFile, *, on: date, now: datetime) -> ReconciliationFile:
    """Go on with a file that was uploaded to be posted, as far as its upload came."""
    if file.status is FileStatus.COMMITTING:
        return post_at_once(file, on=on, now=now)
    return commit_file(file.id, on=on, now=now)


def post_file(file_id: UUID, *, on: date, now: datetime) -> ReconciliationFile:
    """Post what is left of a file. Two that work on one file take turns, chunk by chunk.

    A chunk that meets somebody else's posting is decided again; one that cannot be posted leaves
    the file FAILED with the chunks before it.
    """
    tries = 0
    while True:
        try:
            file, is_more = _post_chunk(file_id, on=on, now=now)
        except (psycopg.IntegrityError, IntegrityError, DomainError) as error:
            tries += 1
            if tries < _TRIES:
                continue
            _fail(file_id, error)
            raise
        tries = 0
        if not is_more:
            return file


def _fail(file_id: UUID, error: Exception) -> None:
    with transaction() as session:
        file = queries.get_file(session, file_id, lock=True)
        file.status = FileStatus.FAILED
        is_refusal = isinstance(error, DomainError)
        file.error = str(error) if is_refusal else "Other postings kept getting in the way."
        record(
            session,
            action="reconciliation.fail",
            resource="reconciliation_files",
            resource_id=file.id,
            after={"error": file.error, "rows_done": file.rows_done},
        )
        _tell(session, file, FAILED, rows=str(file.rows_done), error=file.error)


def _post_chunk(file_id: UUID, *, on: date, now: datetime) -> tuple[ReconciliationFile, bool]:
    with transaction() as session:
        file = queries.get_file(session, file_id, lock=True)
        if file.status is not FileStatus.COMMITTING:
            return file, False
        rows = _next_rows(session, file)
        if rows:
            _Posting(session, file, on, now).run(rows)
            file.rows_done += len(rows)
            file.last_line = rows[-1].line
        is_more = len(rows) == CHUNK
        if not is_more:
            _finish(session, file, now)
        return file, is_more


def _next_rows(session: Session, file: ReconciliationFile) -> Sequence[Any]:
    return session.execute(
        select(_ROWS)
        .where(
            _ROWS.c.org_id == current_org(),
            _ROWS.c.file_id == file.id,
            _ROWS.c.line > file.last_line,
        )
        .order_by(_ROWS.c.line)
        .limit(CHUNK)
    ).all()


def _finish(session: Session, file: ReconciliationFile, now: datetime) -> None:
    session.flush()
    file.status = FileStatus.COMMITTED
    file.committed_at = now
    file.totals = queries.count_verdicts(session, file.id)
    record(
        session,
        action="reconciliation.commit",
        resource="reconciliation_files",
        resource_id=file.id,
        after={"name": file.name, "rows": file.row_count, "totals": file.totals},
    )
    left = file.totals.get(RowVerdict.SUSPENSE.value, {}).get("rows", 0)
    _tell(session, file, POSTED, rows=str(file.row_count), left=str(left))


def _tell(session: Session, file: ReconciliationFile, kind: AlertKind, **values: str) -> None:
    """Tell who had a file posted what became of it, where they did not wait for that."""
    if current_actor().is_system and file.committed_by:
        people = find_ids(session, [file.committed_by])
        notify(session, kind, people, ("reconciliation_files", file.id), name=file.name, **values)


@dataclass(slots=True)
class _Done:
    """What became of a row of the file."""

    row_id: UUID
    decision: RowDecision
    receipt_id: UUID | None = None
    state: RowState = RowState.SKIPPED
    advice: str = ""


@dataclass(slots=True)
class _Wave:
    """Rows that may be posted together: payments, then suspense, then what is taken back.

    A payment for a policy of which something is taken back waits for the next wave.
    """

    payments: list[tuple[_Done, Payment]] = field(default_factory=list)
    unmatched: list[tuple[_Done, Unmatched]] = field(default_factory=list)
    reversals: list[tuple[_Done, Row]] = field(default_factory=list)
    reversed_policies: set[UUID] = field(default_factory=set)


class _Posting:
    """One chunk of a file on its way into the books."""

    def __init__(
        self,
        session: Session,
        file: ReconciliationFile,
        on: date,
        now: datetime,
        *,
        is_other_money: bool = False,
    ) -> None:
        self.session, self.on, self.now, self.file = session, on, now, file
        self.is_other_money = is_other_money
        self.tolerance = file.tolerance
        self.done: list[_Done] = []
        self.by_line: dict[int, _Done] = {}
        self.answers: list[tuple[_Done, ResultRow]] = []
        self.wave = _Wave()
        self.vat_rate: Decimal | None = None
        self.closed = closed_through(session)

    def run(self, stored: Sequence[Any]) -> None:
        """Decide about every row that can be read, post, and note what became of it."""
        session = self.session
        read = [
            (row.id, _read(row, self.on))
            for row in stored
            if row.state == "PENDING" or self.is_other_money
        ]
        sound = [row for _id, row in read if isinstance(row, Row)]
        lock_policies(session, queries.find_owners(session, sound))
        standing = queries.new_standing(session, self.file)
        queries.extend_standing(session, standing, sound, self.on, file_id=self.file.id)
        only = self._only()
        if self.tolerance:
            self.vat_rate = find_parameter(session, "vat_rate_per_cent", self.on)
        for row_id, row in read:
            if isinstance(row, Row):
                self._take(row_id, row, standing, only)
            else:
                words = "; ".join(f"{fault.field}: {fault.message}" for fault in row)
                self.done.append(
                    _Done(row_id, RowDecision(RowVerdict.ERROR, words), state=RowState.ERROR)
                )
        self._post_wave()
        self._answer_debits()
        self._note()

    def _only(self) -> KnownPolicy | None:
        if self.file.policy_id is None:
            return None
        policy = get_policy(self.session, self.file.policy_id)
        return KnownPolicy(policy.id, policy.policy_number, policy.status.value)

    def _take(
        self, row_id: UUID, row: Row, standing: BookStanding, only: KnownPolicy | None
    ) -> None:
        policy = standing.policy_of(row)
        decision = standing.take(
            row,
            on=self.on,
            tolerance=self.tolerance,
            only=only,
            is_other_money=self.is_other_money,
        )
        done = self.by_line[row.line] = _Done(row_id, decision)
        if self.is_other_money:
            done.advice = f" {current_actor().name} said that it is other money."
            row = replace(row, occurrence=self._next_occurrence(row))
        self.done.append(done)
        if decision.verdict in PAYING and policy is not None:
            if policy.id in self.wave.reversed_policies:
                self._post_wave()
            self.wave.payments.append((done, self._payment(row, policy, decision)))
        elif decision.verdict is RowVerdict.SUSPENSE:
            self.wave.unmatched.append((done, self._unmatched(row, decision)))
        elif decision.receipt is not None and decision.is_reversing:
            self.wave.reversals.append((done, row))
            if decision.receipt.policy_id is not None:
                self.wave.reversed_policies.add(decision.receipt.policy_id)
        elif decision.verdict is RowVerdict.REVERSAL:
            done.state = RowState.POSTED
        elif decision.verdict is RowVerdict.ERROR:
            done.state = RowState.ERROR
        if decision.debit is not None:
            reference = decision.debit.reference
            answer = ResultRow(reference, Result(row.outcome.value), row.reason_code)
            self.answers.append((done, answer))

    def _next_occurrence(self, row: Row) -> int:
        return next_occurrence(
            self.session,
            payer=row.policy_number,
            reference=row.reference,
            received_on=row.paid_date,
            amount=row.amount,
            bank_reference=row.bank_reference,
        )

    def _payment(self, row: Row, policy: KnownPolicy, decision: RowDecision) -> Payment:
        return Payment(
            policy_id=policy.id,
            policy_number=policy.number,
            reference=row.reference,
            amount=row.amount,
            on=row.paid_date,
            line_id=decision.line_id,
            vat_rate=self.vat_rate if policy.has_vat else None,
            payer=row.policy_number,
            bank_reference=row.bank_reference,
            occurrence=row.occurrence,
            booked_on=booked_on(row.paid_date, self.closed),
        )

    def _unmatched(self, row: Row, decision: RowDecision) -> Unmatched:
        return Unmatched(
            payer=row.policy_number,
            reference=row.reference,
            amount=row.amount,
            on=row.paid_date,
            detail=decision.detail,
            bank_reference=row.bank_reference,
            occurrence=row.occurrence,
            booked_on=booked_on(row.paid_date, self.closed),
        )

    def _post_wave(self) -> None:
        wave, self.wave = self.wave, _Wave()
        if wave.payments:
            paid = record_payments(
                self.session,
                [payment for _done, payment in wave.payments],
                on=self.on,
                now=self.now,
                tolerance=self.tolerance,
            )
            for (done, _payment), one in zip(wave.payments, paid, strict=True):
                done.receipt_id, done.state = one.receipt_id, RowState.POSTED
        if wave.unmatched:
            waiting = [one for _done, one in wave.unmatched]
            receipts = record_unmatched(self.session, waiting, now=self.now)
            for (done, _one), receipt_id in zip(wave.unmatched, receipts, strict=True):
                done.receipt_id, done.state = receipt_id, RowState.POSTED
        if wave.reversals:
            self._reverse(wave.reversals)

    def _reverse(self, reversals: Sequence[tuple[_Done, Row]]) -> None:
        for done, _row in reversals:
            done.receipt_id, done.state = self._receipt_id(done), RowState.POSTED
        ids = [done.receipt_id for done, _row in reversals if done.receipt_id is not None]
        receipts = list_receipts_by_id(self.session, ids)
        codes: dict[UUID, str] = {}
        for done, row in reversals:
            assert done.receipt_id is not None
            receipt = receipts[done.receipt_id]
            code = row.reason_code or row.outcome.value
            if receipt.policy_id is None:
                take_back_suspense(
                    self.session, receipt, reason_code=code, on=self.on, now=self.now
                )
            else:
                codes[receipt.id] = code
        of_policies = [one for one in receipts.values() if one.id in codes]
        if of_policies:
            reverse_with_events(self.session, codes, of_policies, on=self.on, now=self.now)

    def _receipt_id(self, done: _Done) -> UUID | None:
        """Return the receipt that a row takes back or repeats, once it is in the books."""
        receipt = done.decision.receipt
        if receipt is None or receipt.id is not None or receipt.line is None:
            return receipt.id if receipt else None
        return self.by_line[receipt.line].receipt_id

    def _answer_debits(self) -> None:
        if not self.answers:
            return
        answers = [answer for _done, answer in self.answers]
        outcomes = mark_results(self.session, answers, now=self.now)
        for (done, _answer), outcome in zip(self.answers, outcomes, strict=True):
            if outcome.treatment is not None:
                done.advice = f" {outcome.treatment.advice}"

    def _note(self) -> None:
        duplicates = [one for one in self.done if one.decision.verdict is RowVerdict.DUPLICATE]
        known = {duplicate.row_id: self._receipt_id(duplicate) for duplicate in duplicates}
        self.session.execute(
            _SET_ROWS,
            {
                "org": current_org(),
                "ids": [one.row_id for one in self.done],
                "verdicts": [one.decision.verdict.value for one in self.done],
                "details": [one.decision.detail + one.advice for one in self.done],
                "receipts": [one.receipt_id for one in self.done],
                "known": [known.get(one.row_id) for one in self.done],
                "states": [one.state.value for one in self.done],
            },
        )


def _read(stored: Any, on: date) -> Any:
    raw = RawRow(
        stored.line,
        policy_number=stored.policy_number,
        due_date=stored.due_text,
        paid_date=stored.paid_text,
        amount=stored.amount_text,
        reference=stored.reference,
        status=stored.status_text,
        reason_code=stored.reason_code,
        description=stored.description,
        bank_reference=stored.bank_reference,
    )
    row = read_row(raw, on=on)
    return replace(row, occurrence=stored.occurrence) if isinstance(row, Row) else row
