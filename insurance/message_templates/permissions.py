"""What may be done with the words of mail, and by which roles unless their organization says otherwise."""

from insurance.core.permissions import Permission, Role


class MessageTemplatesMay(Permission):
    """What may be done with the words of an organization's mail."""

    VIEW = "message_templates.view", Role.TENANT_ADMINISTRATOR, Role.AUDITOR
    MANAGE = "message_templates.manage", Role.TENANT_ADMINISTRATOR
