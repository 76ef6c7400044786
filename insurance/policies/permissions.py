"""What may be done in policies, and by which roles unless their organization says otherwise."""

from insurance.core.permissions import TENANT_ROLES, Permission, Role


class PoliciesMay(Permission):
    """What may be done with policies."""

    VIEW = "policies.view", *TENANT_ROLES
    ENDORSE = (
        "policies.endorse",
        Role.TENANT_ADMINISTRATOR,
        Role.MANAGER,
        Role.SENIOR_AGENT,
        Role.AGENT,
        Role.UNDERWRITER,
    )
    LIFECYCLE = "policies.lifecycle", Role.TENANT_ADMINISTRATOR, Role.MANAGER, Role.SENIOR_AGENT
