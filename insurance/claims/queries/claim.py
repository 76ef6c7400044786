"""One claim with all that belongs to it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from insurance.claims.models import (
    Claim,
    ClaimCheck,
    ClaimDocument,
    ClaimEntry,
    ClaimEvent,
    ClaimFlag,
    ClaimItem,
    ClaimPayee,
    ClaimPayment,
    ClaimPaymentLine,
    ClaimStatus,
    CostType,
    EntryKind,
)
from insurance.claims.rules.continuation import removal_reason
from insurance.claims.rules.statuses import QUIET, UNDECIDED
from insurance.core.errors import NotFoundError
from insurance.core.money import ZERO
from insurance.core.nested import attached, records_of
from insurance.core.reading import read_rows
from insurance.core.tenancy import current_org
from insurance.correspondence.models import Note
from insurance.customers.models import Customer
from insurance.policies.models import Policy, PolicyMember
from insurance.products.models import Product


@dataclass(frozen=True, slots=True)
class ClaimLine:
    """A claim as lists show it."""

    claim: Claim
    policy_number: str
    customer_name: str
    product_name: str

    @property
    def id(self) -> UUID:
        """Return the claim's id."""
        return self.claim.id


@dataclass(frozen=True, slots=True)
class ItemMoney:
    """What the entries of an item add up to, in rand."""

    reserve: Decimal = ZERO
    expense_reserve: Decimal = ZERO
    earmarked: Decimal = ZERO
    paid: Decimal = ZERO
    recovered: Decimal = ZERO


@dataclass(frozen=True, kw_only=True)
class ClaimView:
    """A claim with everything about it.

    Items, documents, flags, notes, payments (void ones too) and entries are in the order they
    came, checks and payees in their own, events newest first.
    """

    line: ClaimLine
    items: Sequence[ClaimItem]
    checks: Sequence[ClaimCheck]
    documents: Sequence[ClaimDocument]
    flags: Sequence[ClaimFlag]
    notes: Sequence[Note]
    events: Sequence[ClaimEvent]
    payees: Sequence[ClaimPayee]
    payments: Sequence[ClaimPayment]
    entries: Sequence[ClaimEntry]

    @property
    def claim(self) -> Claim:
        """Return the claim."""
        return self.line.claim

    @cached_property
    def money(self) -> Mapping[UUID, ItemMoney]:
        """Return what the entries of each item add up to."""
        return money_of(self.entries)


def get_claim(session: Session, claim_id: UUID) -> Claim:
    """Return a claim of the organization in scope. Raises NotFoundError."""
    return _get(session, Claim, claim_id)  # type: ignore[no-any-return]


def hold_claim(session: Session, claim_id: UUID) -> tuple[Policy, Claim, Customer]:
    """Return a claim's policy and the claim, both held, and the holder; all are read anew.

    Raises NotFoundError.
    """
    session.flush()
    session.expire_all()
    # Locked in the order they are named: the policy first, so that no two commands cross.
    found = session.execute(
        select(Policy, Claim, Customer)
        .join(Claim, and_(Claim.org_id == Policy.org_id, Claim.policy_id == Policy.id))
        .join(
            Customer,
            and_(Customer.org_id == Policy.org_id, Customer.id == Policy.customer_id),
        )
        .where(Claim.org_id == current_org(), Claim.id == claim_id)
        .with_for_update(of=[Policy, Claim]),
        execution_options={"populate_existing": True},
    ).one_or_none()
    if found is None:
        raise NotFoundError
    return found._tuple()


def last_move_of(session: Session, claim_id: UUID) -> int:
    """Return the number of the last event that moved a claim's money, decision, payees or status.

    What waits for a second person was asked for as at it, so a note or a document voids nothing.
    """
    moves = select(func.max(ClaimEvent.sequence)).where(
        ClaimEvent.org_id == current_org(),
        ClaimEvent.claim_id == claim_id,
        ClaimEvent.event_type.not_in(QUIET),
    )
    return session.scalar(moves) or 0


def get_event(session: Session, event_id: UUID) -> ClaimEvent:
    """Return something that happened to a claim. Raises NotFoundError."""
    return _get(session, ClaimEvent, event_id)  # type: ignore[no-any-return]


def list_later_events(session: Session, event: ClaimEvent) -> Sequence[ClaimEvent]:
    """Return what happened to a claim after an event, in order."""
    return session.scalars(
        select(ClaimEvent)
        .where(
            ClaimEvent.org_id == current_org(),
            ClaimEvent.claim_id == event.claim_id,
            ClaimEvent.sequence > event.sequence,
        )
        .order_by(ClaimEvent.sequence)
    ).all()


def find_last_event(session: Session, claim_id: UUID) -> ClaimEvent | None:
    """Return the newest thing that happened to a claim."""
    return session.scalars(
        select(ClaimEvent)
        .where(ClaimEvent.org_id == current_org(), ClaimEvent.claim_id == claim_id)
        .order_by(ClaimEvent.sequence.desc())
        .limit(1)
    ).first()


def get_claim_line(session: Session, claim_id: UUID) -> ClaimLine:
    """Return a claim with the names that lists show. Raises NotFoundError."""
    row = session.execute(lines().where(Claim.id == claim_id)).one_or_none()
    if row is None:
        raise NotFoundError
    return ClaimLine(*row)


def _rows(table: str, order: str = "t.id", only: str = "") -> str:
    """Return the SQL of a claim's rows of a table as one text; what it is given is constant."""
    return (
        f"(SELECT json_agg(t ORDER BY {order})::text FROM ins.{table} t"  # noqa: S608
        f" WHERE t.org_id = %(org)s AND t.claim_id = %(claim)s{only})"
    )


_ITEMS = _rows("claim_items")
_CHECKS = _rows("claim_checks", "t.position")
_DOCUMENTS = _rows("claim_documents")
_FLAGS = _rows("claim_flags")
_NOTES = """
    (SELECT json_agg(t ORDER BY t.id)::text FROM ins.notes t
     WHERE t.org_id = %(org)s AND t.resource = 'claims' AND t.resource_id = %(claim)s
       AND t.withdrawn_at IS NULL AND NOT t.is_corrected)
"""
_EVENTS = _rows("claim_events", "t.sequence DESC")
_PAYEES = _rows("claim_payees", "t.position, t.id", " AND t.removed_at IS NULL")
_PAYMENTS = _rows("claim_payments")
_ENTRIES = _rows("claim_entries")
_PAID = """
    SELECT l.item_id, p.payee_id, sum(l.amount) AS amount FROM ins.claim_payment_lines l
    JOIN ins.claim_payments p ON p.org_id = l.org_id AND p.id = l.payment_id
    WHERE l.org_id = %(org)s AND p.claim_id = %(claim)s AND p.status = 'PAID'
    GROUP BY l.item_id, p.payee_id
"""
_DEATHS = """
    SELECT c.life_name, m.date_of_birth, c.event_date FROM ins.policies p
    JOIN ins.claims c ON c.org_id = p.org_id AND c.policy_id = p.id
    LEFT JOIN ins.policy_members m ON m.org_id = c.org_id AND m.id = c.member_id
    WHERE p.org_id = %(org)s AND (p.id = %(policy)s OR p.customer_id = %(customer)s)
      AND c.id IS DISTINCT FROM %(claim)s AND c.claim_type IN ('DEATH', 'ACCIDENTAL_DEATH', 'FUNERAL')
      AND c.life_name <> '' AND c.status <> 'REJECTED'
      AND (c.status <> 'CLOSED' OR c.closed_from IN ('APPROVED', 'PARTIALLY_APPROVED', 'PART_PAID', 'PAID'))
      AND NOT EXISTS (SELECT 1 FROM ins.claim_events e WHERE e.org_id = c.org_id
                      AND e.claim_id = c.id AND e.event_type = 'CLAIM_DEATH_UNDONE')
"""
_TAKEN_OFF = """
    EXISTS (SELECT 1 FROM ins.endorsements e
            WHERE e.org_id = %(org)s AND e.policy_id = %(policy)s AND e.reason = %(removal)s
              AND e.type IN ('REMOVE_MEMBER', 'MAIN_MEMBER_DIED') AND e.status <> 'UNDONE')
"""
_PARTS = f"""
    SELECT {_ITEMS}, {_CHECKS}, {_DOCUMENTS}, {_FLAGS}, {_PAYEES}, {_ENTRIES},
        (SELECT json_agg(json_build_array(item_id, payee_id, amount::text)) FROM ({_PAID}) t),
        (SELECT json_agg(t ORDER BY t.id)::text FROM ins.policy_members t
         WHERE t.org_id = %(org)s AND t.policy_id = %(policy)s),
        (SELECT json_agg(t) FROM ({_DEATHS}) t), {_TAKEN_OFF}
"""  # noqa: S608
_VIEW = f"""
    SELECT json_build_array(c)::text, p.policy_number, h.display_name, r.name,
        {_ITEMS}, {_CHECKS}, {_DOCUMENTS}, {_FLAGS}, {_NOTES}, {_EVENTS}, {_PAYEES}, {_PAYMENTS},
        {_ENTRIES}
    FROM ins.claims c
    JOIN ins.policies p ON p.org_id = c.org_id AND p.id = c.policy_id
    JOIN ins.customers h ON h.org_id = p.org_id AND h.id = p.customer_id
    JOIN ins.products r ON r.org_id = p.org_id AND r.id = p.product_id
    WHERE c.org_id = %(org)s AND c.id = %(claim)s
"""  # noqa: S608


def read_parts(session: Session, claim: Claim, policy: Policy) -> dict[str, Any]:
    """Return items, checks, documents, flags, payees and lives of a claim, as rows of the session.

    With them the `money` of its items, what is `paid` of it by whom, the `deaths` that other claims
    on the policy and others of its holder tell of, and whether a payment took the life off already.
    The caller holds the claim and its policy, and has not changed them.
    """
    values = _values_of(claim) | {"customer": policy.customer_id}
    ((items, checks, documents, flags, payees, entries, paid, members, deaths, taken_off),) = (
        read_rows(session, _PARTS, values)
    )
    return {
        "items": attached(session, records_of(ClaimItem, items)),
        "checks": attached(session, records_of(ClaimCheck, checks)),
        "documents": attached(session, records_of(ClaimDocument, documents)),
        "flags": attached(session, records_of(ClaimFlag, flags)),
        "payees": attached(session, records_of(ClaimPayee, payees)),
        "members": attached(session, records_of(PolicyMember, members)),
        "money": money_of(records_of(ClaimEntry, entries)),
        "paid": {
            (UUID(item_id), UUID(payee_id) if payee_id else None): Decimal(amount)
            for item_id, payee_id, amount in paid or ()
        },
        "deaths": {
            policy.customer_id: [
                (
                    death["life_name"],
                    death["date_of_birth"] and date.fromisoformat(death["date_of_birth"]),
                    date.fromisoformat(death["event_date"]),
                )
                for death in deaths or ()
            ]
        },
        "is_life_taken_off": taken_off,
    }


def is_life_taken_off(session: Session, claim: Claim) -> bool:
    """Tell whether a change stands by which a payment of a claim took its life off the policy."""
    ((is_so,),) = read_rows(session, f"SELECT {_TAKEN_OFF}", _values_of(claim))  # noqa: S608
    return bool(is_so)


def _values_of(claim: Claim) -> dict[str, Any]:
    return {
        "org": current_org(),
        "claim": claim.id,
        "policy": claim.policy_id,
        "removal": removal_reason(claim.claim_number),
    }


def get_view(session: Session, claim_id: UUID) -> ClaimView:
    """Return a claim with everything about it, to be read only. Raises NotFoundError."""
    found = read_rows(session, _VIEW, {"org": current_org(), "claim": claim_id})
    if not found:
        raise NotFoundError
    claim_row, policy_number, customer_name, product_name, *parts = found[0]
    (claim,) = records_of(Claim, claim_row)
    items, checks, documents, flags, notes, events, payees, payments, entries = parts
    return ClaimView(
        line=ClaimLine(claim, policy_number, customer_name, product_name),
        items=records_of(ClaimItem, items),
        checks=records_of(ClaimCheck, checks),
        documents=records_of(ClaimDocument, documents),
        flags=records_of(ClaimFlag, flags),
        notes=records_of(Note, notes),
        events=records_of(ClaimEvent, events),
        payees=records_of(ClaimPayee, payees),
        payments=records_of(ClaimPayment, payments),
        entries=records_of(ClaimEntry, entries),
    )


def _of_claim(session: Session, record: Any, claim_id: UUID, order: Any = None) -> Sequence[Any]:
    query = select(record).where(record.org_id == current_org(), record.claim_id == claim_id)
    found: Sequence[Any] = session.scalars(
        query.order_by(record.id if order is None else order)
    ).all()
    return found


def list_items(session: Session, claim_id: UUID) -> Sequence[ClaimItem]:
    """Return the items of a claim in the order they were claimed."""
    return _of_claim(session, ClaimItem, claim_id)


def list_checks(session: Session, claim_id: UUID) -> Sequence[ClaimCheck]:
    """Return the checklist."""
    return _of_claim(session, ClaimCheck, claim_id, ClaimCheck.position)


def list_documents(session: Session, claim_id: UUID) -> Sequence[ClaimDocument]:
    """Return the documents of a claim, asked for and sent."""
    return _of_claim(session, ClaimDocument, claim_id)


def list_flags(session: Session, claim_id: UUID) -> Sequence[ClaimFlag]:
    """Return the flags of a claim, cleared ones too."""
    return _of_claim(session, ClaimFlag, claim_id)


def list_payments(session: Session, claim_id: UUID) -> Sequence[ClaimPayment]:
    """Return the payments of a claim, void ones too."""
    return _of_claim(session, ClaimPayment, claim_id)


def list_payees(session: Session, claim_id: UUID) -> Sequence[ClaimPayee]:
    """Return who is paid of a claim, in the order they were named."""
    return session.scalars(
        select(ClaimPayee)
        .where(
            ClaimPayee.org_id == current_org(),
            ClaimPayee.claim_id == claim_id,
            ClaimPayee.removed_at.is_(None),
        )
        .order_by(ClaimPayee.position, ClaimPayee.id)
    ).all()


def get_payee(session: Session, payee_id: UUID) -> ClaimPayee:
    """Return a payee. Raises NotFoundError."""
    return _get(session, ClaimPayee, payee_id)


def paid_by_payee(session: Session, claim_id: UUID) -> dict[tuple[UUID, UUID | None], Decimal]:
    """Return what each payee has been paid of each item, in rand; None is nobody by name."""
    rows = read_rows(session, _PAID, {"org": current_org(), "claim": claim_id})
    return {(item_id, payee_id): amount for item_id, payee_id, amount in rows}


def list_deaths(
    session: Session, policy_id: UUID, customer_id: UUID, *, but_for: UUID | None = None
) -> list[tuple[str, date | None, date]]:
    """Return name, birth date and day of the deaths that claims tell of, but for one of them.

    Claims on a policy and on the others of its holder; refused ones tell of none, nor one that was
    closed before anything was approved, nor one whose death was undone.
    """
    values = {
        "org": current_org(), "policy": policy_id, "customer": customer_id, "claim": but_for,
    }  # fmt: skip
    return [(name, born, day) for name, born, day in read_rows(session, _DEATHS, values)]


def list_payment_lines(session: Session, payment_id: UUID) -> Sequence[ClaimPaymentLine]:
    """Return what a payment pays of each item."""
    return session.scalars(
        select(ClaimPaymentLine)
        .where(ClaimPaymentLine.org_id == current_org(), ClaimPaymentLine.payment_id == payment_id)
        .order_by(ClaimPaymentLine.id)
    ).all()


def get_document(session: Session, document_id: UUID) -> ClaimDocument:
    """Return a document of a claim. Raises NotFoundError."""
    return _get(session, ClaimDocument, document_id)


def get_flag(session: Session, flag_id: UUID) -> ClaimFlag:
    """Return a flag of a claim. Raises NotFoundError."""
    return _get(session, ClaimFlag, flag_id)


def get_payment(session: Session, payment_id: UUID) -> ClaimPayment:
    """Return a payment. Raises NotFoundError."""
    return _get(session, ClaimPayment, payment_id)


def _get(session: Session, record: Any, record_id: UUID) -> Any:
    found = session.scalars(
        select(record).where(record.org_id == current_org(), record.id == record_id)
    ).one_or_none()
    if found is None:
        raise NotFoundError
    return found


def list_payments_of_reference(session: Session, reference: str) -> Sequence[ClaimPayment]:
    """Return the payments that have a reference, or were made at once with others under it."""
    return session.scalars(
        select(ClaimPayment)
        .where(
            ClaimPayment.org_id == current_org(),
            or_(ClaimPayment.batch_reference == reference, ClaimPayment.reference == reference),
        )
        .order_by(ClaimPayment.id)
    ).all()


def find_payment(session: Session, reference: str) -> ClaimPayment | None:
    """Return the payment of a reference, or None."""
    return session.scalars(
        select(ClaimPayment).where(
            ClaimPayment.org_id == current_org(), ClaimPayment.reference == reference
        )
    ).one_or_none()


def money_by_item(session: Session, claim_id: UUID) -> dict[UUID, ItemMoney]:
    """Return what the entries of each item of a claim add up to."""
    rows = session.execute(
        select(
            ClaimEntry.item_id, ClaimEntry.kind, ClaimEntry.cost_type, func.sum(ClaimEntry.amount)
        )
        .where(ClaimEntry.org_id == current_org(), ClaimEntry.claim_id == claim_id)
        .group_by(ClaimEntry.item_id, ClaimEntry.kind, ClaimEntry.cost_type)
    )
    sums: dict[UUID, dict[tuple[EntryKind, CostType], Decimal]] = {}
    for item_id, kind, cost_type, amount in rows:
        sums.setdefault(item_id, {})[kind, cost_type] = amount
    return {item_id: money(found) for item_id, found in sums.items()}


def money_of(entries: Iterable[ClaimEntry]) -> dict[UUID, ItemMoney]:
    """Return what entries of each item add up to."""
    sums: dict[UUID, dict[tuple[EntryKind, CostType], Decimal]] = {}
    for entry in entries:
        of_item, key = sums.setdefault(entry.item_id, {}), (entry.kind, entry.cost_type)
        of_item[key] = of_item.get(key, ZERO) + entry.amount
    return {item_id: money(found) for item_id, found in sums.items()}


def money(found: Mapping[tuple[EntryKind, CostType], Decimal]) -> ItemMoney:
    indemnity = CostType.INDEMNITY
    return ItemMoney(
        reserve=found.get((EntryKind.RESERVE, indemnity), ZERO),
        expense_reserve=found.get((EntryKind.RESERVE, CostType.EXPENSE), ZERO),
        earmarked=found.get((EntryKind.APPROVED, indemnity), ZERO),
        paid=found.get((EntryKind.PAID, indemnity), ZERO),
        recovered=found.get((EntryKind.RECOVERED, indemnity), ZERO),
    )


def list_claim_ids(session: Session, policy_id: UUID) -> Sequence[UUID]:
    """Return the ids of the claims of a policy."""
    query = select(Claim.id).where(Claim.org_id == current_org(), Claim.policy_id == policy_id)
    return session.scalars(query).all()


def list_claims_of_policy(session: Session, policy_id: UUID) -> Sequence[Claim]:
    """Return the claims of a policy, newest first."""
    return session.scalars(
        select(Claim)
        .where(Claim.org_id == current_org(), Claim.policy_id == policy_id)
        .order_by(Claim.id.desc())
    ).all()


def list_claims_to_review(session: Session, policy_ids: Collection[UUID]) -> Sequence[Claim]:
    """Return the claims of policies that nobody has decided, or that were rejected."""
    return session.scalars(
        select(Claim)
        .where(
            Claim.org_id == current_org(),
            Claim.policy_id.in_(policy_ids),
            Claim.status.in_([*UNDECIDED, ClaimStatus.REJECTED]),
        )
        .order_by(Claim.policy_id, Claim.id.desc())
    ).all()


def lines() -> Any:
    return (
        select(Claim, Policy.policy_number, Customer.display_name, Product.name)
        .join(Policy, and_(Policy.org_id == Claim.org_id, Policy.id == Claim.policy_id))
        .join(Customer, and_(Customer.org_id == Policy.org_id, Customer.id == Policy.customer_id))
        .join(Product, and_(Product.org_id == Policy.org_id, Product.id == Policy.product_id))
        .where(Claim.org_id == current_org())
    )
