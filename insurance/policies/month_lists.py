"""What month-end lists of policies: waiting periods that ended, and renewals to come."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby

from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.core.money import total
from insurance.core.month_ends import Listed, MonthOfPolicies, month_list
from insurance.organizations.queries import find_parameter

_WAITED = text(
    """
    SELECT b.policy_id, b.benefit_name, l.waiting_until, l.amount
    FROM ins.policy_benefits b
    JOIN ins.policy_benefit_layers l ON l.org_id = b.org_id AND l.policy_benefit_id = b.id
    WHERE b.org_id = :org AND b.policy_id = ANY(CAST(:policies AS uuid[])) AND b.status = 'ACTIVE'
      AND l.waiting_days > 0 AND l.waiting_until > :since AND l.waiting_until <= :on
    ORDER BY b.policy_id, l.waiting_until, b.display_order, l.number
    """
)
_RENEWED = text(
    """
    SELECT p.id, p.expiry_date, p.premium FROM ins.policies p
    JOIN ins.products pr ON pr.org_id = p.org_id AND pr.id = p.product_id
    JOIN ins.product_classes k ON k.code = pr.class_code AND k.category = 'NON_LIFE'
    WHERE p.org_id = :org AND p.id = ANY(CAST(:policies AS uuid[])) AND p.status = 'active'
      AND p.expiry_date BETWEEN :on AND :until
    """
)


@month_list("WAITING_ENDED")
def _waiting_ended(session: Session, month: MonthOfPolicies) -> Iterator[Listed]:
    rows = session.execute(_WAITED, month.values)
    for policy_id, layers in groupby(rows, lambda row: row.policy_id):
        waited = list(layers)
        yield Listed(
            policy_id,
            {"waiting_until": max(layer.waiting_until for layer in waited)},
            sorted({layer.benefit_name for layer in waited}),
            total(layer.amount for layer in waited),
        )


@month_list("RENEWALS_DUE")
def _renewals_due(session: Session, month: MonthOfPolicies) -> Iterator[Listed]:
    lead = int(find_parameter(session, "renewal_lead_days", month.on))
    values = month.values | {"until": month.on + timedelta(days=lead)}
    for row in session.execute(_RENEWED, values):
        premium = month.premiums.get(row.id, row.premium)
        yield Listed(row.id, {"expiry_date": row.expiry_date}, ["Renewal"], premium)
