"""The lapse rules of products, and the days they count by."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from string import Template
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from insurance.core.bulk import id_array
from insurance.core.business_days import public_holidays
from insurance.core.errors import NotFoundError
from insurance.core.reading import read_rows
from insurance.core.tenancy import current_org
from insurance.lapses import rules
from insurance.lapses.models import LapseRule
from insurance.lapses.rules import LapseTerms

NOW = "NOW"
CHANGED = "CHANGED"


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """What lapses need to know of a policy and its holder."""

    id: UUID
    policy_number: str
    status: str
    frequency: str
    premium: Decimal
    product_id: UUID
    product_name: str
    class_code: str
    category: str
    customer_name: str
    customer_email: str | None

    @property
    def default_terms(self) -> LapseTerms:
        """Return what holds where the product has no rule."""
        return rules.default_terms(self.class_code, self.category)


_FREQUENCY_OF = """CASE WHEN $days < 60 THEN 'MONTHLY' WHEN $days < 137 THEN 'QUARTERLY'
                    WHEN $days < 275 THEN 'HALF_YEARLY' ELSE 'ANNUAL' END"""
_FREQUENCY_ON = """coalesce((
        SELECT $frequency
        FROM (
            SELECT coalesce(i.whole_days, i.period_end - i.due_date) AS days
            FROM ins.premium_lines i
            WHERE i.org_id = :org AND i.policy_id = $policy AND i.kind = 'PREMIUM'
              AND i.status <> 'CANCELLED' AND i.due_date <= $day
            ORDER BY i.due_date DESC LIMIT 1
        ) period), $otherwise)"""


def frequency_on(policy: str, day: str, otherwise: str) -> str:
    """Return the SQL of how often a policy was paid on a day, by the days of the premium's period.

    A policy that is paid at another interval since keeps the grace of what fell due before. The
    arguments are SQL of its id, of the day, and of what stands where no premium was due by then.
    """
    return Template(_FREQUENCY_ON).substitute(
        policy=policy, day=day, otherwise=otherwise, frequency=frequency_of("days")
    )


def frequency_of(days: str) -> str:
    """Return the SQL of how often a premium is paid whose period has so many days."""
    return Template(_FREQUENCY_OF).substitute(days=days)


_POLICY = text(
    """
    SELECT p.id, p.policy_number, p.status, p.frequency, p.premium, p.product_id, pr.name,
           pr.class_code, k.category, c.display_name, c.email
    FROM ins.policies p
    JOIN ins.customers c ON c.org_id = p.org_id AND c.id = p.customer_id
    JOIN ins.products pr ON pr.org_id = p.org_id AND pr.id = p.product_id
    JOIN ins.product_classes k ON k.code = pr.class_code
    WHERE p.org_id = :org AND p.id = :policy
    """
)
_TERMS = tuple(field.name for field in fields(LapseTerms))
_ALL_TERMS = "".join(
    [
        "SELECT pr.id, pr.class_code, k.category, ",
        ", ".join(f"r.{name}" for name in _TERMS),
        """
        FROM ins.products pr
        JOIN ins.product_classes k ON k.code = pr.class_code
        LEFT JOIN ins.lapse_rules r ON r.org_id = pr.org_id AND r.product_id = pr.id
        WHERE pr.org_id = %(org)s""",
    ]
)
_TERMS_OF = "".join([_ALL_TERMS, " AND pr.id = ANY(CAST(%(ids)s AS uuid[]))"])
_OWN_HOLIDAYS = "SELECT day, is_working FROM ins.tenant_holidays WHERE org_id = %(org)s"
_HAS_APPLIED = text(
    """
    SELECT EXISTS (
        SELECT 1 FROM ins.premium_lines l
        JOIN ins.policies p ON p.org_id = l.org_id AND p.id = l.policy_id
        WHERE l.org_id = :org AND p.product_id = :product AND l.status <> 'CANCELLED'
          AND l.due_date >= CAST(:since AS date) AND l.due_date < CAST(:until AS date)
    )
    """
)
_OPEN_FREQUENCIES = text(
    "".join(
        [
            "SELECT DISTINCT ",
            frequency_on("p.id", "l.due_date", "p.frequency"),
            """ FROM ins.premium_lines l
    JOIN ins.policies p ON p.org_id = l.org_id AND p.id = l.policy_id
    WHERE l.org_id = :org AND p.product_id = :product AND p.status IN ('active', 'suspended')
      AND l.status IN ('PENDING', 'OVERDUE') AND l.amount > l.paid_amount
      AND l.due_date >= CAST(:since AS date) AND l.due_date < CAST(:until AS date)
    """,
        ]
    )
)


def get_policy_facts(session: Session, policy_id: UUID) -> PolicyFacts:
    """Return a policy as lapses see it. Raises NotFoundError."""
    row = session.execute(_POLICY, {"org": current_org(), "policy": policy_id}).one_or_none()
    if row is None:
        raise NotFoundError("There is no such policy.")
    return PolicyFacts(*row)


def get_lapse_rule(session: Session, lapse_rule_id: UUID) -> LapseRule:
    """Return a lapse rule of the organization in scope. Raises NotFoundError."""
    found = session.scalars(
        select(LapseRule).where(LapseRule.org_id == current_org(), LapseRule.id == lapse_rule_id)
    ).one_or_none()
    if found is None:
        raise NotFoundError("There is no such lapse rule.")
    return found


def list_lapse_rules(session: Session, product_id: UUID) -> Sequence[LapseRule]:
    """Return a product's lapse rules, the newest first."""
    return session.scalars(
        select(LapseRule)
        .where(LapseRule.org_id == current_org(), LapseRule.product_id == product_id)
        .order_by(LapseRule.effective_from.desc())
    ).all()


def terms_of(rule: LapseRule) -> LapseTerms:
    """Return a saved rule as the pure rules read it."""
    found = {field.name: getattr(rule, field.name) for field in fields(LapseTerms)}
    return LapseTerms(
        **found
        | {
            "grace_period_type": str(rule.grace_period_type),
            "reminder_schedule": tuple(rule.reminder_schedule),
        }
    )


def rule_on(session: Session, product_id: UUID, due_date: date) -> LapseTerms:
    """Return the terms in force for a product's premiums of a due date. Raises NotFoundError."""
    found = rules_on(session, [product_id], due_date)
    if product_id not in found:
        raise NotFoundError("There is no such product.")
    return found[product_id]


def rules_on(
    session: Session, product_ids: Collection[UUID] | None, due_date: date
) -> dict[UUID, LapseTerms]:
    """Return the terms in force on a due date by product; None asks for every product."""
    found = list_terms(session, product_ids)
    return {
        product_id: next(span for span in spans if span.applies(due_date))
        for product_id, spans in found.items()
    }


def list_ruled_products(session: Session, due_date: date) -> frozenset[UUID]:
    """Return the products that have a rule of their own for premiums due on a day."""
    return frozenset(
        session.scalars(
            select(LapseRule.product_id).where(
                LapseRule.org_id == current_org(),
                LapseRule.effective_from <= due_date,
                LapseRule.effective_to.is_(None) | (LapseRule.effective_to > due_date),
            )
        )
    )


def list_terms(
    session: Session, product_ids: Collection[UUID] | None = None
) -> dict[UUID, list[LapseTerms]]:
    """Return each product's terms over all time, with the statutory ones in the gaps."""
    values: dict[str, Any] = {"org": current_org()}
    if product_ids is not None:
        values["ids"] = id_array(product_ids)
    defaults: dict[UUID, LapseTerms] = {}
    saved: dict[UUID, list[LapseTerms]] = defaultdict(list)
    statement = _ALL_TERMS if product_ids is None else _TERMS_OF
    for product_id, class_code, category, *rule in read_rows(session, statement, values):
        defaults[product_id] = rules.default_terms(class_code, category)
        if any(rule):
            saved[product_id].append(_terms_read(rule))
    return {
        product_id: rules.cover_all_dates(saved[product_id], default)
        for product_id, default in defaults.items()
    }


def _terms_read(rule: Sequence[Any]) -> LapseTerms:
    found = dict(zip(_TERMS, rule, strict=True))
    return LapseTerms(**found | {"reminder_schedule": tuple(found["reminder_schedule"])})


def has_applied(session: Session, rule: LapseRule, *, on: date) -> bool:
    """Tell whether premiums that a rule covers have fallen due before a day."""
    until = min(on, rule.effective_to or on)
    values = {"product": rule.product_id, "since": rule.effective_from, "until": until}
    return bool(session.scalar(_HAS_APPLIED, {"org": current_org(), **values}))


def list_open_frequencies(
    session: Session, product_id: UUID, *, since: date, until: date
) -> list[str]:
    """Return the frequencies of a product's unpaid premiums due from one day before another."""
    values = {"org": current_org(), "product": product_id, "since": since, "until": until}
    return list(session.scalars(_OPEN_FREQUENCIES, values))


def holidays_around(session: Session, on: date) -> frozenset[date]:
    """Return the days off that any grace looked at on a day can meet, the tenant's own included."""
    own = read_rows(session, _OWN_HOLIDAYS, {"org": current_org()})
    working = {day for day, is_working in own if is_working}
    closed = {day for day, is_working in own if not is_working}
    return public_holidays(on.year - 10, on.year + 4) - working | closed
