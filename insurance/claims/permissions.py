"""What may be done in claims, and by which roles unless their organization says otherwise."""

from insurance.core.permissions import TENANT_ROLES, Permission, Role


class ClaimsMay(Permission):
    """What may be done with claims."""

    VIEW = "claims.view", *TENANT_ROLES
    SUBMIT = (
        "claims.submit",
        Role.TENANT_ADMINISTRATOR,
        Role.MANAGER,
        Role.SENIOR_AGENT,
        Role.AGENT,
        Role.CLAIMS_ASSESSOR,
    )
    ASSESS = "claims.assess", Role.TENANT_ADMINISTRATOR, Role.MANAGER, Role.CLAIMS_ASSESSOR
    PAY = "claims.pay", Role.TENANT_ADMINISTRATOR, Role.FINANCE
    WAIVE_DOCUMENTS = "claims.waive_documents", Role.TENANT_ADMINISTRATOR, Role.MANAGER


class ClaimsReportsMay(Permission):
    """Who sees the reports on claims."""

    VIEW = (
        "claims_reports.view",
        Role.TENANT_ADMINISTRATOR,
        Role.MANAGER,
        Role.CLAIMS_ASSESSOR,
        Role.FINANCE,
        Role.AUDITOR,
    )
