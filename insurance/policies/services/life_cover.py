"""Funeral cover of one life over all of the insurer's policies, held to the law's cap."""

from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.core.errors import DomainError, raise_all
from insurance.core.money import format_money
from insurance.core.tenancy import current_org
from insurance.organizations.queries import find_parameter
from insurance.policies.models import Policy

# A life is the same where name and date of birth are; one without a date of birth is only held
# to the cap within its own policy.
_COVERED = text(
    """
    SELECT mine.first_name, mine.last_name, sum(b.sum_assured)
    FROM ins.policy_members mine
    JOIN ins.policy_members m ON m.org_id = mine.org_id AND m.date_of_birth = mine.date_of_birth
        AND lower(m.last_name) = lower(mine.last_name)
        AND lower(m.first_name) = lower(mine.first_name) AND m.end_date IS NULL
    JOIN ins.policies p ON p.org_id = m.org_id AND p.id = m.policy_id
        AND p.status IN ('active', 'suspended')
    JOIN ins.products pr ON pr.org_id = p.org_id AND pr.id = p.product_id
        AND pr.class_code = 'FUNERAL'
    JOIN ins.policy_benefits b ON b.org_id = m.org_id AND b.policy_id = m.policy_id
        AND b.status = 'ACTIVE' AND b.benefit_type_code <> 'PREMIUM_WAIVER'
        AND (b.member_id = m.id OR (b.member_id IS NULL AND m.role = 'MAIN_MEMBER'))
    WHERE mine.org_id = :org AND mine.policy_id = :policy AND mine.end_date IS NULL
    GROUP BY mine.id, mine.first_name, mine.last_name
    HAVING sum(b.sum_assured) > :cap
    ORDER BY mine.id
    """
)


def check_life_cover(session: Session, policy: Policy, class_code: str, *, on: date) -> None:
    """Refuse a funeral policy that takes a life above the cap over all policies.

    The cap is a dated parameter (Insurance Act 18 of 2017, Schedule 2, class funeral). Raises
    DomainError naming each life with what it would be insured for.
    """
    if class_code != "FUNERAL":
        return
    session.flush()
    cap = find_parameter(session, "funeral_cover_cap", on)
    over = session.execute(_COVERED, {"org": current_org(), "policy": policy.id, "cap": cap})
    raise_all(
        [
            DomainError(
                f"{first} {last} would have {format_money(amount)} of funeral cover over all"
                f" policies; one life may have {format_money(cap)}."
            )
            for first, last, amount in over
        ]
    )
