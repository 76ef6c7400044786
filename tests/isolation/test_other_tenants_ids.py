"""Generated from the route map: another tenant's ids are answered like ids that never were."""

import io
import re
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import Connection, text
from werkzeug.routing import Rule

from insurance.api.edge import ENDPOINTS
from insurance.core import clock
from insurance.core.db import transaction
from insurance.core.permissions import May, Role
from insurance.core.tenancy import tenant_scope
from insurance.identity.services import create_api_key
from insurance.ledger.models import LedgerAccount
from insurance.notifications.services import send_later
from insurance.products.services import NewCategory, create_category
from insurance.web.access import access_of
from tests.factories import products
from tests.factories.book import TODAY, Book, make_book, make_endorsement
from tests.factories.claims import make_claims
from tests.factories.debit_orders import make_debit_orders
from tests.factories.identity import SignedInClient, TestClient, make_person
from tests.factories.lapses import make_lapses
from tests.factories.lifecycle import make_approval
from tests.factories.month_end import plan
from tests.factories.organizations import OrganizationFacts
from tests.factories.reconciliation import make_reconciliation

CHANGING = ("POST", "PUT", "PATCH", "DELETE")
BODIES = {
    "PUT /policies/<uuid:policy_id>/suspend": {"reason": "Sold the car"},
    "PUT /policies/<uuid:policy_id>/lapse": {"reason": "Sold the car"},
    "PUT /policies/<uuid:policy_id>/reinstate": {"reason": "Sold the car", "arrears_paid": True},
    "PUT /policies/<uuid:policy_id>/cancel": {
        "reason": "Sold the car",
        "cancellation_type": "VOLUNTARY",
    },
    "PUT /quotes/<uuid:quote_id>/decline": {"reason": "too dear"},
    "PUT /customers/<uuid:customer_id>": {
        "first_name": "A",
        "last_name": "B",
        "date_of_birth": "1990-01-01",
        "version": 1,
    },
}


@pytest.fixture
def theirs(app: Flask, other_org: OrganizationFacts) -> Book:
    """Return what the other organization has."""
    with app.app_context(), tenant_scope(other_org.id):
        book = make_book()
        draft = products.make_draft("Palesa's draft")
        products.add_death_benefit(draft, products.make_rate_table())
        products.ask(draft)
        create_category(
            NewCategory(category_code="P", category_name="Palesa's", class_code="RISK"),
            now=clock.now(),
        )
        make_lapses(book.product_id, book.policy_id)
        make_debit_orders(book.policy_id, book.customer_id)
        make_reconciliation(book.policy_id)
        make_approval(book.policy_id)
        plan(TODAY)
        make_endorsement(book.policy_id)
        make_claims(book.policy_id)
        person = make_person(other_org.id, Role.TENANT_ADMINISTRATOR)
        create_api_key(
            user_id=person.id,
            name="Palesa's key",
            scopes=frozenset({May.POLICIES_VIEW}),
            days=30,
            now=clock.now(),
        )
        with transaction() as session:
            session.add(LedgerAccount(code="PALESAS", name="Palesa's account", kind="ASSET"))
            send_later(session, "password_changed", to="palesa@example.org", name="Palesa")
        return book


def _other_ids(connection: Connection, org: OrganizationFacts) -> dict[str, UUID]:
    """Return an id of the other organization for each name a path may have."""
    tables = {
        "customer_id": "ins.customers",
        "quote_id": "ins.quotes",
        "policy_id": "ins.policies",
        "line_id": "ins.premium_lines",
        "endorsement_id": "ins.endorsements",
        "product_id": "ins.products",
        "benefit_id": "ins.product_benefits",
        "rule_id": "ins.inception_rules",
        "lapse_rule_id": "ins.lapse_rules",
        "hold_id": "ins.lapse_holds",
        "mandate_id": "ins.debit_order_mandates",
        "run_id": "ins.debit_order_runs",
        "holiday_id": "ins.tenant_holidays",
        "approval_id": "ins.approval_requests",
        "file_id": "ins.reconciliation_files",
        "mapping_id": "ins.reconciliation_mappings",
        "receipt_id": "ins.receipts",
        "month_end_run_id": "ins.month_end_runs",
        "claim_id": "ins.claims",
        "document_id": "ins.claim_documents",
        "flag_id": "ins.claim_flags",
        "note_id": "ins.claim_notes",
        "payment_id": "ins.claim_payments",
        "table_id": "ins.rate_tables",
        "category_id": "ins.product_categories",
        "event_id": "ins.audit_events",
        "version_id": "ins.product_versions",
        "mail_id": "ins.mails",
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
    ids["account_code"] = connection.scalar(
        text("SELECT code FROM ins.ledger_accounts WHERE org_id = :org AND code LIKE 'PALESA%'"),
        {"org": org.id},
    )
    assert all(ids.values()), ids
    return ids


def _fingerprint(connection: Connection, org: OrganizationFacts) -> list[tuple[str, int, str]]:
    """Return a digest of every row the organization has."""
    names = connection.scalars(
        text(
            "SELECT relname FROM pg_class WHERE relnamespace = 'ins'::regnamespace"
            " AND relkind = 'r' AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = oid"
            " AND a.attname = 'org_id') AND relname NOT LIKE 'audit\\_%' ORDER BY relname"
        )
    ).all()
    digest = []
    for name in names:
        row = connection.execute(
            text(
                f"SELECT count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), ''))"
                f" FROM ins.{name} t WHERE org_id = :org"
            ),
            {"org": org.id},
        ).one()
        digest.append((name, row[0], row[1]))
    connection.rollback()
    return digest


def _file() -> tuple[io.BytesIO, str]:
    return io.BytesIO(b"paid_date,amount,reference\n2026-11-20,1.00,R"), "bank.csv"


def _plain(body: bytes) -> bytes:
    """Return an answer without what differs each time: ids, tokens, keys."""
    body = re.sub(rb"[0-9a-f]{8}-[0-9a-f-]{27}", b"ID", body)
    return re.sub(rb'(csrf-token" content|_key" value|csrf_token" value)="[^"]*"', b"TOKEN", body)


def _urls(rule: Rule, ids: dict[str, UUID], slug: str) -> str:
    path = rule.rule.replace("<slug:org>", slug)
    return re.sub(
        r"<(?:\w+:)?(\w+)>",
        lambda found: "1" if found[0].startswith("<int") else str(ids.get(found[1], uuid4())),
        path,
    )


def test_there_is_something_to_ask_for_by_every_name_a_path_has(
    app: Flask, other_org: OrganizationFacts, theirs: Book, admin_connection: Connection
) -> None:
    secrets_and_words = {
        "org",
        "slug",
        "filename",
        "token",
        "handle",
        "class_code",
        "kind",
        "act",
        "older",
        "newer",
    }
    names = set().union(*(rule.arguments for rule in app.url_map.iter_rules()))

    assert names - secrets_and_words - set(_other_ids(admin_connection, other_org)) == set()


def test_every_endpoint_answers_another_tenants_id_like_an_unknown_one(
    api: Callable[..., TestClient],
    org: OrganizationFacts,
    other_org: OrganizationFacts,
    theirs: Book,
    admin_connection: Connection,
) -> None:
    client = api()
    ids = _other_ids(admin_connection, other_org)
    before = _fingerprint(admin_connection, other_org)
    asked = 0
    for one in ENDPOINTS:
        if "<" not in one.path or "class_code" in one.path:
            continue
        body = None if one.method == "GET" else BODIES.get(f"{one.method} {one.path}", {})
        answers = []
        for chosen in (ids, {}):
            path = re.sub(
                r"<(?:\w+:)?(\w+)>",
                lambda found: str(chosen.get(found[1], uuid4())),
                one.path,  # noqa: B023
            )
            sent = {"json": body} if one.upload is None else {"data": {"file": _file()}}
            answer = client.open(f"/api/v1{path}", method=one.method, **sent)
            answers.append((answer.status_code, _plain(answer.data)))
            asked += 1
        assert answers[0] == answers[1], f"{one.method} {one.path}"
        assert answers[0][0] in (403, 404, 422), f"{one.method} {one.path}: {answers[0]}"
        if answers[0][0] == 422:
            assert b"Palesa" not in answers[0][1]

    assert asked > 40
    assert _fingerprint(admin_connection, other_org) == before


def test_every_screen_answers_another_tenants_id_like_an_unknown_one(
    app: Flask,
    sign_in: Callable[..., SignedInClient],
    org: OrganizationFacts,
    other_org: OrganizationFacts,
    theirs: Book,
    admin_connection: Connection,
) -> None:
    client = sign_in()
    ids = _other_ids(admin_connection, other_org)
    before = _fingerprint(admin_connection, other_org)
    asked = 0
    for rule in app.url_map.iter_rules():
        if "org" not in rule.arguments or len(rule.arguments) < 2:
            continue
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            found = client.open(_urls(rule, ids, org.slug), method=method)
            unknown = client.open(_urls(rule, {}, org.slug), method=method)
            asked += 2
            assert found.status_code == unknown.status_code, f"{method} {rule.rule}"
            assert found.status_code in (403, 404), f"{method} {rule.rule}: {found.status_code}"
            assert b"Palesa" not in found.data

    assert asked > 40
    assert _fingerprint(admin_connection, other_org) == before


def test_every_screen_of_another_tenant_is_not_there(
    app: Flask,
    sign_in: Callable[..., SignedInClient],
    other_org: OrganizationFacts,
    theirs: Book,
    admin_connection: Connection,
) -> None:
    client = sign_in()
    ids = _other_ids(admin_connection, other_org)
    before = _fingerprint(admin_connection, other_org)
    for rule in app.url_map.iter_rules():
        if "org" in rule.arguments:
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                answer = client.open(_urls(rule, ids, other_org.slug), method=method)
                assert answer.status_code == 404, f"{method} {rule.rule}: {answer.status_code}"

    assert _fingerprint(admin_connection, other_org) == before


def test_an_organization_named_in_a_request_must_be_the_callers(
    api: Callable[..., TestClient], other_org: OrganizationFacts, theirs: Book
) -> None:
    client = api()
    for one in ENDPOINTS:
        if one.is_public or "<" in one.path or one.method != "GET":
            continue
        named = client.get(f"/api/v1{one.path}?org_id={other_org.id}")
        unknown = client.get(f"/api/v1{one.path}?org_id={uuid4()}")
        if named.status_code != 422:
            assert named.status_code == 404, one.path
        assert _plain(named.data) == _plain(unknown.data), one.path


def test_every_html_route_in_an_organization_is_closed_to_strangers(
    app: Flask, client: TestClient, org: OrganizationFacts
) -> None:
    for rule in app.url_map.iter_rules():
        if "org" in rule.arguments:
            answer = client.get(_urls(rule, {}, org.slug))
            assert answer.status_code in (303, 405), rule.rule
            assert access_of_rule(app, rule) is not None


def access_of_rule(app: Flask, rule: Rule) -> object:
    """Return what a rule's view demands."""
    with app.app_context():
        return access_of(rule.endpoint)
