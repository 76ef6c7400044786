"""What may be done in audit logs, and by which roles unless their organization says otherwise."""

from insurance.core.permissions import Permission, Role


class AuditMay(Permission):
    """What may be done with the audit log."""

    VIEW = (
        "audit.view",
        Role.PLATFORM_ADMINISTRATOR,
        Role.TENANT_ADMINISTRATOR,
        Role.MANAGER,
        Role.AUDITOR,
    )
    EXPORT = "audit.export", Role.PLATFORM_ADMINISTRATOR, Role.TENANT_ADMINISTRATOR, Role.AUDITOR
