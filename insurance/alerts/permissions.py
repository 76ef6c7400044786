"""What may be done with alerts, and by which roles unless their organization says otherwise."""

from insurance.core.permissions import Permission, Role


class AlertsMay(Permission):
    """What may be done with what one is told: nobody sees, or reads away, another's."""

    VIEW = "alerts.view", *Role
