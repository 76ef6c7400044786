"""What month-end lists of claims: those that were to be decided by its day."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.core.money import ZERO
from insurance.core.month_ends import Listed, MonthOfPolicies, month_list
from insurance.organizations.queries import get_organization

_DUE = text(
    """
    SELECT c.policy_id, c.claim_number, c.due_at FROM ins.claims c
    WHERE c.org_id = :org AND c.policy_id = ANY(CAST(:policies AS uuid[]))
      AND c.status IN ('SUBMITTED', 'PENDING_DOCUMENTS', 'UNDER_ASSESSMENT') AND c.due_at < :day_after
    ORDER BY c.policy_id, c.due_at, c.id
    """
)


@month_list("CLAIMS_CLOCKS")
def _out_of_time(session: Session, month: MonthOfPolicies) -> Iterator[Listed]:
    zone = ZoneInfo(get_organization(session).timezone)
    day_after = datetime.combine(month.on + timedelta(days=1), time(), zone)
    rows = session.execute(_DUE, month.values | {"day_after": day_after})
    for policy_id, claims in groupby(rows, lambda row: row.policy_id):
        due = list(claims)
        decide_by = due[0].due_at.astimezone(zone).date()
        yield Listed(
            policy_id, {"decide_by": decide_by}, [claim.claim_number for claim in due], ZERO
        )
