"""What may be done in identity, and by which roles unless their organization says otherwise."""

from insurance.core.permissions import Permission, Role


class PeopleMay(Permission):
    """What may be done with the people of an organization, and with what their roles allow."""

    VIEW = (
        "people.view",
        Role.PLATFORM_ADMINISTRATOR,
        Role.TENANT_ADMINISTRATOR,
        Role.MANAGER,
        Role.AUDITOR,
    )
    MANAGE = "people.manage", Role.PLATFORM_ADMINISTRATOR, Role.TENANT_ADMINISTRATOR


class TokensMay(Permission):
    """What may be done with API keys."""

    VIEW = "tokens.view", Role.PLATFORM_ADMINISTRATOR, Role.TENANT_ADMINISTRATOR, Role.AUDITOR
    MANAGE = "tokens.manage", Role.PLATFORM_ADMINISTRATOR, Role.TENANT_ADMINISTRATOR
