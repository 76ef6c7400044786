"""What may be done in billing, and by which roles unless their organization says otherwise."""

from insurance.core.permissions import Permission, Role


class PremiumsMay(Permission):
    """What may be done with the money of premiums."""

    PAY = (
        "premiums.pay",
        Role.TENANT_ADMINISTRATOR,
        Role.MANAGER,
        Role.SENIOR_AGENT,
        Role.AGENT,
        Role.FINANCE,
    )
    REVERSE = "premiums.reverse", Role.TENANT_ADMINISTRATOR, Role.FINANCE
    WAIVE = "premiums.waive", Role.TENANT_ADMINISTRATOR, Role.MANAGER, Role.FINANCE
