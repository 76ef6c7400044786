"""Something of everything in an organization, and an id of each for tests that walk every path."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import Connection, text

from insurance.alerts.alert_kinds import MENTIONED
from insurance.alerts.services import notify
from insurance.core import clock
from insurance.core.db import transaction
from insurance.core.permissions import Role
from insurance.core.tenancy import current_org
from insurance.identity.services import create_api_key
from insurance.lapses.services import record_notice
from insurance.ledger.models import LedgerAccount
from insurance.message_templates.services import choose_language, save_template
from insurance.notifications.languages import Language
from insurance.notifications.services import send_later
from insurance.policies.permissions import PoliciesMay
from insurance.products.services import NewCategory, create_category
from insurance.senders.services import map_type
from tests.factories import products
from tests.factories.book import TODAY, Book, make_book, make_endorsement
from tests.factories.claims import make_claims
from tests.factories.correspondence import make_correspondence
from tests.factories.debit_orders import make_debit_orders
from tests.factories.identity import make_person
from tests.factories.lapses import make_lapses
from tests.factories.lifecycle import make_approval, make_delegation
from tests.factories.month_end import plan
from tests.factories.organizations import OrganizationFacts
from tests.factories.reconciliation import make_reconciliation


def make_everything() -> Book:
    """Return what the organization in scope has: at least one of each, all of it Palesa's."""
    book = make_book()
    draft = products.make_draft("Palesa's draft")
    products.add_death_benefit(draft, products.make_rate_table())
    products.ask(draft)
    create_category(
        NewCategory(category_code="P", category_name="Palesa's", class_code="RISK"),
        now=clock.now(),
    )
    make_lapses(book.product_id, book.policy_id)
    record_notice(
        book.policy_id,
        recipient="Palesa Dlamini",
        sent_on=TODAY + timedelta(days=1),
        registered_number="RC123456789ZA",
        on=TODAY + timedelta(days=1),
        now=clock.now(),
    )
    make_debit_orders(book.policy_id, book.customer_id)
    make_reconciliation(book.policy_id)
    make_approval(book.policy_id)
    make_delegation()
    plan(TODAY)
    make_endorsement(book.policy_id)
    make_claims(book.policy_id)
    person = make_person(current_org(), Role.TENANT_ADMINISTRATOR)
    create_api_key(
        user_id=person.id,
        name="Palesa's key",
        scopes=frozenset({PoliciesMay.VIEW}),
        days=30,
        now=clock.now(),
    )
    with transaction() as session:
        session.add(LedgerAccount(code="PALESAS", name="Palesa's account", kind="ASSET"))
        send_later(session, "password_changed", to="palesa@example.org", name="Palesa")
        notify(
            session,
            MENTIONED,
            [person.id],
            ("policies", book.policy_id),
            by="Palesa",
            record="Palesa's policy",
        )
    make_correspondence(book.policy_id)
    map_type("claim_paid", "General", now=clock.now())
    choose_language(Language.AFRIKAANS, version=0)
    words = "Palesa, we look at {number} again, says {organization} to {name}."
    save_template("claim_reopened", Language.ENGLISH, "Palesa", words, version=0, now=clock.now())
    return book


def ids_of(connection: Connection, org: OrganizationFacts) -> dict[str, UUID]:
    """Return an id of an organization for each name a path may have."""
    tables = {
        "customer_id": "ins.customers",
        "quote_id": "ins.quotes",
        "policy_id": "ins.policies",
        "line_id": "ins.premium_lines",
        "endorsement_id": "ins.endorsements",
        "policy_event_id": "ins.policy_events",
        "claim_event_id": "ins.claim_events",
        "product_id": "ins.products",
        "benefit_id": "ins.product_benefits",
        "rule_id": "ins.inception_rules",
        "lapse_rule_id": "ins.lapse_rules",
        "hold_id": "ins.lapse_holds",
        "mandate_id": "ins.debit_order_mandates",
        "run_id": "ins.debit_order_runs",
        "holiday_id": "ins.tenant_holidays",
        "approval_id": "ins.approval_requests",
        "delegation_id": "ins.approval_delegations",
        "file_id": "ins.reconciliation_files",
        "mapping_id": "ins.reconciliation_mappings",
        "receipt_id": "ins.receipts",
        "month_end_run_id": "ins.month_end_runs",
        "claim_id": "ins.claims",
        "document_id": "ins.claim_documents",
        "flag_id": "ins.claim_flags",
        "note_id": "ins.notes",
        "payment_id": "ins.claim_payments",
        "payee_id": "ins.claim_payees",
        "member_id": "ins.policy_members",
        "notice_id": "ins.premium_notices",
        "table_id": "ins.rate_tables",
        "category_id": "ins.product_categories",
        "event_id": "ins.audit_events",
        "version_id": "ins.product_versions",
        "mail_id": "ins.mails",
        "record_document_id": "ins.record_documents",
        "alert_id": "ins.alerts",
        "sender_id": "ins.email_senders",
        "change_id": "ins.email_changes",
        "key_id": "cp.api_keys",
    }
    ids = {
        name: connection.scalar(
            text(f"SELECT id FROM {table} WHERE org_id = :org LIMIT 1"), {"org": org.id}
        )
        for name, table in tables.items()
    }
    ids["user_id"] = connection.scalar(
        text("SELECT user_id FROM cp.memberships WHERE org_id = :org LIMIT 1"), {"org": org.id}
    )
    ids["organization_id"] = org.id
    ids["record_id"] = ids["policy_id"]
    ids["account_code"] = connection.scalar(
        text("SELECT code FROM ins.ledger_accounts WHERE org_id = :org AND code LIKE 'PALESA%'"),
        {"org": org.id},
    )
    assert all(ids.values()), ids
    return ids
