"""What may be done in products, and by which roles unless their organization says otherwise."""

from insurance.core.permissions import TENANT_ROLES, Permission, Role


class ProductsMay(Permission):
    """What may be done with products."""

    VIEW = "products.view", *TENANT_ROLES
    EDIT = "products.edit", Role.TENANT_ADMINISTRATOR, Role.MANAGER, Role.UNDERWRITER
    LAUNCH = "products.launch", Role.TENANT_ADMINISTRATOR, Role.MANAGER
