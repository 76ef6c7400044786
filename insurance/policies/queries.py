"""Reading policies: lists, the one-stop view, history, and the portfolio's figures."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    Date,
    Row,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.orm import Session

from insurance.billing.models import PremiumLine
from insurance.core.errors import NotFoundError
from insurance.core.listing import Listing, Wanted
from insurance.core.money import ZERO
from insurance.core.nested import records_of
from insurance.core.numbering import numbers_meant
from insurance.core.paging import Page, page_of
from insurance.core.reading import read_as, read_rows
from insurance.core.records import get_record
from insurance.core.tenancy import current_org
from insurance.customers.models import Customer
from insurance.customers.number_search import find_by_number, number_in
from insurance.customers.queries import search_customer_ids, search_words
from insurance.policies.models import (
    Beneficiary,
    BenefitLayer,
    Endorsement,
    EndorsementStatus,
    EventCategory,
    InsuredObject,
    Policy,
    PolicyBenefit,
    PolicyEvent,
    PolicyMember,
    PolicyStatus,
    PolicyVersion,
)
from insurance.policies.rules import Layer, payable_on
from insurance.products.models import Product
from insurance.quotes.models import Quote

_PORTFOLIO = """
    SELECT p.id, p.name, p.class_code, n.status,
           sum(n.policies), sum(n.monthly_premium), sum(n.cover)
    FROM ins.products p
    LEFT JOIN ins.portfolio_counts n ON n.org_id = p.org_id AND n.product_id = p.id
    WHERE p.org_id = %(org)s GROUP BY p.id, p.name, p.class_code, n.status ORDER BY p.name, p.id
"""
_SEARCH = text("SELECT found.id FROM ins.sd_search_policies(:q, :limit) AS found")


@dataclass(frozen=True, slots=True)
class PolicyLine:
    """A policy as lists show it."""

    policy: Policy
    customer_name: str
    product_name: str
    quote_number: str | None

    @property
    def id(self) -> UUID:
        """Return the policy's id."""
        return self.policy.id


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """A policy as the list on screen prints it, without more."""

    id: UUID
    policy_number: str
    status: str
    premium: Decimal
    coverage_amount: Decimal
    effective_date: date
    frequency: str
    due_day: int
    customer_name: str
    phone: str | None
    product_name: str
    next_due: date | None


@dataclass(frozen=True, slots=True)
class BenefitView:
    """A benefit with its layers and the name of the life or object it covers."""

    benefit: PolicyBenefit
    member_name: str
    layers: tuple[BenefitLayer, ...]
    object_name: str = ""

    @property
    def waiting_until(self) -> date:
        """Return the first day on which all of the cover answers for natural causes."""
        return max(layer.waiting_until for layer in self.layers)

    def payable_on(self, on: date) -> Decimal:
        """Return what an event of natural causes on a day would pay, in rand."""
        layers = (
            Layer(layer.amount, layer.starts_on, layer.waiting_until) for layer in self.layers
        )
        return payable_on(layers, on, accident=False)

    @property
    def waiting_days(self) -> int:
        """Return the longest waiting period among the layers, in days."""
        return max(layer.waiting_days for layer in self.layers)


@dataclass(slots=True)
class Portfolio:
    """A tenant's book in figures. Money is in rand; `by_class` counts active policies.

    `products` are all there are, sold or not: id and name, by name.
    """

    policies: int = 0
    active_policies: int = 0
    monthly_premium: Decimal = ZERO
    cover: Decimal = ZERO
    by_status: dict[str, int] = field(default_factory=dict)
    by_class: dict[str, int] = field(default_factory=dict)
    products: dict[UUID, str] = field(default_factory=dict)


def get_policy(session: Session, policy_id: UUID, *, lock: bool = False) -> Policy:
    """Return a policy of the organization in scope, held if asked. Raises NotFoundError.

    Once it is held, what the session had read of it before is read anew.
    """
    if lock:
        session.flush()
        session.expire_all()
    return get_record(session, Policy, policy_id, lock=lock)


def get_policy_line(session: Session, policy_id: UUID) -> PolicyLine:
    """Return a policy with the names of its customer and product and its quote's number."""
    row = session.execute(_lines().where(Policy.id == policy_id)).one_or_none()
    if row is None:
        raise NotFoundError
    return PolicyLine(*row)


def list_policies(
    session: Session,
    *,
    limit: int,
    after: UUID | None = None,
    status: PolicyStatus | None = None,
    product_id: UUID | None = None,
    customer_id: UUID | None = None,
    payer_id: UUID | None = None,
    q: str = "",
) -> Page[PolicyLine]:
    """Return policies, newest first; with a search text, the best matches (one page).

    `payer_id` narrows to those that a customer pays in the holder's place.
    """
    query = _lines()
    if status is not None:
        query = query.where(Policy.status == status)
    if product_id is not None:
        query = query.where(Policy.product_id == product_id)
    if customer_id is not None:
        query = query.where(Policy.customer_id == customer_id)
    if payer_id is not None:
        query = query.where(Policy.payer_id == payer_id)
    if q.strip():
        ids = search_policy_ids(session, q, limit)
        found = {
            row[0].id: PolicyLine(*row) for row in session.execute(query.where(Policy.id.in_(ids)))
        }
        return Page([found[one] for one in ids if one in found])
    if after is not None:
        query = query.where(Policy.id < after)
    rows = session.execute(query.order_by(Policy.id.desc()).limit(limit + 1))
    return page_of([PolicyLine(*row) for row in rows], limit, lambda row: (row.id,))


def list_policy_rows(session: Session, wanted: Wanted) -> Page[PolicyRow]:
    """Return a page of the list on screen: newest first, or the best matches of a search `q`.

    The busiest page of the product: one prepared statement, no objects to track.
    """
    narrowed = dict(wanted.narrowed)
    q = str(narrowed.pop("q", ""))
    if q.strip():
        found = _searched(session, q, wanted.to_find)
        if found is None:
            return Page([])
        narrowed |= found
    return _LIST.read(session, replace(wanted, narrowed=narrowed))


def _searched(session: Session, q: str, limit: int) -> dict[str, Any] | None:
    """Return how a text is looked for: whose ID number it is, or by number and holder."""
    plain = " ".join(q.split())[:100]
    number = number_in(plain)
    if number is not None:
        holder = find_by_number(number)
        return {"holder": holder} if holder else None
    found = _found(session, plain, limit)
    return {"found": found} if found else None


def _found(session: Session, plain: str, limit: int) -> list[UUID]:
    """Return ids by what a number's digits mean, the start of a number or the holder, best first."""
    meant = numbers_meant(session, "PL", plain)
    ids: list[UUID] = []
    if meant:
        by_number = select(Policy.id).where(
            Policy.org_id == current_org(), Policy.policy_number.in_(meant)
        )
        ids += session.scalars(by_number.order_by(Policy.policy_number.desc()))
    if words := _words(plain):
        ids += session.scalars(_SEARCH, {"q": words, "limit": limit})
    return list(dict.fromkeys(ids))[:limit]


def _words(plain: str) -> str:
    """Return a text as the search compares it: the start of a number as it is, else a name."""
    is_number = re.match(r"[a-z]{1,5}-[0-9]", plain, re.ASCII | re.IGNORECASE)
    return plain.lower() if is_number else search_words(plain)


def _shown(page: Any) -> Select[Any]:
    next_due = (
        select(func.min(PremiumLine.due_date))
        .where(PremiumLine.org_id == page.org_id, PremiumLine.policy_id == page.id, _IS_UNPAID)
        .scalar_subquery()
    )
    return (
        select(
            page.id, page.policy_number, page.status, page.premium, page.coverage_amount,
            page.effective_date, page.frequency, page.due_day, Customer.display_name,
            Customer.phone, Product.name, next_due,
        )
        .join(Customer, and_(Customer.org_id == page.org_id, Customer.id == page.customer_id))
        .join(Product, and_(Product.org_id == page.org_id, Product.id == page.product_id))
    )  # fmt: skip


_IS_UNPAID: Any = literal_column("premium_lines.status IN ('PENDING', 'OVERDUE')")
"""Constant text, as the next one, so that the planner knows the index whatever the parameters."""
_IS_OVERDUE: Any = literal_column("premium_lines.status = 'OVERDUE'")


def _has_line(*conditions: Any) -> Any:
    lines = select(PremiumLine.policy_id)
    return Policy.id.in_(lines.where(PremiumLine.org_id == bindparam("org"), *conditions))


_LIST = Listing(
    Policy,
    PolicyRow,
    _shown,
    orders={
        "newest": Policy.id,
        "policy_number": Policy.policy_number,
        "premium": Policy.premium,
        "coverage_amount": Policy.coverage_amount,
        "effective_date": Policy.effective_date,
    },
    narrows={
        "status": Policy.status == bindparam("status", type_=Text),
        "product": Policy.product_id == bindparam("product", type_=Uuid),
        "holder": Policy.customer_id == bindparam("holder", type_=Uuid),
        "from": Policy.effective_date >= bindparam("from", type_=Date),
        "to": Policy.effective_date <= bindparam("to", type_=Date),
        "due": _has_line(_IS_UNPAID, PremiumLine.due_date < bindparam("due", type_=Date)),
        "arrears": _has_line(_IS_OVERDUE),
    },
)


def search_policy_ids(session: Session, q: str, limit: int) -> list[UUID]:
    """Return ids by policy number (or its start), or by the holder's name, phone or e-mail."""
    plain = " ".join(q.split())[:100]
    if number_in(plain) is not None:
        holders = search_customer_ids(session, plain, 1)
        found = select(Policy.id).where(
            Policy.org_id == current_org(), Policy.customer_id.in_(holders)
        )
        return list(session.scalars(found.order_by(Policy.id.desc()).limit(limit)))
    return _found(session, plain, limit)


def list_members(session: Session, policy_id: UUID) -> Sequence[PolicyMember]:
    """Return the lives of a policy, in the order they joined."""
    return session.scalars(
        select(PolicyMember)
        .where(PolicyMember.org_id == current_org(), PolicyMember.policy_id == policy_id)
        .order_by(PolicyMember.id)
    ).all()


def list_objects(session: Session, policy_id: UUID) -> Sequence[InsuredObject]:
    """Return the objects of a policy, those that were taken off too, in the order they joined."""
    return session.scalars(
        select(InsuredObject)
        .where(InsuredObject.org_id == current_org(), InsuredObject.policy_id == policy_id)
        .order_by(InsuredObject.id)
    ).all()


@dataclass(frozen=True, slots=True)
class BenefitOfLife:
    """A benefit with the name of the life or object it covers."""

    benefit: PolicyBenefit
    member_name: str
    object_name: str = ""


def find_benefits(
    session: Session, policy_id: UUID, benefit_ids: Sequence[UUID]
) -> list[BenefitOfLife]:
    """Return benefits of a policy by their ids; those of others are left out."""
    rows = session.execute(_benefits(policy_id).where(PolicyBenefit.id.in_(benefit_ids)))
    return [BenefitOfLife(row[0], _name(row), row.object_name or "") for row in rows]


def list_benefits(session: Session, policy_id: UUID) -> list[BenefitView]:
    """Return the benefits of a policy with their layers."""
    rows = session.execute(_benefits(policy_id)).all()
    layers: dict[UUID, list[BenefitLayer]] = {row[0].id: [] for row in rows}
    for layer in session.scalars(
        select(BenefitLayer)
        .where(BenefitLayer.org_id == current_org(), BenefitLayer.policy_benefit_id.in_(layers))
        .order_by(BenefitLayer.number)
    ):
        layers[layer.policy_benefit_id].append(layer)
    return [
        BenefitView(row[0], _name(row), tuple(layers[row[0].id]), row.object_name or "")
        for row in rows
    ]


def _benefits(policy_id: UUID) -> Select[Any, Any, Any, Any]:
    return (
        select(
            PolicyBenefit,
            PolicyMember.first_name,
            PolicyMember.last_name,
            InsuredObject.name.label("object_name"),
        )
        .outerjoin(
            PolicyMember,
            and_(
                PolicyMember.org_id == PolicyBenefit.org_id,
                PolicyMember.id == PolicyBenefit.member_id,
            ),
        )
        .outerjoin(
            InsuredObject,
            and_(
                InsuredObject.org_id == PolicyBenefit.org_id,
                InsuredObject.id == PolicyBenefit.object_id,
            ),
        )
        .where(PolicyBenefit.org_id == current_org(), PolicyBenefit.policy_id == policy_id)
        .order_by(PolicyBenefit.display_order, PolicyBenefit.id)
    )


def _name(row: Row[Any, Any, Any, Any]) -> str:
    return f"{row.first_name or ''} {row.last_name or ''}".strip()


def get_event(session: Session, event_id: UUID) -> PolicyEvent:
    """Return something that happened to a policy. Raises NotFoundError."""
    event = session.scalars(
        select(PolicyEvent).where(PolicyEvent.org_id == current_org(), PolicyEvent.id == event_id)
    ).one_or_none()
    if event is None:
        raise NotFoundError
    return event


def list_later_events(session: Session, event: PolicyEvent) -> Sequence[PolicyEvent]:
    """Return what happened to a policy after an event, in order."""
    return session.scalars(
        select(PolicyEvent)
        .where(
            PolicyEvent.org_id == current_org(),
            PolicyEvent.policy_id == event.policy_id,
            PolicyEvent.sequence > event.sequence,
        )
        .order_by(PolicyEvent.sequence)
    ).all()


def list_events(
    session: Session,
    policy_id: UUID,
    *,
    limit: int,
    offset: int = 0,
    category: EventCategory | None = None,
    event_type: str | None = None,
) -> Sequence[PolicyEvent]:
    """Return what happened to a policy, newest first."""
    query = (
        select(PolicyEvent)
        .where(PolicyEvent.org_id == current_org(), PolicyEvent.policy_id == policy_id)
        .order_by(PolicyEvent.sequence.desc())
        .limit(limit)
        .offset(offset)
    )
    if category is not None:
        query = query.where(PolicyEvent.category == category)
    if event_type:
        query = query.where(PolicyEvent.event_type == event_type)
    return session.scalars(query).all()


_HAS_CLAIMS = text(
    "SELECT EXISTS (SELECT 1 FROM ins.claims WHERE org_id = :org AND policy_id = :policy)"
)


def has_claims(session: Session, policy_id: UUID) -> bool:
    """Tell whether anything was ever claimed on a policy: whatever became of it, an event was."""
    return bool(session.scalar(_HAS_CLAIMS, {"org": current_org(), "policy": policy_id}))


_BASE = text(
    """
    SELECT v.policy_snapshot, v.effective_date, e.recorded_at,
           (SELECT json_agg(t ORDER BY t.id)::text FROM ins.endorsements t
            WHERE t.org_id = :org AND t.policy_id = :policy AND t.status = 'ISSUED')
    FROM ins.policy_versions v
    JOIN ins.policy_events e ON e.org_id = v.org_id AND e.id = v.event_id
    WHERE v.org_id = :org AND v.policy_id = :policy
      AND e.event_type IN ('POLICY_ISSUED', 'POLICY_RENEWED')
    ORDER BY CASE WHEN v.effective_date < coalesce(:before, 'infinity'::date)
                  THEN v.version_number END DESC NULLS LAST, v.version_number
    LIMIT 1
    """
)


@dataclass(frozen=True, slots=True)
class Base:
    """How a term of a policy began, and all changes that were issued, in their order."""

    snapshot: dict[str, Any]
    starts_on: date
    recorded_at: datetime
    issued: list[Endorsement]


def read_base(session: Session, policy_id: UUID, *, before: date | None = None) -> Base:
    """Return how the newest term of a policy began.

    `before` asks for the newest term that began before a day, or the first.
    """
    values = {"org": current_org(), "policy": policy_id, "before": before}
    snapshot, starts_on, recorded_at, issued = session.execute(_BASE, values).one()
    return Base(snapshot, starts_on, recorded_at, records_of(Endorsement, issued))


def list_endorsements(
    session: Session, policy_id: UUID, status: EndorsementStatus | None = None
) -> Sequence[Endorsement]:
    """Return the endorsements of a policy in the order they were made."""
    query = select(Endorsement).where(
        Endorsement.org_id == current_org(), Endorsement.policy_id == policy_id
    )
    if status is not None:
        query = query.where(Endorsement.status == status)
    return session.scalars(query.order_by(Endorsement.id)).all()


def find_endorsement(session: Session, endorsement_id: UUID) -> Endorsement | None:
    """Return an endorsement, or None."""
    return session.scalars(
        select(Endorsement).where(
            Endorsement.org_id == current_org(), Endorsement.id == endorsement_id
        )
    ).one_or_none()


def list_beneficiaries(session: Session, policy_id: UUID) -> Sequence[Beneficiary]:
    """Return who is paid, in the order they were named."""
    return session.scalars(
        select(Beneficiary)
        .where(Beneficiary.org_id == current_org(), Beneficiary.policy_id == policy_id)
        .order_by(Beneficiary.display_order)
    ).all()


def list_versions(session: Session, policy_id: UUID) -> Sequence[PolicyVersion]:
    """Return the versions of a policy, newest first."""
    return session.scalars(
        select(PolicyVersion)
        .where(PolicyVersion.org_id == current_org(), PolicyVersion.policy_id == policy_id)
        .order_by(PolicyVersion.version_number.desc())
    ).all()


class Holdings(NamedTuple):
    """What a customer has with us: policies in force, their premiums, what is owed on all policies."""

    in_force: int
    premium: Decimal
    arrears: Decimal


_HOLDINGS = text(
    """
    SELECT count(*) FILTER (WHERE p.status = 'active') AS in_force,
           coalesce(sum(p.premium) FILTER (WHERE p.status = 'active'), 0) AS premium,
           coalesce(sum((
               SELECT sum(l.amount - l.paid_amount) FROM ins.premium_lines l
               WHERE l.org_id = p.org_id AND l.policy_id = p.id
                 AND l.status IN ('PENDING', 'OVERDUE') AND l.due_date <= :on)), 0) AS arrears
    FROM ins.policies p WHERE p.org_id = :org AND p.customer_id = :customer
    """
)


def get_holdings(session: Session, customer_id: UUID, *, on: date) -> Holdings:
    """Return what a customer holds, all of their policies added up by one statement; amounts in rand."""
    values = {"org": current_org(), "customer": customer_id, "on": on}
    return read_as(session, Holdings, _HOLDINGS, values)[0]


def get_portfolio(session: Session) -> Portfolio:
    """Return the book in figures from the counters that commands keep: one cheap query."""
    found = Portfolio()
    rows = read_rows(session, _PORTFOLIO, {"org": current_org()})
    for product_id, name, class_code, status, policies, premium, cover in rows:
        found.products[product_id] = name
        if status is None:
            continue
        count = int(policies)
        found.policies += count
        found.by_status[status] = found.by_status.get(status, 0) + count
        if status == PolicyStatus.ACTIVE:
            found.active_policies += count
            found.monthly_premium += premium
            found.cover += cover
            found.by_class[class_code] = found.by_class.get(class_code, 0) + count
    return found


def _lines() -> Select[Any, Any, Any, Any]:
    return (
        select(Policy, Customer.display_name, Product.name, Quote.quote_number)
        .join(Customer, and_(Customer.org_id == Policy.org_id, Customer.id == Policy.customer_id))
        .join(Product, and_(Product.org_id == Policy.org_id, Product.id == Policy.product_id))
        .outerjoin(Quote, and_(Quote.org_id == Policy.org_id, Quote.id == Policy.quote_id))
        .where(Policy.org_id == current_org())
    )
