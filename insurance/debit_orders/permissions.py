"""What may be done in debit orders, and by which roles unless their organization says otherwise."""

from insurance.core.permissions import TENANT_ROLES, Permission, Role


class DebitOrdersMay(Permission):
    """What may be done with debit orders."""

    VIEW = "debit_orders.view", *TENANT_ROLES
    EDIT = "debit_orders.edit", Role.TENANT_ADMINISTRATOR, Role.FINANCE
