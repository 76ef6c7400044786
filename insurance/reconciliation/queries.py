"""Reading files, their rows, what the books say of them, and receipts that wait for a policy."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalRequest, ApprovalStatus
from insurance.billing.models import Receipt, ReceiptStatus
from insurance.billing.queries import list_lines_in_reach, list_open_lines
from insurance.billing.rules import OpenLine
from insurance.core.errors import ConflictError, NotFoundError
from insurance.core.money import ZERO, total
from insurance.core.paging import Page, page_of
from insurance.core.records import get_record
from insurance.core.tenancy import current_org
from insurance.debit_orders.rules import ItemStatus
from insurance.organizations.queries import get_organization
from insurance.policies.queries import search_policy_ids
from insurance.reconciliation.models import (
    FileStatus,
    ReconciliationFile,
    ReconciliationMapping,
    ReconciliationRow,
)
from insurance.reconciliation.readers import Mapping
from insurance.reconciliation.rules import (
    PAYING,
    FileFormat,
    KnownDebit,
    KnownPolicy,
    KnownReceipt,
    Outcome,
    Row,
    Standing,
    Verdict,
    near_numbers,
    policy_number_of,
    search_words,
)

_POLICIES = text(
    """
    SELECT p.id, p.policy_number, p.status, c.category = 'NON_LIFE'
    FROM ins.policies p
    JOIN ins.products r ON r.org_id = p.org_id AND r.id = p.product_id
    JOIN ins.product_classes c ON c.code = r.class_code
    WHERE p.org_id = :org AND (p.policy_number = ANY(:numbers) OR p.id = ANY(:ids))
    """
)
# Whose rows name no policy: those of debits and of payments with their references.
_OWNERS = text(
    """
    SELECT policy_id FROM ins.debit_order_items
    WHERE org_id = :org AND reference_key = ANY(:references)
    UNION
    SELECT r.policy_id FROM unnest(CAST(:returned AS text[])) AS a(reference)
    CROSS JOIN LATERAL (
        SELECT policy_id FROM ins.receipts
        WHERE org_id = :org AND reference_key = a.reference AND kind = 'PAYMENT'
          AND policy_id IS NOT NULL
        ORDER BY id DESC LIMIT 50
    ) r
    """
)
_RECEIPT = """
    r.id, r.policy_id, r.amount, r.status, r.payer_key, r.reference_key, r.received_on,
    r.bank_reference
"""
# How the file is written that a payment came in, and whether a row of the file at hand has made
# it or has repeated it.
_SOURCE = """
    LEFT JOIN LATERAL (
        SELECT f.format, f.id = :file AS is_here FROM ins.reconciliation_rows w
        JOIN ins.reconciliation_files f ON f.org_id = w.org_id AND f.id = w.file_id
        WHERE w.org_id = :org AND w.receipt_id = r.id AND w.is_receipt ORDER BY w.id LIMIT 1
    ) s ON true
    LEFT JOIN LATERAL (
        SELECT true AS is_here FROM ins.reconciliation_rows w
        WHERE w.org_id = :org AND w.known_receipt_id = r.id AND w.file_id = :file LIMIT 1
    ) k ON true
"""
_FOUND = f"SELECT {_RECEIPT}, s.format, coalesce(s.is_here, false) OR coalesce(k.is_here, false)"
_AGREEING = text(
    f"""
    {_FOUND} AS is_here
    FROM unnest(CAST(:references AS text[]), CAST(:payers AS text[]), CAST(:days AS date[]),
                CAST(:amounts AS numeric[])) AS a(reference, payer, day, amount)
    JOIN ins.receipts r ON r.org_id = :org AND r.reference_key = a.reference
      AND r.payer_key = a.payer AND r.received_on = a.day AND r.amount = a.amount
      AND r.kind = 'PAYMENT'
    {_SOURCE}
    ORDER BY r.id
    """  # noqa: S608 -- constants
)
_NUMBERED = text(
    f"""
    {_FOUND} AS is_here
    FROM ins.receipts r {_SOURCE}
    WHERE r.org_id = :org AND r.bank_reference = ANY(:numbers)
    ORDER BY r.id
    """  # noqa: S608 -- constants
)
# By reference and payer, by reference and policy (money that a person has matched), or by
# reference alone where the row names nobody: each by an index, and never more than a few.
_REFERENCED = text(
    f"""
    SELECT {_RECEIPT}, NULL AS format, false AS is_here
    FROM (
        SELECT DISTINCT o.id
        FROM unnest(CAST(:references AS text[]), CAST(:payers AS text[]),
                    CAST(:policies AS uuid[])) AS a(reference, payer, policy)
        CROSS JOIN LATERAL (
            (SELECT id FROM ins.receipts
             WHERE org_id = :org AND reference_key = a.reference AND payer_key = a.payer
               AND kind = 'PAYMENT' ORDER BY id DESC LIMIT 50)
            UNION
            (SELECT id FROM ins.receipts
             WHERE org_id = :org AND policy_id = a.policy AND reference_key = a.reference
               AND kind = 'PAYMENT' ORDER BY id DESC LIMIT 50)
            UNION
            (SELECT id FROM ins.receipts
             WHERE org_id = :org AND a.payer = '' AND reference_key = a.reference
               AND kind = 'PAYMENT' ORDER BY id DESC LIMIT 50)
        ) o
    ) f
    JOIN ins.receipts r ON r.org_id = :org AND r.id = f.id
    ORDER BY r.id
    """  # noqa: S608 -- constants
)
# What is written off beside a payment opens again with it.
_SETTLED = text(
    """
    SELECT asked.id, a.premium_line_id, l.due_date, sum(a.amount)
    FROM unnest(CAST(:receipts AS uuid[])) AS asked(id)
    CROSS JOIN LATERAL (
        SELECT o.id FROM ins.receipts o
        WHERE o.org_id = :org AND o.id = asked.id AND o.status = 'POSTED'
        UNION ALL
        SELECT o.id FROM ins.receipts o
        WHERE o.org_id = :org AND o.beside_id = asked.id AND o.status = 'POSTED'
    ) own
    JOIN ins.allocations a ON a.org_id = :org AND a.receipt_id = own.id
    LEFT JOIN ins.premium_lines l ON l.org_id = a.org_id AND l.id = a.premium_line_id
    GROUP BY asked.id, a.premium_line_id, l.due_date HAVING sum(a.amount) <> 0
    """
)
_DEBITS = text(
    """
    SELECT reference_key, policy_id, premium_line_id, status, reference, amount, action_date
    FROM ins.debit_order_items
    WHERE org_id = :org AND reference_key = ANY(:references)
    UNION
    SELECT reference_key, policy_id, premium_line_id, status, reference, amount, action_date
    FROM ins.debit_order_items
    WHERE org_id = :org AND policy_id = ANY(:policies) AND status = 'SUBMITTED'
    """
)
_MONEY = text(
    """
    SELECT verdict, coalesce(sum(amount), 0), count(*) FILTER (WHERE amount IS NULL)
    FROM ins.reconciliation_rows
    WHERE org_id = :org AND file_id = :file AND is_receipt
    GROUP BY verdict
    """
)
_BANK_MONEY = text(
    """
    SELECT status, sum(amount) AS amount FROM ins.receipts
    WHERE org_id = :org AND kind = 'PAYMENT' AND reason_code IS DISTINCT FROM 'SAME_PAYMENT'
    GROUP BY status
    """
)
# A row that failed may have come in a later, corrected file: then it is known by what it says.
_NOT_POSTED = text(
    """
    SELECT coalesce(sum(w.amount), 0)
    FROM ins.reconciliation_rows w
    JOIN ins.reconciliation_files f ON f.org_id = w.org_id AND f.id = w.file_id
    WHERE w.org_id = :org AND w.is_receipt AND w.verdict = 'ERROR' AND f.status = 'COMMITTED'
    """
)
_SUSPENSE = text(
    """
    SELECT r.id, r.reference, r.amount, r.received_on, r.recorded_at, r.detail,
           w.policy_number, w.file_id, w.line
    FROM ins.receipts r
    LEFT JOIN ins.reconciliation_rows w
      ON w.org_id = r.org_id AND w.receipt_id = r.id AND w.is_receipt
    WHERE r.org_id = :org AND r.status = 'SUSPENSE'
      AND (CAST(:after AS uuid) IS NULL OR r.id > :after)
      AND (CAST(:one AS uuid) IS NULL OR r.id = :one)
    ORDER BY r.id LIMIT :limit
    """
)
# The payments that came before one in suspense and that it may repeat: by the bank's number, or by
# payer, day, amount and reference. What was dropped as a repetition is none.
_REPEATED = text(
    """
    SELECT s.id, e.id, e.reference, e.amount, e.received_on, e.status, p.policy_number
    FROM ins.receipts s
    CROSS JOIN LATERAL (
        SELECT o.id FROM ins.receipts o
        WHERE o.org_id = :org AND o.reference_key = s.reference_key AND o.payer_key = s.payer_key
          AND o.received_on = s.received_on AND o.amount = s.amount
        UNION
        SELECT o.id FROM ins.receipts o
        WHERE o.org_id = :org AND o.bank_reference = s.bank_reference AND o.amount = s.amount
    ) f
    JOIN ins.receipts e ON e.org_id = :org AND e.id = f.id
    LEFT JOIN ins.policies p ON p.org_id = e.org_id AND p.id = e.policy_id
    WHERE s.org_id = :org AND s.id = ANY(:ids) AND s.status = 'SUSPENSE'
      AND e.kind = 'PAYMENT' AND e.id < s.id AND e.reason_code IS DISTINCT FROM 'SAME_PAYMENT'
    ORDER BY s.id, e.id
    """
)
_LAPSED = text(
    """
    SELECT id, policy_number, ended_on FROM ins.policies
    WHERE org_id = :org AND policy_number = ANY(:numbers) AND status = 'lapsed'
      AND ended_on IS NOT NULL
    """
)
_CANDIDATES = text(
    """
    SELECT p.id, p.policy_number, p.status, c.display_name,
           (SELECT min(l.amount - l.paid_amount) FROM ins.premium_lines l
            WHERE l.org_id = p.org_id AND l.policy_id = p.id
              AND l.status IN ('PENDING', 'OVERDUE') AND l.amount - l.paid_amount = ANY(:amounts)),
           p.premium
    FROM ins.policies p
    JOIN ins.customers c ON c.org_id = p.org_id AND c.id = p.customer_id
    WHERE p.org_id = :org AND (p.policy_number = ANY(:numbers) OR p.id = ANY(:ids))
    """
)


_LAST_LINE = 2**31 - 1


@dataclass(frozen=True, slots=True)
class SuspenseLine:
    """A receipt in suspense, with the policy number that its row gave."""

    id: UUID
    reference: str
    amount: Decimal
    received_on: date
    recorded_at: datetime
    detail: str | None
    policy_number: str | None
    file_id: UUID | None
    line: int | None


@dataclass(frozen=True, slots=True)
class Repeated:
    """A payment that came before, which one in suspense may repeat. `amount` is in rand."""

    id: UUID
    reference: str
    amount: Decimal
    received_on: date
    status: str
    policy_number: str | None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A policy that a receipt may be for, and why."""

    policy_id: UUID
    policy_number: str
    status: str
    holder: str
    why: str


def get_file(session: Session, file_id: UUID, *, lock: bool = False) -> ReconciliationFile:
    """Return a file, held if asked. Raises NotFoundError."""
    return get_record(session, ReconciliationFile, file_id, lock=lock)


def get_free_file(session: Session, file_id: UUID) -> ReconciliationFile:
    """Return a file, held. Raises ConflictError with who and how far while a chunk is posted."""
    seen = get_file(session, file_id)
    free = session.scalars(
        select(ReconciliationFile)
        .where(ReconciliationFile.org_id == current_org(), ReconciliationFile.id == file_id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if free is None:
        raise being_posted(seen)
    return free


def being_posted(file: ReconciliationFile) -> ConflictError:
    """Return the refusal to touch a file that is being posted."""
    return ConflictError(
        f"This file is being posted for {file.committed_by}: {file.rows_done} of {file.row_count}"
        " rows are done.",
        field="file",
        detail={
            "file_id": str(file.id),
            "file_status": file.status.value,
            "committed_by": file.committed_by,
            "rows_done": file.rows_done,
            "row_count": file.row_count,
        },
    )


def find_file(
    session: Session, file_hash: str, policy_id: UUID | None
) -> ReconciliationFile | None:
    """Return the file that has this hash in this scope, held.

    Raises ConflictError with who and how far while it is being posted.
    """
    query = select(ReconciliationFile).where(
        ReconciliationFile.org_id == current_org(),
        ReconciliationFile.file_hash == file_hash,
        ReconciliationFile.policy_id.is_(None)
        if policy_id is None
        else ReconciliationFile.policy_id == policy_id,
    )
    # Looked at before it is held: its posting holds it for as long as a chunk takes.
    for statement in (query, query.with_for_update()):
        file = session.scalars(statement.execution_options(populate_existing=True)).one_or_none()
        if file is not None and file.status is FileStatus.COMMITTING:
            raise being_posted(file)
    return file


def list_files(
    session: Session, *, limit: int, after: UUID | None = None
) -> Page[ReconciliationFile]:
    """Return files, newest first."""
    query = select(ReconciliationFile).where(ReconciliationFile.org_id == current_org())
    if after is not None:
        query = query.where(ReconciliationFile.id < after)
    rows = session.scalars(query.order_by(ReconciliationFile.id.desc()).limit(limit + 1)).all()
    return page_of(rows, limit, lambda one: (one.id,))


def list_mappings(session: Session) -> list[ReconciliationMapping]:
    """Return the organization's mappings by name."""
    return list(
        session.scalars(
            select(ReconciliationMapping)
            .where(ReconciliationMapping.org_id == current_org())
            .order_by(ReconciliationMapping.name)
        )
    )


def get_mapping(session: Session, mapping_id: UUID) -> ReconciliationMapping:
    """Return a mapping. Raises NotFoundError."""
    return get_record(session, ReconciliationMapping, mapping_id)


def list_known_mappings(session: Session) -> list[Mapping]:
    """Return the organization's mappings as the readers take them."""
    return [
        Mapping(
            name=one.name,
            heading=tuple(one.heading),
            columns={one.heading.index(column): field for field, column in one.columns.items()},
            is_month_first=one.is_month_first,
        )
        for one in list_mappings(session)
    ]


def list_rows(
    session: Session,
    file_id: UUID,
    *,
    limit: int,
    after: int = 0,
    verdict: Verdict | None = None,
) -> Page[ReconciliationRow]:
    """Return rows of a file in their order."""
    query = select(ReconciliationRow).where(
        ReconciliationRow.org_id == current_org(),
        ReconciliationRow.file_id == file_id,
        ReconciliationRow.line > after,
    )
    if verdict is not None:
        query = query.where(ReconciliationRow.verdict == verdict)
    rows = session.scalars(query.order_by(ReconciliationRow.line).limit(limit + 1)).all()
    return page_of(rows, limit, lambda row: (row.line,))


def get_row(session: Session, file_id: UUID, line: int) -> ReconciliationRow:
    """Return the row of a file that stood on a line. Raises NotFoundError."""
    if line > _LAST_LINE:
        raise NotFoundError
    found = session.scalars(
        select(ReconciliationRow).where(
            ReconciliationRow.org_id == current_org(),
            ReconciliationRow.file_id == file_id,
            ReconciliationRow.line == line,
        )
    ).one_or_none()
    if found is None:
        raise NotFoundError
    return found


def find_row_of(session: Session, receipt_id: UUID) -> ReconciliationRow | None:
    """Return the row of a file that brought a receipt in; None for one by hand."""
    return session.scalars(
        select(ReconciliationRow)
        .where(
            ReconciliationRow.org_id == current_org(),
            ReconciliationRow.receipt_id == receipt_id,
            ReconciliationRow.is_receipt,
        )
        .order_by(ReconciliationRow.id)
        .limit(1)
    ).one_or_none()


def read_rows(session: Session, file_id: UUID, *, chunk: int = 5_000) -> Iterator[Any]:
    """Yield every row of a file in its order, a chunk at a time."""
    table = ReconciliationRow.__table__
    after = 0
    while True:
        found = session.execute(
            select(table)
            .where(
                table.c.org_id == current_org(), table.c.file_id == file_id, table.c.line > after
            )
            .order_by(table.c.line)
            .limit(chunk)
        ).all()
        yield from found
        if len(found) < chunk:
            return
        after = found[-1].line


def count_verdicts(session: Session, file_id: UUID) -> dict[str, dict[str, Any]]:
    """Add up a file's rows by verdict."""
    found = session.execute(
        select(
            ReconciliationRow.verdict,
            func.count(),
            func.coalesce(func.sum(ReconciliationRow.amount), 0),
        )
        .where(ReconciliationRow.org_id == current_org(), ReconciliationRow.file_id == file_id)
        .group_by(ReconciliationRow.verdict)
        .order_by(ReconciliationRow.verdict)
    )
    return {
        verdict.value: {"rows": rows, "amount": f"{amount:.2f}"} for verdict, rows, amount in found
    }


@dataclass(frozen=True, slots=True)
class FileMoney:
    """What the rows of a file say came in, and where it is, in rand.

    `received` is what the others add up to. `unreadable` rows have no amount that can be read.
    """

    received: Decimal
    posted: Decimal
    suspense: Decimal
    duplicates: Decimal
    not_posted: Decimal
    unreadable: int


def get_file_money(session: Session, file_id: UUID) -> FileMoney:
    """Add up the money that the rows of a file say came in, by where it is (or would be)."""
    amounts: dict[Verdict, Decimal] = {}
    unreadable = 0
    for verdict, amount, without in session.execute(
        _MONEY, {"org": current_org(), "file": file_id}
    ):
        amounts[Verdict(verdict)] = amount
        unreadable += without
    posted = total(amounts.get(verdict, ZERO) for verdict in PAYING)
    return FileMoney(
        received=total(amounts.values()),
        posted=posted,
        suspense=amounts.get(Verdict.SUSPENSE, ZERO),
        duplicates=amounts.get(Verdict.DUPLICATE, ZERO),
        not_posted=amounts.get(Verdict.ERROR, ZERO),
        unreadable=unreadable,
    )


@dataclass(frozen=True, slots=True)
class BankMoney:
    """All money that came in, and where it is, in rand; `not_posted` is what files could not post."""

    received: Decimal
    posted: Decimal
    suspense: Decimal
    gone_back: Decimal
    not_posted: Decimal


def get_bank_money(session: Session) -> BankMoney:
    """Add up the organization's receipts by where they are."""
    values = {"org": current_org()}
    by_status: dict[str, Decimal] = {
        row.status: row.amount for row in session.execute(_BANK_MONEY, values)
    }
    return BankMoney(
        received=total(by_status.values()),
        posted=by_status.get("POSTED", ZERO),
        suspense=by_status.get("SUSPENSE", ZERO),
        gone_back=by_status.get("REVERSED", ZERO),
        not_posted=session.execute(_NOT_POSTED, values).scalar_one(),
    )


def find_policies(
    session: Session, numbers: Iterable[str], ids: Iterable[UUID] = ()
) -> dict[str, KnownPolicy]:
    """Return the organization's policies with these numbers or ids, by number."""
    values = {"org": current_org(), "numbers": list(set(numbers)), "ids": list(set(ids))}
    found = session.execute(_POLICIES, values)
    return {row.policy_number: KnownPolicy(*row) for row in found}


def new_standing(session: Session, file: ReconciliationFile) -> Standing:
    """Return what the books say before the first row of a file."""
    return Standing(
        limit=get_organization(session).payment_limit, source=FileFormat(file.format).value
    )


def find_owners(session: Session, rows: Sequence[Row]) -> set[UUID]:
    """Return the policies that rows are about: named, or known by a debit's or payment's reference."""
    named = {policy_number_of(row.policy_number) for row in rows if row.policy_number}
    found = {one.id for one in find_policies(session, named).values()} if named else set()
    nameless = [row for row in rows if not row.policy_number and row.reference_key]
    if nameless:
        values = {
            "org": current_org(),
            "references": list({row.reference_key for row in nameless}),
            "returned": list(
                {row.reference_key for row in nameless if row.outcome is not Outcome.PAID}
            ),
        }
        found.update(session.scalars(_OWNERS, values))
    return found


def extend_standing(
    session: Session,
    standing: Standing,
    rows: Sequence[Row],
    on: date,
    *,
    file_id: UUID,
) -> None:
    """Let a standing know what the books say of some rows, where it does not know yet.

    One query each for policies, debits, receipts by what they agree in, by number and by
    reference, and open premiums, whatever the number of rows. `file_id` is the rows' own file.
    """
    owners = find_owners(session, [row for row in rows if not row.policy_number])
    numbers = {policy_number_of(row.policy_number) for row in rows if row.policy_number}
    known = {standing.policies[number].id for number in numbers & standing.policies.keys()}
    known |= owners & standing.by_id.keys()
    found = find_policies(
        session, numbers - standing.policies.keys(), owners - standing.by_id.keys()
    )
    standing.policies.update(found)
    standing.by_id.update({one.id: one for one in found.values()})
    named = _add_debits(session, standing, rows, [one.id for one in found.values()])
    _add_agreeing(session, standing, rows, file_id)
    _add_numbered(session, standing, rows, file_id)
    named += _add_referenced(session, standing, rows)
    money = _money_of(standing, {one.id for one in found.values()}, rows)
    standing.lines.update({policy_id: [] for policy_id in money})
    for policy_id, line in list_lines_in_reach(session, money, on=on, named=named):
        standing.lines[policy_id].append(line)
    standing.reopen(list_open_lines(session, list(known)) if known else [], known)


def _add_debits(
    session: Session, standing: Standing, rows: Sequence[Row], policies: Sequence[UUID]
) -> list[UUID]:
    """Take in debits by reference, and those that wait for money; return their premium lines."""
    keys = {row.reference_key for row in rows} - standing.debits.keys() - {""}
    values = {"org": current_org(), "references": list(keys), "policies": list(policies)}
    added = []
    for key, policy_id, line_id, status, reference, amount, day in session.execute(_DEBITS, values):
        if key in standing.debits:
            continue
        debit = KnownDebit(policy_id, line_id, ItemStatus(status), reference, amount, day)
        standing.debits[key] = debit
        added.append(debit)
        if debit.status is ItemStatus.SUBMITTED:
            standing.in_flight.setdefault((policy_id, amount, day), []).append(key)
    return [one.line_id for one in added]


def _add_agreeing(session: Session, standing: Standing, rows: Sequence[Row], file_id: UUID) -> None:
    asked = {row.movement for row in rows if row.outcome is Outcome.PAID} - standing.looked_up
    standing.looked_up |= asked
    if not asked:
        return
    payers, references, days, amounts = zip(*asked, strict=True)
    values = {
        "org": current_org(),
        "file": file_id,
        "payers": list(payers),
        "references": list(references),
        "days": list(days),
        "amounts": list(amounts),
    }
    for row in session.execute(_AGREEING, values):
        receipt = _known_receipt(row)
        standing.agreeing.setdefault(receipt.movement, []).append(receipt)


def _add_numbered(session: Session, standing: Standing, rows: Sequence[Row], file_id: UUID) -> None:
    asked = {row.bank_reference for row in rows if row.bank_reference} - standing.looked_up
    standing.looked_up |= asked
    if not asked:
        return
    values = {"org": current_org(), "file": file_id, "numbers": list(asked)}
    for row in session.execute(_NUMBERED, values):
        receipt = _known_receipt(row)
        standing.numbered.setdefault(row.bank_reference, []).append(receipt)


def _add_referenced(session: Session, standing: Standing, rows: Sequence[Row]) -> list[UUID]:
    """Take in the payments that rows take back or repeat; return the lines those settled."""
    asked = set()
    for row in rows:
        debit = standing.debits.get(row.reference_key)
        is_repeated = debit is not None and debit.status is ItemStatus.PAID
        if row.outcome is not Outcome.PAID or is_repeated:
            policy = standing.policies.get(policy_number_of(row.policy_number))
            owner = policy.id if policy else debit.policy_id if debit else None
            asked.add((row.reference_key, row.payer_key, owner))
    if not asked - standing.looked_up:
        return []
    references, payers, policies = zip(*asked - standing.looked_up, strict=True)
    standing.looked_up |= asked
    values = {
        "org": current_org(),
        "references": list(references),
        "payers": list(payers),
        "policies": list(policies),
    }
    found = session.execute(_REFERENCED, values).all()
    settled: dict[UUID, list[Any]] = {}
    ids = {"org": current_org(), "receipts": [row.id for row in found]}
    for one in session.execute(_SETTLED, ids):
        settled.setdefault(one[0], []).append(one)
    lines = []
    for payment in found:
        known = standing.referenced.setdefault(payment.reference_key, [])
        if payment.id not in {one.id for one in known}:
            receipt = _known_receipt(payment, settled.get(payment.id, []))
            known.append(receipt)
            lines += [line.id for line in receipt.settled]
    return lines


def _known_receipt(row: Any, settled: Sequence[Any] = ()) -> KnownReceipt:
    return KnownReceipt(
        policy_id=row.policy_id,
        amount=row.amount,
        status=row.status,
        is_refunded=any(one[1] is None for one in settled),
        settled=tuple(OpenLine(one[1], one[2], one[3]) for one in settled if one[1] is not None),
        id=row.id,
        payer_key=row.payer_key,
        reference_key=row.reference_key,
        received_on=row.received_on,
        bank_reference=row.bank_reference,
        source=row.format,
        is_of_this_file=row.is_here,
    )


def _money_of(standing: Standing, policies: set[UUID], rows: Sequence[Row]) -> dict[UUID, Decimal]:
    money = {policy_id: Decimal(0) for policy_id in policies}
    for row in rows:
        policy = standing.policy_of(row)
        if policy is not None and policy.id in money and row.outcome is Outcome.PAID:
            money[policy.id] += row.amount
    return money


def list_due(session: Session, policy_id: UUID, on: date) -> list[OpenLine]:
    """Return what a policy owes that has fallen due, the oldest first."""
    return [line for _id, line in list_open_lines(session, [policy_id]) if line.due_date <= on]


def list_suspense(session: Session, *, limit: int, after: UUID | None = None) -> Page[SuspenseLine]:
    """Return receipts that wait for a policy, oldest first."""
    values = {"org": current_org(), "after": after, "one": None, "limit": limit + 1}
    rows = [SuspenseLine(*row) for row in session.execute(_SUSPENSE, values)]
    return page_of(rows, limit, lambda row: (row.id,))


def find_lapses_disproved(session: Session, waiting: Sequence[SuspenseLine]) -> dict[UUID, UUID]:
    """Return, by receipt, the lapsed policy that it names and within whose grace it came."""
    numbers = {one.id: policy_number_of(one.policy_number or "") for one in waiting}
    lapsed = {
        row.policy_number: row
        for row in session.execute(
            _LAPSED, {"org": current_org(), "numbers": sorted(set(numbers.values()))}
        )
    }
    return {
        one.id: lapsed[numbers[one.id]].id
        for one in waiting
        if numbers[one.id] in lapsed and one.received_on < lapsed[numbers[one.id]].ended_on
    }


def find_requests(session: Session, receipt_ids: Sequence[UUID]) -> dict[UUID, ApprovalRequest]:
    """Return, by receipt in suspense, what waits for a second person about it, the newest."""
    ids = {str(one): one for one in receipt_ids}
    named = ApprovalRequest.payload["receipt_id"].as_string()
    waiting = session.scalars(
        select(ApprovalRequest)
        .where(
            ApprovalRequest.org_id == current_org(),
            ApprovalRequest.status == ApprovalStatus.WAITING,
            or_(ApprovalRequest.resource_id.in_(receipt_ids), named.in_(ids)),
        )
        .order_by(ApprovalRequest.id)
    )
    return {ids.get(str(one.payload.get("receipt_id")), one.resource_id): one for one in waiting}


def list_repeated(session: Session, receipt_ids: Sequence[UUID]) -> dict[UUID, list[Repeated]]:
    """Return, by receipt in suspense, the payments before it that it may repeat."""
    found: dict[UUID, list[Repeated]] = {one: [] for one in receipt_ids}
    values = {"org": current_org(), "ids": list(receipt_ids)}
    for receipt_id, *facts in session.execute(_REPEATED, values):
        found[receipt_id].append(Repeated(*facts))
    return found


def get_suspense(session: Session, receipt_id: UUID) -> SuspenseLine:
    """Return a receipt that waits for a policy. Raises NotFoundError."""
    values = {"org": current_org(), "after": None, "one": receipt_id, "limit": 1}
    row = session.execute(_SUSPENSE, values).one_or_none()
    if row is None:
        raise NotFoundError
    return SuspenseLine(*row)


def sum_suspense(session: Session) -> tuple[int, Decimal]:
    """Return how many receipts wait for a policy, and their amount."""
    count, amount = session.execute(
        select(func.count(), func.coalesce(func.sum(Receipt.amount), Decimal("0.00"))).where(
            Receipt.org_id == current_org(), Receipt.status == ReceiptStatus.SUSPENSE
        )
    ).one()
    return count, amount


def suggest_policies(
    session: Session, waiting: Sequence[SuspenseLine], *, most: int = 5
) -> dict[UUID, list[Suggestion]]:
    """Return, by receipt, the policies it may be for: numbers close to the one given, then names.

    Each receipt's best comes first; a premium of exactly its amount speaks for a policy.
    """
    numbers = {one.id: _numbers_of(one) for one in waiting}
    named = {one.id: _ids_by_name(session, one) for one in waiting}
    found = session.execute(
        _CANDIDATES,
        {
            "org": current_org(),
            "numbers": sorted({number for many in numbers.values() for number in many}),
            "ids": sorted({policy_id for many in named.values() for policy_id in many}),
            "amounts": sorted({one.amount for one in waiting}),
        },
    ).all()
    by_number = {row.policy_number: row for row in found}
    by_id = {row.id: row for row in found}
    return {
        one.id: _ranked(
            one,
            [by_number[number] for number in numbers[one.id] if number in by_number],
            [by_id[policy_id] for policy_id in named[one.id] if policy_id in by_id],
        )[:most]
        for one in waiting
    }


def _numbers_of(one: SuspenseLine) -> list[str]:
    given = near_numbers(one.policy_number or "")
    return list(dict.fromkeys([*given, *near_numbers(one.reference)]))


def _ids_by_name(session: Session, one: SuspenseLine) -> list[UUID]:
    words = search_words(one.reference)
    return search_policy_ids(session, words, 10) if words else []


def _ranked(one: SuspenseLine, close: Sequence[Any], named: Sequence[Any]) -> list[Suggestion]:
    ranked: list[tuple[int, Suggestion]] = []
    seen: set[UUID] = set()
    for row, words in [
        *((row, "Number close to the one given") for row in close),
        *((row, "Name in the reference") for row in named),
    ]:
        if row.id in seen:
            continue
        seen.add(row.id)
        fits = one.amount in (row[4], row.premium)
        is_same = row.policy_number == one.policy_number
        why = "The number given" if is_same else words
        rank = 0 if is_same else (1 if fits else 2) if words.startswith("Number") else 3 - fits
        said = f"{why}; premium of this amount" if fits else why
        ranked.append(
            (rank, Suggestion(row.id, row.policy_number, row.status, row.display_name, said))
        )
    return [suggestion for _rank, suggestion in sorted(ranked, key=lambda pair: pair[0])]


NO_MONEY = frozenset({Verdict.IGNORED, Verdict.ERROR})
"""What stays as it is when its file comes again."""
REPEATED = "This file was posted before; nothing is posted again."


def count_again(file: ReconciliationFile) -> dict[str, dict[str, Any]]:
    """Return the totals of a posted file that comes again: what was money is a duplicate now."""
    again = {verdict: one for verdict, one in file.totals.items() if verdict not in NO_MONEY}
    totals = {verdict: one for verdict, one in file.totals.items() if verdict in NO_MONEY}
    if again:
        amount = sum((Decimal(one["amount"]) for one in again.values()), Decimal("0.00"))
        rows = sum(one["rows"] for one in again.values())
        totals[Verdict.DUPLICATE.value] = {"rows": rows, "amount": f"{amount:.2f}"}
    return totals


def money_again(money: FileMoney) -> FileMoney:
    """Return the money of a posted file that comes again: all but its errors is known."""
    return replace(
        money,
        posted=ZERO,
        suspense=ZERO,
        duplicates=money.posted + money.suspense + money.duplicates,
    )
