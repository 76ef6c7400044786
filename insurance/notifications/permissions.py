"""What may be done in notifications, and by which roles unless their organization says otherwise."""

from insurance.core.permissions import Permission, Role


class MailMay(Permission):
    """What may be done with the mail that was sent."""

    VIEW = "mail.view", Role.PLATFORM_ADMINISTRATOR, Role.TENANT_ADMINISTRATOR, Role.AUDITOR
    SEND = "mail.send", Role.PLATFORM_ADMINISTRATOR, Role.TENANT_ADMINISTRATOR
