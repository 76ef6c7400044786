"""What the books know that a file's rows may be about."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.billing.queries import list_lines_in_reach, list_open_lines
from insurance.billing.rules import OpenLine
from insurance.core.tenancy import current_org
from insurance.debit_orders.rules import ItemStatus
from insurance.organizations.queries import get_organization
from insurance.reconciliation.models import (
    ReconciliationFile,
)
from insurance.reconciliation.rules import (
    BookStanding,
    FileFormat,
    KnownDebit,
    KnownPolicy,
    KnownReceipt,
    Row,
    RowOutcome,
    policy_number_of,
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


def find_policies(
    session: Session, numbers: Iterable[str], ids: Iterable[UUID] = ()
) -> dict[str, KnownPolicy]:
    """Return the organization's policies with these numbers or ids, by number."""
    values = {"org": current_org(), "numbers": list(set(numbers)), "ids": list(set(ids))}
    found = session.execute(_POLICIES, values)
    return {row.policy_number: KnownPolicy(*row) for row in found}


def new_standing(session: Session, file: ReconciliationFile) -> BookStanding:
    """Return what the books say before the first row of a file."""
    return BookStanding(
        limit=get_organization(session).payment_limit, source=FileFormat(file.format).value
    )


def find_owners(session: Session, rows: Sequence[Row]) -> set[UUID]:
    """Return the policies that rows are about: named, or known by a debit's or payment's reference."""
    named = {policy_number_of(row.policy_number) for row in rows if row.policy_number}
    found = {policy.id for policy in find_policies(session, named).values()} if named else set()
    nameless = [row for row in rows if not row.policy_number and row.reference_key]
    if nameless:
        values = {
            "org": current_org(),
            "references": list({row.reference_key for row in nameless}),
            "returned": list(
                {row.reference_key for row in nameless if row.outcome is not RowOutcome.PAID}
            ),
        }
        found.update(session.scalars(_OWNERS, values))
    return found


def extend_standing(
    session: Session,
    standing: BookStanding,
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
    session: Session, standing: BookStanding, rows: Sequence[Row], policies: Sequence[UUID]
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


def _add_agreeing(
    session: Session, standing: BookStanding, rows: Sequence[Row], file_id: UUID
) -> None:
    asked = {row.movement for row in rows if row.outcome is RowOutcome.PAID} - standing.looked_up
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


def _add_numbered(
    session: Session, standing: BookStanding, rows: Sequence[Row], file_id: UUID
) -> None:
    asked = {row.bank_reference for row in rows if row.bank_reference} - standing.looked_up
    standing.looked_up |= asked
    if not asked:
        return
    values = {"org": current_org(), "file": file_id, "numbers": list(asked)}
    for row in session.execute(_NUMBERED, values):
        receipt = _known_receipt(row)
        standing.numbered.setdefault(row.bank_reference, []).append(receipt)


def _add_referenced(session: Session, standing: BookStanding, rows: Sequence[Row]) -> list[UUID]:
    """Take in the payments that rows take back or repeat; return the lines those settled."""
    asked = set()
    for row in rows:
        debit = standing.debits.get(row.reference_key)
        is_repeated = debit is not None and debit.status is ItemStatus.PAID
        if row.outcome is not RowOutcome.PAID or is_repeated:
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


def _money_of(
    standing: BookStanding, policies: set[UUID], rows: Sequence[Row]
) -> dict[UUID, Decimal]:
    money = {policy_id: Decimal(0) for policy_id in policies}
    for row in rows:
        policy = standing.policy_of(row)
        if policy is not None and policy.id in money and row.outcome is RowOutcome.PAID:
            money[policy.id] += row.amount
    return money


def list_due(session: Session, policy_id: UUID, on: date) -> list[OpenLine]:
    """Return what a policy owes that has fallen due, the oldest first."""
    return [line for _id, line in list_open_lines(session, [policy_id]) if line.due_date <= on]
