"""What may be done in customers, and by which roles unless their organization says otherwise."""

from insurance.core.permissions import TENANT_ROLES, Permission, Role


class CustomersMay(Permission):
    """What may be done with customers; to reveal is to see their ID numbers."""

    VIEW = "customers.view", *TENANT_ROLES
    EDIT = (
        "customers.edit",
        Role.TENANT_ADMINISTRATOR,
        Role.MANAGER,
        Role.SENIOR_AGENT,
        Role.AGENT,
        Role.UNDERWRITER,
    )
    REVEAL = (
        "customers.reveal",
        Role.TENANT_ADMINISTRATOR,
        Role.MANAGER,
        Role.SENIOR_AGENT,
        Role.UNDERWRITER,
        Role.CLAIMS_ASSESSOR,
    )
