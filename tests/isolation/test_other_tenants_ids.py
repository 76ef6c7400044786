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
from insurance.core.tenancy import tenant_scope
from insurance.web.access import access_of
from tests.factories.book import Book
from tests.factories.everything import ids_of, make_everything
from tests.factories.identity import SignedInClient, TestClient
from tests.factories.organizations import OrganizationFacts, make_organization

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


@pytest.fixture(scope="module")
def other_org(app: Flask) -> OrganizationFacts:
    """Return the organization that every test asks for in vain, and that none may change."""
    with app.app_context():
        return make_organization()


@pytest.fixture(scope="module")
def theirs(app: Flask, other_org: OrganizationFacts) -> Book:
    """Return what the other organization has."""
    with app.app_context(), tenant_scope(other_org.id):
        return make_everything()


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
    path = rule.rule.replace("<slug:org>", slug).replace("<slug:resource>", "policies")
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
        "language",
        "number",
        "resource",
        "role",
        "act",
        "older",
        "newer",
        "line",
        "level",
    }
    names = set().union(*(rule.arguments for rule in app.url_map.iter_rules()))

    assert names - secrets_and_words - set(ids_of(admin_connection, other_org)) == set()


def test_every_endpoint_answers_another_tenants_id_like_an_unknown_one(
    api: Callable[..., TestClient],
    org: OrganizationFacts,
    other_org: OrganizationFacts,
    theirs: Book,
    admin_connection: Connection,
) -> None:
    client = api()
    ids = ids_of(admin_connection, other_org)
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
    ids = ids_of(admin_connection, other_org)
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
    ids = ids_of(admin_connection, other_org)
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
