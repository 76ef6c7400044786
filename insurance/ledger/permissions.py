"""What may be done in ledger, and by which roles unless their organization says otherwise."""

from insurance.core.permissions import Permission, Role


class LedgerMay(Permission):
    """What may be done with the books."""

    VIEW = "ledger.view", Role.TENANT_ADMINISTRATOR, Role.MANAGER, Role.FINANCE, Role.AUDITOR
    CLOSE = "ledger.close", Role.TENANT_ADMINISTRATOR, Role.FINANCE
