"""What may be done in approvals, and by which roles unless their organization says otherwise."""

from insurance.core.permissions import TENANT_ROLES, Permission, Role


class ApprovalsMay(Permission):
    """What may be done with what waits for a second person."""

    VIEW = "approvals.view", *TENANT_ROLES
    DECIDE = "approvals.decide", Role.TENANT_ADMINISTRATOR, Role.MANAGER, Role.FINANCE
