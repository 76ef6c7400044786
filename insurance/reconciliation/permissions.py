"""What may be done in reconciliation, and by which roles unless their organization says otherwise."""

from insurance.core.permissions import TENANT_ROLES, Permission, Role


class ReconciliationMay(Permission):
    """What may be done with the files of banks."""

    VIEW = "reconciliation.view", *TENANT_ROLES
    UPLOAD = "reconciliation.upload", Role.TENANT_ADMINISTRATOR, Role.FINANCE
