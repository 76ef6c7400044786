"""Everything a person may do, and which role may do it. The people page shows this table."""

from enum import StrEnum


class Role(StrEnum):
    """What a person is in an organization."""

    PLATFORM_ADMINISTRATOR = "platform_administrator"
    TENANT_ADMINISTRATOR = "tenant_administrator"
    MANAGER = "manager"
    SENIOR_AGENT = "senior_agent"
    AGENT = "agent"
    UNDERWRITER = "underwriter"
    CLAIMS_ASSESSOR = "claims_assessor"
    FINANCE = "finance"
    AUDITOR = "auditor"

    @property
    def label(self) -> str:
        """Return the role in words."""
        return self.value.replace("_", " ").capitalize()


class May(StrEnum):
    """One permission each, named resource.verb; API key scopes use the same words."""

    ORGANIZATIONS_VIEW = "organizations.view"
    ORGANIZATIONS_MANAGE = "organizations.manage"
    SETTINGS_VIEW = "settings.view"
    SETTINGS_EDIT = "settings.edit"
    PEOPLE_VIEW = "people.view"
    PEOPLE_MANAGE = "people.manage"
    TOKENS_VIEW = "tokens.view"
    TOKENS_MANAGE = "tokens.manage"
    MAIL_VIEW = "mail.view"
    MAIL_SEND = "mail.send"
    DASHBOARD_VIEW = "dashboard.view"
    PRODUCTS_VIEW = "products.view"
    PRODUCTS_EDIT = "products.edit"
    PRODUCTS_LAUNCH = "products.launch"
    CUSTOMERS_VIEW = "customers.view"
    CUSTOMERS_EDIT = "customers.edit"
    CUSTOMERS_REVEAL = "customers.reveal"
    QUOTES_VIEW = "quotes.view"
    QUOTES_CREATE = "quotes.create"
    QUOTES_ACCEPT = "quotes.accept"
    POLICIES_VIEW = "policies.view"
    POLICIES_ENDORSE = "policies.endorse"
    POLICIES_LIFECYCLE = "policies.lifecycle"
    PREMIUMS_PAY = "premiums.pay"
    PREMIUMS_REVERSE = "premiums.reverse"
    PREMIUMS_WAIVE = "premiums.waive"
    APPROVALS_VIEW = "approvals.view"
    APPROVALS_DECIDE = "approvals.decide"
    LAPSES_VIEW = "lapses.view"
    LAPSES_EDIT = "lapses.edit"
    LAPSES_HOLD = "lapses.hold"
    DEBIT_ORDERS_VIEW = "debit_orders.view"
    DEBIT_ORDERS_EDIT = "debit_orders.edit"
    RECONCILIATION_VIEW = "reconciliation.view"
    RECONCILIATION_UPLOAD = "reconciliation.upload"
    CLAIMS_VIEW = "claims.view"
    CLAIMS_SUBMIT = "claims.submit"
    CLAIMS_ASSESS = "claims.assess"
    CLAIMS_PAY = "claims.pay"
    CLAIMS_WAIVE_DOCUMENTS = "claims.waive_documents"
    CLAIMS_REPORTS = "claims_reports.view"
    MONTH_END_VIEW = "month_end.view"
    MONTH_END_RUN = "month_end.run"
    MONTH_END_APPROVE = "month_end.approve"
    LEDGER_VIEW = "ledger.view"
    LEDGER_CLOSE = "ledger.close"
    AUDIT_VIEW = "audit.view"
    AUDIT_EXPORT = "audit.export"

    @property
    def label(self) -> str:
        """Return the permission in words, such as "Customers: reveal"."""
        resource, verb = self.value.split(".")
        return f"{resource.replace('_', ' ').capitalize()}: {verb}"


_BOOK = frozenset(
    {
        May.DASHBOARD_VIEW,
        May.PRODUCTS_VIEW,
        May.CUSTOMERS_VIEW,
        May.QUOTES_VIEW,
        May.POLICIES_VIEW,
        May.APPROVALS_VIEW,
        May.LAPSES_VIEW,
        May.DEBIT_ORDERS_VIEW,
        May.RECONCILIATION_VIEW,
        May.CLAIMS_VIEW,
    }
)
_SERVICING = frozenset({May.POLICIES_ENDORSE, May.POLICIES_LIFECYCLE, May.PREMIUMS_PAY})
_MONEY = frozenset(
    {
        May.PREMIUMS_PAY,
        May.PREMIUMS_REVERSE,
        May.PREMIUMS_WAIVE,
        May.DEBIT_ORDERS_EDIT,
        May.RECONCILIATION_UPLOAD,
        May.CLAIMS_PAY,
        May.CLAIMS_REPORTS,
        May.LEDGER_VIEW,
        May.LEDGER_CLOSE,
        May.MONTH_END_VIEW,
        May.MONTH_END_RUN,
        May.APPROVALS_DECIDE,
    }
)
_CLAIMS = frozenset({May.CLAIMS_SUBMIT, May.CLAIMS_ASSESS, May.CLAIMS_REPORTS})
_SELLING = frozenset({May.CUSTOMERS_EDIT, May.QUOTES_CREATE, May.QUOTES_ACCEPT})
_READING = _BOOK | {
    May.SETTINGS_VIEW,
    May.PEOPLE_VIEW,
    May.TOKENS_VIEW,
    May.MAIL_VIEW,
    May.LEDGER_VIEW,
    May.MONTH_END_VIEW,
    May.CLAIMS_REPORTS,
    May.AUDIT_VIEW,
    May.AUDIT_EXPORT,
}

GRANTS: dict[Role, frozenset[May]] = {
    Role.PLATFORM_ADMINISTRATOR: frozenset(
        {
            May.ORGANIZATIONS_VIEW,
            May.ORGANIZATIONS_MANAGE,
            May.SETTINGS_VIEW,
            May.SETTINGS_EDIT,
            May.PEOPLE_VIEW,
            May.PEOPLE_MANAGE,
            May.TOKENS_VIEW,
            May.TOKENS_MANAGE,
            May.MAIL_VIEW,
            May.MAIL_SEND,
            May.AUDIT_VIEW,
            May.AUDIT_EXPORT,
        }
    ),
    Role.TENANT_ADMINISTRATOR: _READING
    | _SELLING
    | _SERVICING
    | _MONEY
    | _CLAIMS
    | {
        May.MONTH_END_APPROVE,
        May.CLAIMS_WAIVE_DOCUMENTS,
        May.LAPSES_EDIT,
        May.LAPSES_HOLD,
        May.SETTINGS_EDIT,
        May.PEOPLE_MANAGE,
        May.TOKENS_MANAGE,
        May.MAIL_SEND,
        May.PRODUCTS_EDIT,
        May.PRODUCTS_LAUNCH,
        May.CUSTOMERS_REVEAL,
    },
    Role.MANAGER: _BOOK
    | _SELLING
    | _SERVICING
    | _CLAIMS
    | {
        May.MONTH_END_VIEW,
        May.MONTH_END_APPROVE,
        May.CLAIMS_WAIVE_DOCUMENTS,
        May.APPROVALS_DECIDE,
        May.PREMIUMS_WAIVE,
        May.LAPSES_EDIT,
        May.LAPSES_HOLD,
        May.PEOPLE_VIEW,
        May.PRODUCTS_EDIT,
        May.PRODUCTS_LAUNCH,
        May.CUSTOMERS_REVEAL,
        May.LEDGER_VIEW,
        May.AUDIT_VIEW,
    },
    Role.SENIOR_AGENT: _BOOK
    | _SELLING
    | _SERVICING
    | {May.CUSTOMERS_REVEAL, May.LAPSES_HOLD, May.CLAIMS_SUBMIT},
    Role.AGENT: _BOOK | _SELLING | {May.POLICIES_ENDORSE, May.PREMIUMS_PAY, May.CLAIMS_SUBMIT},
    Role.UNDERWRITER: _BOOK
    | _SELLING
    | {May.POLICIES_ENDORSE, May.PRODUCTS_EDIT, May.CUSTOMERS_REVEAL},
    Role.CLAIMS_ASSESSOR: _BOOK | _CLAIMS | {May.CUSTOMERS_REVEAL},
    Role.FINANCE: _BOOK | _MONEY | {May.LAPSES_HOLD},
    Role.AUDITOR: _READING,
}

TENANT_ROLES = tuple(role for role in Role if role is not Role.PLATFORM_ADMINISTRATOR)
"""The roles an organization's own administrators may hand out."""

READ_ONLY_VERBS = frozenset({"view", "export"})
"""What an auditor's permissions may end in; a test holds the table to it."""
