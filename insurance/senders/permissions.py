"""What may be done with senders of mail, and by which roles unless their organization says otherwise."""

from insurance.core.permissions import Permission, Role


class SendersMay(Permission):
    """What may be done with the senders of an organization's mail."""

    VIEW = "senders.view", Role.TENANT_ADMINISTRATOR, Role.AUDITOR
    MANAGE = "senders.manage", Role.TENANT_ADMINISTRATOR
