"""The notices that are due to holders."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from string import Template
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.core.tenancy import current_org
from insurance.lapses import rules
from insurance.lapses.queries.arrears import RULES, rows_of
from insurance.lapses.queries.terms import frequency_on, list_terms
from insurance.lapses.rules import LapseTerms


@dataclass(frozen=True, slots=True)
class DueNotice:
    """A premium of which a holder is to be told today."""

    line_id: UUID
    policy_id: UUID
    due_date: date
    left: Decimal
    policy_number: str
    frequency: str
    product_id: UUID
    product_name: str
    category: str
    holder: str
    email: str
    grace_from: date | None
    customer_id: UUID

    def days_before(self, on: date) -> int:
        """Return how many days there are to the due date."""
        return (self.due_date - on).days


_DUE_LINES = """
    SELECT l.id, l.policy_id, l.due_date, l.amount - l.paid_amount, p.policy_number,
           $frequency,
           p.product_id, pr.name, k.category, c.display_name, coalesce(c.email, ''), g.since,
           p.customer_id
    FROM ins.premium_lines l
    JOIN ins.policies p ON p.org_id = l.org_id AND p.id = l.policy_id
    JOIN rules r ON r.product_id = p.product_id AND r.valid_from <= l.due_date
     AND (r.valid_to IS NULL OR l.due_date < r.valid_to)
    JOIN ins.customers c ON c.org_id = p.org_id AND c.id = p.customer_id
    JOIN ins.products pr ON pr.org_id = p.org_id AND pr.id = p.product_id
    JOIN ins.product_classes k ON k.code = pr.class_code
    CROSS JOIN LATERAL (
        SELECT min(run.due_date) AS since FROM (
            SELECT o.due_date, sum(o.amount - o.paid_amount)
                   OVER (ORDER BY o.due_date, o.sequence) AS owed
            FROM ins.premium_lines o
            WHERE o.org_id = l.org_id AND o.policy_id = l.policy_id
              AND o.status IN ('PENDING', 'OVERDUE') AND o.due_date < CAST(:on AS date)
        ) run WHERE run.owed > r.tolerance) g
    WHERE l.org_id = :org AND l.status IN ('PENDING', 'OVERDUE') AND l.amount > l.paid_amount
"""
_TELL_ANYBODY = Template(_DUE_LINES).substitute(
    frequency=frequency_on("l.policy_id", "coalesce(g.since, l.due_date)", "p.frequency")
)
_TELL = "".join([_TELL_ANYBODY, " AND c.email <> ''"])
_REMINDERS = """
      AND p.status = 'active' AND r.email
      AND l.due_date = ANY(CAST(:due AS date[]))
      AND r.reminders @> to_jsonb(l.due_date - CAST(:on AS date))
      AND NOT EXISTS (
        SELECT 1 FROM ins.premium_notices n
        WHERE n.org_id = l.org_id AND n.premium_line_id = l.id AND n.kind = 'REMINDER'
          AND n.days_before = l.due_date - CAST(:on AS date) AND n.recipient = c.email)
"""
_NON_PAYMENTS = """
      AND p.status IN ('active', 'suspended')
      AND l.due_date BETWEEN CAST(:on AS date) - CAST(:days AS integer) AND CAST(:on AS date) - 1
      AND (SELECT sum(o.amount - o.paid_amount) FROM ins.premium_lines o
           WHERE o.org_id = l.org_id AND o.policy_id = l.policy_id
             AND o.status IN ('PENDING', 'OVERDUE') AND o.due_date <= l.due_date) > r.tolerance
      AND NOT EXISTS (
        SELECT 1 FROM ins.premium_notices n
        WHERE n.org_id = l.org_id AND n.premium_line_id = l.id AND n.kind = 'NON_PAYMENT')
"""
_TELL_ORDER = " ORDER BY l.due_date, l.id LIMIT :limit"
_DUE_REMINDERS = text("".join([RULES, _TELL, _REMINDERS, _TELL_ORDER]))
_DUE_NON_PAYMENTS = text("".join([RULES, _TELL, _NON_PAYMENTS, _TELL_ORDER]))


def list_due_reminders(
    session: Session, terms: Mapping[UUID, Sequence[LapseTerms]], *, on: date, limit: int
) -> list[DueNotice]:
    """Return the premiums whose holder is to be reminded today and was not."""
    steps = {step for spans in terms.values() for span in spans for step in span.reminder_schedule}
    values = {
        "org": current_org(),
        "on": on,
        "rules": json.dumps(rows_of(terms)),
        "due": [on + timedelta(days=step) for step in sorted(steps)],
        "limit": limit,
    }
    return [DueNotice(*row) for row in session.execute(_DUE_REMINDERS, values)]


_ONE_NOTICE = text("".join([RULES, _TELL_ANYBODY, " AND l.id = :line AND l.due_date < :on"]))


def find_notice(session: Session, line_id: UUID | None, *, on: date) -> DueNotice | None:
    """Return what the notice of non-payment of a premium says; None where it is not overdue."""
    if line_id is None:
        return None
    values = {
        "org": current_org(),
        "on": on,
        "rules": json.dumps(rows_of(list_terms(session))),
        "line": line_id,
    }
    row = session.execute(_ONE_NOTICE, values).one_or_none()
    return DueNotice(*row) if row is not None else None


def list_due_non_payments(
    session: Session, terms: Mapping[UUID, Sequence[LapseTerms]], *, on: date, limit: int
) -> list[DueNotice]:
    """Return unpaid premiums whose holder is to be told by law and was not, while there is time."""
    values = {
        "org": current_org(),
        "on": on,
        "rules": json.dumps(rows_of(terms)),
        "days": rules.NOTICE_DAYS,
        "limit": limit,
    }
    return [DueNotice(*row) for row in session.execute(_DUE_NON_PAYMENTS, values)]
