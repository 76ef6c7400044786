"""What may be done in lapses, and by which roles unless their organization says otherwise."""

from insurance.core.permissions import TENANT_ROLES, Permission, Role


class LapsesMay(Permission):
    """What may be done with lapse rules and lapses."""

    VIEW = "lapses.view", *TENANT_ROLES
    EDIT = "lapses.edit", Role.TENANT_ADMINISTRATOR, Role.MANAGER
    HOLD = "lapses.hold", Role.TENANT_ADMINISTRATOR, Role.MANAGER, Role.SENIOR_AGENT, Role.FINANCE
