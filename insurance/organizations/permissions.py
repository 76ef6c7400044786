"""What may be done in organizations, and by which roles unless their organization says otherwise."""

from insurance.core.permissions import TENANT_ROLES, Permission, Role


class OrganizationsMay(Permission):
    """What may be done with the organizations of the platform."""

    VIEW = "organizations.view", Role.PLATFORM_ADMINISTRATOR
    MANAGE = "organizations.manage", Role.PLATFORM_ADMINISTRATOR


class SettingsMay(Permission):
    """What may be done with the settings of an organization."""

    VIEW = "settings.view", Role.PLATFORM_ADMINISTRATOR, Role.TENANT_ADMINISTRATOR, Role.AUDITOR
    EDIT = "settings.edit", Role.PLATFORM_ADMINISTRATOR, Role.TENANT_ADMINISTRATOR


class HealthMay(Permission):
    """Who sees whether the parts of the platform work: who can see to it, and who audits it."""

    VIEW = "health.view", Role.PLATFORM_ADMINISTRATOR, Role.TENANT_ADMINISTRATOR, Role.AUDITOR


class DashboardMay(Permission):
    """Who sees the home page of an organization."""

    VIEW = "dashboard.view", *TENANT_ROLES
