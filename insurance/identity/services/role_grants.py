"""What the roles of an organization may do where it wants something else than the default."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.permissions import Permission, Role, granted_to
from insurance.core.tenancy import current_org
from insurance.identity import queries, rules
from insurance.identity.models import RoleGrant
from insurance.organizations.queries import get_organization
from insurance.organizations.services import repeat_grant_changes


def change_role_grants(
    role: Role, *, granted: frozenset[Permission], taken: frozenset[Permission], now: datetime
) -> None:
    """Give a role of the organization in scope permissions and take others away.

    It counts from everybody's next request on; what is so already stays. Raises DomainError at
    `role` or `permissions` for what must not change.
    """
    rules.check_role_grants(role, granted, taken)
    with transaction() as session:
        # One change after another, as the directory repeats all of them.
        get_organization(session, lock=True)
        held = granted_to(frozenset({role}), queries.find_grant_changes(session))
        given, lost = granted - held, taken & held
        if not given | lost:
            return
        _write(session, role, given, lost, now)
        repeat_grant_changes(session, sorted(queries.find_grant_changes(session)))
        record(
            session,
            action="role_grants.change",
            resource="role_grants",
            resource_id=role.value,
            after={"given": sorted(given), "taken": sorted(lost)},
        )


def _write(
    session: Session,
    role: Role,
    given: frozenset[Permission],
    lost: frozenset[Permission],
    now: datetime,
) -> None:
    """Keep rows only of what differs from the default."""
    session.execute(
        delete(RoleGrant).where(
            RoleGrant.org_id == current_org(),
            RoleGrant.role == role,
            RoleGrant.permission.in_(given | lost),
        )
    )
    session.add_all(
        RoleGrant(
            role=role,
            permission=permission.value,
            granted=permission in given,
            changed_at=now,
            changed_by=current_actor().user_id,
            changed_by_email=current_actor().email,
        )
        for permission in sorted(given | lost)
        if (permission in given) != (role in permission.roles)
    )
    session.flush()
