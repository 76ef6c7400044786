"""Money that waits for a policy."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalRequest, ApprovalStatus
from insurance.billing.models import Receipt, ReceiptStatus
from insurance.core.errors import NotFoundError
from insurance.core.paging import Page, page_of
from insurance.core.tenancy import current_org
from insurance.policies.queries import search_policy_ids
from insurance.reconciliation.rules import (
    near_numbers,
    policy_number_of,
    search_words,
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
      AND (CAST(:amount AS numeric) IS NULL OR r.amount = :amount)
      AND (CAST(:received_on AS date) IS NULL OR r.received_on = :received_on)
      AND (CAST(:reference AS text) IS NULL OR strpos(lower(r.reference), lower(:reference)) > 0)
    ORDER BY r.id LIMIT :limit
    """
)
_EVERY = dict.fromkeys(("after", "one", "amount", "received_on", "reference"))
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


def list_suspense(
    session: Session,
    *,
    limit: int,
    after: UUID | None = None,
    reference: str | None = None,
    received_on: date | None = None,
    amount: Decimal | None = None,
) -> Page[SuspenseLine]:
    """Return receipts that wait for a policy, oldest first; `reference` is any part of it."""
    values = _EVERY | {
        "org": current_org(),
        "after": after,
        "reference": reference,
        "received_on": received_on,
        "amount": amount,
        "limit": limit + 1,
    }
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
    values = _EVERY | {"org": current_org(), "one": receipt_id, "limit": 1}
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
