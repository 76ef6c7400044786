"""What may be done in quotes, and by which roles unless their organization says otherwise."""

from insurance.core.permissions import TENANT_ROLES, Permission, Role


class QuotesMay(Permission):
    """What may be done with quotes."""

    VIEW = "quotes.view", *TENANT_ROLES
    CREATE = (
        "quotes.create",
        Role.TENANT_ADMINISTRATOR,
        Role.MANAGER,
        Role.SENIOR_AGENT,
        Role.AGENT,
        Role.UNDERWRITER,
    )
    ACCEPT = (
        "quotes.accept",
        Role.TENANT_ADMINISTRATOR,
        Role.MANAGER,
        Role.SENIOR_AGENT,
        Role.AGENT,
        Role.UNDERWRITER,
    )
