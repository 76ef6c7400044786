"""Whoever may not see an ID number sees nothing that narrows it, and cannot ask until it is hit."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import Connection, text

from insurance.core import clock
from insurance.core.errors import DomainError
from insurance.core.permissions import Role
from insurance.core.privacy import without_identity
from insurance.core.tenancy import tenant_scope
from insurance.customers.services import CustomerDetails
from insurance.quotes import services as quotes
from insurance.seeding.names import id_number
from tests.factories.book import NOW, TODAY, make_book, make_customer
from tests.factories.identity import SignedInClient, TestClient
from tests.factories.organizations import OrganizationFacts

BORN = TODAY.replace(year=1987, month=4, day=2)
NUMBER = id_number(BORN, "FEMALE", 1)
NARROWING = (NUMBER, NUMBER[:6], "1987-04-02", "1987/04/02", NUMBER[-6:])
Api = Callable[..., TestClient]
SignIn = Callable[..., SignedInClient]


def _numbers(count: int) -> list[str]:
    return [id_number(BORN, "MALE", index) for index in range(count)]


def _limit(connection: Connection, org: OrganizationFacts, limit: int) -> None:
    connection.execute(
        text("UPDATE ins.organizations SET number_searches_per_hour = :n WHERE org_id = :org"),
        {"n": limit, "org": org.id},
    )
    connection.commit()


@pytest.mark.parametrize("role", [Role.AGENT, Role.FINANCE, Role.AUDITOR])
def test_nothing_that_narrows_an_id_number_is_shown(
    role: Role, app: Flask, org: OrganizationFacts, api: Api, sign_in: SignIn
) -> None:
    with app.app_context(), tenant_scope(org.id):
        book = make_book()
    customer, policy, quote = book.customer_id, book.policy_id, book.quote_id
    programs = [
        "/customers",
        f"/customers/{customer}",
        "/customers/search?q=Dlamini",
        f"/policies/{policy}",
        f"/policies/{policy}/versions",
        f"/policies/{policy}/events",
        f"/quotes/{quote}",
        "/audit-logs?limit=100",
    ]
    pages = [
        "/customers",
        f"/customers/{customer}",
        f"/customers/{customer}/edit",
        f"/policies/{policy}",
        f"/policies/{policy}?tab=history",
        f"/quotes/{quote}",
        "/search?q=Dlamini",
        "/audit-logs",
    ]
    client, browser = api(role), sign_in(role)
    seen = [client.get(f"/api/v1{path}") for path in programs]
    seen += [browser.get(browser.url(path)) for path in pages]

    assert {answer.status_code for answer in seen} <= {200, 403, 404}
    assert sum(answer.status_code == 200 for answer in seen) >= 10
    for answer in seen:
        assert not [part for part in NARROWING if part in answer.text], answer.request.path
    shown = client.get(f"/api/v1/customers/{customer}").json
    assert (shown["birth_year"], shown["date_of_birth"], shown["gender"]) == (1987, None, None)


def test_the_audit_log_itself_keeps_only_the_birth_year(
    app: Flask, org: OrganizationFacts, admin_connection: Connection
) -> None:
    with app.app_context(), tenant_scope(org.id):
        make_customer()
    rows = admin_connection.execute(
        text("SELECT before::text || after::text FROM ins.audit_events WHERE org_id = :org"),
        {"org": org.id},
    ).scalars()

    assert not [row for row in rows if row and any(part in row for part in NARROWING)]


def test_an_agents_edit_keeps_the_birth_date_that_the_form_does_not_show(
    app: Flask, org: OrganizationFacts, sign_in: SignIn, api: Api
) -> None:
    with app.app_context(), tenant_scope(org.id):
        customer = make_customer()
    browser = sign_in(Role.AGENT)
    fields = {"kind": "PERSON", "first_name": "Palesa", "last_name": "Molefe", "version": "1"}

    saved = browser.post(browser.url(f"/customers/{customer}/edit"), data=fields)

    assert saved.status_code == 303
    kept = api(Role.MANAGER).get(f"/api/v1/customers/{customer}").json
    assert (kept["date_of_birth"], kept["gender"]) == ("1987-04-02", "FEMALE")
    assert kept["id_number"] == NUMBER


def test_searching_for_whole_numbers_is_counted_at_every_door_and_recorded(
    app: Flask, org: OrganizationFacts, api: Api, sign_in: SignIn, admin_connection: Connection
) -> None:
    with app.app_context(), tenant_scope(org.id):
        customer = make_customer()
    _limit(admin_connection, org, 5)
    browser = sign_in(Role.AGENT)
    doors = ["/customers?q=", "/policies?q=", "/search?q=", "/customers/identity?id_number="]
    with clock.frozen(NOW):
        for number, door in zip(_numbers(4), doors, strict=True):
            assert browser.get(browser.url(door + number)).status_code == 200
        hit = browser.get(browser.url(f"/customers?q={NUMBER[:6]} {NUMBER[6:]}"))
        assert str(customer) in hit.text
        assert browser.get(browser.url(f"/customers?q={NUMBER}")).status_code == 200
        for door in doors:
            refused = browser.get(browser.url(door + _numbers(9)[-1]))
            assert refused.status_code == 429, door
            assert "The next is possible in 60 minutes" in refused.text.replace("&nbsp;", " ")
        assert browser.get(browser.url("/customers?q=Dlamini")).status_code == 200
        searches = api().get("/api/v1/audit-logs?action=customers.search_number&limit=50").json
    with clock.frozen(NOW + timedelta(minutes=61)):
        browser = sign_in(Role.AGENT)
        assert browser.get(browser.url(f"/customers?q={_numbers(9)[-1]}")).status_code == 200

    # The box that finds anything looks through the policies and through the customers.
    assert [one["outcome"] for one in searches].count("OK") == 7
    assert [one["outcome"] for one in searches].count("REFUSED") == len(doors)
    assert {one["resource_id"] for one in searches} == {None, str(customer)}


def test_a_program_that_searches_too_often_is_told_in_words(
    api: Api, org: OrganizationFacts, admin_connection: Connection
) -> None:
    _limit(admin_connection, org, 2)
    client = api(Role.AGENT)
    answers = [client.get(f"/api/v1/customers/search?q={number}") for number in _numbers(3)]
    listed = client.get(f"/api/v1/policies?q={_numbers(4)[-1]}")

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert listed.status_code == answers[2].json["status"] == 429
    assert "searched for as many ID numbers" in answers[2].json["detail"]


def test_capturing_tells_that_a_number_is_here_only_when_all_else_is_right_and_counts_it(
    app: Flask, org: OrganizationFacts, api: Api, admin_connection: Connection
) -> None:
    with app.app_context(), tenant_scope(org.id):
        make_customer()
        other = id_number(BORN, "FEMALE", 2)
        make_customer(2)
    _limit(admin_connection, org, 1)
    client = api(Role.AGENT)
    body = {"first_name": "A", "last_name": "B", "id_number": NUMBER}

    wrong = client.post("/api/v1/customers", json=body | {"email": "nobody"})
    known = client.post("/api/v1/customers", json=body)
    next_one = client.post("/api/v1/customers", json=body | {"id_number": other})

    assert [error["pointer"] for error in wrong.json["errors"]] == ["/email"]
    assert (wrong.status_code, known.status_code, next_one.status_code) == (422, 409, 429)
    assert "existing_id" not in next_one.json
    fresh = [id_number(BORN, "MALE", index) for index in range(3)]
    for number in fresh:
        answer = client.post("/api/v1/customers", json=body | {"id_number": number})
        assert answer.status_code == 201


def test_a_quote_that_is_wrong_tells_nothing_of_a_number(session) -> None:
    book = make_book()
    wanted = quotes.QuoteInput(product_id=book.product_id, sum_assured=None, term_years=999)

    with pytest.raises(DomainError) as refused:
        quotes.create_quote(
            wanted,
            on=TODAY,
            now=NOW,
            new_customer=CustomerDetails(first_name="A", last_name="B", id_number=NUMBER),
        )

    assert "id_number" not in [error.field for error in refused.value.errors]


def test_a_birth_date_keeps_its_year_and_a_beneficiary_keeps_the_date() -> None:
    shown = without_identity(
        {
            "members": [{"date_of_birth": "1987-04-02", "gender": "FEMALE", "role": "SPOUSE"}],
            "beneficiaries": [{"date_of_birth": "2015-01-02", "share": "100.00"}],
            "rates": [{"gender": "UNISEX", "rate": "0.5"}],
            "after": {"id_number_masked": "870402*****87"},
        }
    )

    assert shown["members"] == [{"date_of_birth": "1987", "gender": None, "role": "SPOUSE"}]
    assert shown["beneficiaries"][0]["date_of_birth"] == "2015-01-02"
    assert shown["rates"] == [{"gender": "UNISEX", "rate": "0.5"}]
    assert shown["after"]["id_number_masked"] == "*************"
