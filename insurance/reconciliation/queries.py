"""Reading files, their rows, what the books say of them, and receipts that wait for a policy."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from insurance.billing.models import Receipt, ReceiptStatus
from insurance.billing.queries import list_lines_in_reach, list_open_lines
from insurance.billing.rules import OpenLine
from insurance.core.errors import NotFoundError
from insurance.core.paging import Page, page_of
from insurance.core.records import get_record
from insurance.core.tenancy import current_org
from insurance.debit_orders.rules import ItemStatus
from insurance.policies.queries import search_policy_ids
from insurance.reconciliation.models import (
    ReconciliationFile,
    ReconciliationMapping,
    ReconciliationRow,
)
from insurance.reconciliation.readers import Mapping
from insurance.reconciliation.rules import (
    KnownDebit,
    KnownPolicy,
    KnownReceipt,
    Row,
    Standing,
    Verdict,
    near_numbers,
    search_words,
)

_POLICIES = text(
    """
    SELECT p.id, p.policy_number, p.status, c.category = 'NON_LIFE'
    FROM ins.policies p
    JOIN ins.products r ON r.org_id = p.org_id AND r.id = p.product_id
    JOIN ins.product_classes c ON c.code = r.class_code
    WHERE p.org_id = :org AND p.policy_number = ANY(:numbers)
    """
)
_RECEIPTS = text(
    """
    SELECT reference, policy_id, amount, status, kind FROM ins.receipts
    WHERE org_id = :org AND reference = ANY(:references)
    """
)
# What is written off beside a payment opens again with it.
_SETTLED = text(
    """
    SELECT asked.reference, a.premium_line_id, l.due_date, sum(a.amount)
    FROM unnest(CAST(:references AS text[])) AS asked(reference)
    CROSS JOIN LATERAL (VALUES (asked.reference), (asked.reference || '/WO')) AS own(reference)
    JOIN ins.receipts r ON r.org_id = :org AND r.reference = own.reference AND r.status = 'POSTED'
    JOIN ins.allocations a ON a.org_id = r.org_id AND a.receipt_id = r.id
    LEFT JOIN ins.premium_lines l ON l.org_id = a.org_id AND l.id = a.premium_line_id
    GROUP BY asked.reference, a.premium_line_id, l.due_date HAVING sum(a.amount) <> 0
    """
)
_DEBITS = text(
    """
    SELECT reference, policy_id, premium_line_id, status FROM ins.debit_order_items
    WHERE org_id = :org AND reference = ANY(:references)
    """
)
_SUSPENSE = text(
    """
    SELECT r.id, r.reference, r.amount, r.received_on, r.recorded_at, r.detail,
           w.policy_number, w.file_id, w.line
    FROM ins.receipts r
    LEFT JOIN ins.reconciliation_rows w ON w.org_id = r.org_id AND w.receipt_id = r.id
    WHERE r.org_id = :org AND r.status = 'SUSPENSE'
      AND (CAST(:after AS uuid) IS NULL OR r.id > :after)
      AND (CAST(:one AS uuid) IS NULL OR r.id = :one)
    ORDER BY r.id LIMIT :limit
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


def find_file(
    session: Session, file_hash: str, policy_id: UUID | None
) -> ReconciliationFile | None:
    """Return the file that has this hash in this scope, held."""
    return session.scalars(
        select(ReconciliationFile)
        .where(
            ReconciliationFile.org_id == current_org(),
            ReconciliationFile.file_hash == file_hash,
            ReconciliationFile.policy_id.is_(None)
            if policy_id is None
            else ReconciliationFile.policy_id == policy_id,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


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


def find_policies(session: Session, numbers: Iterable[str]) -> dict[str, KnownPolicy]:
    """Return the organization's policies with these numbers, by number."""
    found = session.execute(_POLICIES, {"org": current_org(), "numbers": list(set(numbers))})
    return {row.policy_number: KnownPolicy(*row) for row in found}


def extend_standing(session: Session, standing: Standing, rows: Sequence[Row], on: date) -> None:
    """Let a standing know what the books say of some rows, where it does not know yet.

    One query each for policies, open premiums, receipts and debits, whatever the number of rows.
    """
    references = [one for one in {row.reference for row in rows} if one not in standing.receipts]
    values: dict[str, Any] = {"org": current_org(), "references": references}
    debits = {
        reference: KnownDebit(policy_id, line_id, ItemStatus(status))
        for reference, policy_id, line_id, status in session.execute(_DEBITS, values).all()
    }
    standing.debits = debits | standing.debits
    receipts = _known_receipts(session, references, rows)
    standing.receipts.update(receipts)
    numbers = {row.policy_number for row in rows}
    again = {standing.policies[number].id for number in numbers & standing.policies.keys()}
    found = find_policies(session, numbers - standing.policies.keys())
    standing.policies.update(found)
    named = [debit.line_id for debit in debits.values()]
    named += [line.id for one in receipts.values() for line in one.settled]
    money = _money_of(found, rows)
    standing.lines.update({policy_id: [] for policy_id in money})
    for policy_id, line in list_lines_in_reach(session, money, on=on, named=named):
        standing.lines[policy_id].append(line)
    standing.reopen(list_open_lines(session, list(again)) if again else [], again)


def _money_of(policies: dict[str, KnownPolicy], rows: Sequence[Row]) -> dict[UUID, Decimal]:
    money = {policy.id: Decimal(0) for policy in policies.values()}
    for row in rows:
        policy = policies.get(row.policy_number)
        if policy is not None and row.outcome == "PAID":
            money[policy.id] += row.amount
    return money


def _known_receipts(
    session: Session, references: Sequence[str], rows: Sequence[Row]
) -> dict[str, KnownReceipt]:
    values = {"org": current_org(), "references": list(references)}
    found = session.execute(_RECEIPTS, values).all()
    taken_back = {row.reference for row in rows if row.outcome != "PAID"}
    wanted = [row.reference for row in found if row.reference in taken_back]
    settled: dict[str, list[Any]] = {}
    if wanted:
        for row in session.execute(_SETTLED, {"org": current_org(), "references": wanted}):
            settled.setdefault(row[0], []).append(row)
    return {
        row.reference: KnownReceipt(
            policy_id=row.policy_id,
            amount=row.amount,
            status=row.status,
            is_money=row.kind == "PAYMENT",
            is_refunded=any(one[1] is None for one in settled.get(row.reference, [])),
            settled=tuple(
                OpenLine(one[1], one[2], one[3])
                for one in settled.get(row.reference, [])
                if one[1] is not None
            ),
        )
        for row in found
    }


def list_due(session: Session, policy_id: UUID, on: date) -> list[OpenLine]:
    """Return what a policy owes that has fallen due, the oldest first."""
    return [line for _id, line in list_open_lines(session, [policy_id]) if line.due_date <= on]


def list_suspense(session: Session, *, limit: int, after: UUID | None = None) -> Page[SuspenseLine]:
    """Return receipts that wait for a policy, oldest first."""
    values = {"org": current_org(), "after": after, "one": None, "limit": limit + 1}
    rows = [SuspenseLine(*row) for row in session.execute(_SUSPENSE, values)]
    return page_of(rows, limit, lambda row: (row.id,))


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
