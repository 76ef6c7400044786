"""What may be done in month end, and by which roles unless their organization says otherwise."""

from insurance.core.permissions import Permission, Role


class MonthEndMay(Permission):
    """What may be done with a month-end."""

    VIEW = "month_end.view", Role.TENANT_ADMINISTRATOR, Role.MANAGER, Role.FINANCE, Role.AUDITOR
    RUN = "month_end.run", Role.TENANT_ADMINISTRATOR, Role.FINANCE
    APPROVE = "month_end.approve", Role.TENANT_ADMINISTRATOR, Role.MANAGER
