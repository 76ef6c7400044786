"""How the house handles claims, and who may decide how much."""

from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.claims.models import (
    Assignment,
    AuthorityLevel,
    AuthorityLimit,
    ClaimSettings,
)
from insurance.claims.rules import DEFAULT_LIMITS, Authority, Limits
from insurance.core.reading import read_rows
from insurance.core.tenancy import current_org
from insurance.organizations.models import Organization


def get_settings(session: Session) -> ClaimSettings:
    """Return what the organization decided about its claims, or the defaults."""
    return get_house(session)[1]


def get_house(session: Session) -> tuple[Organization, ClaimSettings]:
    """Return the organization in scope, and what it decided about its claims or the defaults."""
    organization, settings = session.execute(
        select(Organization, ClaimSettings)
        .outerjoin(ClaimSettings, ClaimSettings.org_id == Organization.org_id)
        .where(Organization.org_id == current_org())
    ).one()
    return organization, settings or ClaimSettings(
        org_id=current_org(),
        days_by_class={},
        other_days=10,
        payee_change_days=14,
        early_claim_days=180,
        large_loss=Decimal("250000.00"),
        assignment=Assignment.BY_HAND,
        verified_account_first=False,
        version=0,
    )


_AUTHORITY = """
    SELECT role, level, transaction_limit, benefit_limit, claim_limit
    FROM ins.claim_authority_limits WHERE org_id = %(org)s
    UNION ALL
    SELECT NULL, level, NULL, NULL, NULL
    FROM ins.claim_authority_levels WHERE org_id = %(org)s AND user_id = %(user)s
"""


def get_authority(session: Session, user_id: UUID | None) -> tuple[dict[Authority, Limits], int]:
    """Return the limits of each role and level, and the level of a person; 1 for who has none."""
    table, own_level = dict(DEFAULT_LIMITS), 1
    for role, level, *limits in read_rows(
        session, _AUTHORITY, {"org": current_org(), "user": user_id}
    ):
        if role is None:
            own_level = level
        else:
            table[Authority(role, level)] = Limits(*limits)
    return table, own_level


def authority_table(session: Session) -> dict[Authority, Limits]:
    """Return the limits of each role and level: the organization's own over the defaults."""
    return get_authority(session, None)[0]


def list_levels(session: Session) -> dict[UUID, int]:
    """Return the level of each person who was put at one."""
    rows = session.execute(
        select(AuthorityLevel.user_id, AuthorityLevel.level).where(
            AuthorityLevel.org_id == current_org()
        )
    )
    return dict(rows.tuples().all())


def has_own_limits(session: Session) -> bool:
    """Tell whether the organization set a limit of its own."""
    first = select(AuthorityLimit.level).where(AuthorityLimit.org_id == current_org()).limit(1)
    return session.scalar(first) is not None
