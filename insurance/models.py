"""Every table, imported once so that the metadata is whole for migrations and the linter."""

import insurance.approvals.models
import insurance.audit_logs.models
import insurance.billing.models
import insurance.claims.models
import insurance.core.counts
import insurance.core.idempotency
import insurance.core.jobs
import insurance.core.numbering
import insurance.customers.models
import insurance.debit_orders.models
import insurance.identity.models
import insurance.lapses.models
import insurance.ledger.models
import insurance.month_end.models
import insurance.notifications.models
import insurance.organizations.models
import insurance.policies.models
import insurance.products.models
import insurance.quotes.models
import insurance.reconciliation.models  # noqa: F401
