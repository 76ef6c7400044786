"""What may be done in correspondence, and by which roles unless their organization says otherwise."""

from insurance.core.permissions import TENANT_ROLES, Permission, Role


class CorrespondenceMay(Permission):
    """What may be done with the notes, documents and messages of the records that one may see."""

    VIEW = "correspondence.view", *TENANT_ROLES
    WRITE = (
        "correspondence.write",
        Role.TENANT_ADMINISTRATOR,
        Role.MANAGER,
        Role.SENIOR_AGENT,
        Role.AGENT,
        Role.UNDERWRITER,
        Role.CLAIMS_ASSESSOR,
        Role.FINANCE,
    )
