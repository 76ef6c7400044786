"""Whoever may not see an ID number sees nothing that narrows it, and cannot ask until it is hit."""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.context import acting_as
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.customers.privacy import without_identity
from insurance.customers.services import CustomerDetails
from insurance.policies.models import EndorsementType
from insurance.policies.queries import list_beneficiaries, list_objects
from insurance.policies.rules import LifeElsewhere, LifeHere, LifeQuestion
from insurance.policies.services.endorsements import EndorsementRequest, endorse_policy
from insurance.quotes import services as quotes
from insurance.seeding.names import id_number
from tests.factories.book import NOW, TODAY, make_book, make_customer
from tests.factories.identity import SignedInClient, TestClient
from tests.factories.lifecycle import MAKER
from tests.factories.objects import make_motor_product, sell, vehicle
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


def test_of_a_birth_date_the_year_is_kept_whoever_was_born() -> None:
    shown = without_identity(
        {
            "members": [{"date_of_birth": "1987-04-02", "gender": "FEMALE", "role": "SPOUSE"}],
            "beneficiaries": [{"date_of_birth": "2015-01-02", "share": "100.00"}],
            "drivers": [{"date_of_birth": "1990-03-04", "licensed_since": "2010-05-06"}],
            "life_questions": [{"other_date_of_birth": "1987-04-02", "other_name": "P Nkosi"}],
            "payee": {"date_of_birth": date(1987, 4, 2), "name": "P Nkosi"},
            "rates": [{"gender": "UNISEX", "rate": "0.5"}],
            "after": {"id_number_masked": "870402*****87"},
        }
    )

    assert shown["members"] == [{"date_of_birth": "1987", "gender": None, "role": "SPOUSE"}]
    assert shown["beneficiaries"] == [{"date_of_birth": "2015", "share": "100.00"}]
    assert shown["drivers"] == [{"date_of_birth": "1990", "licensed_since": "2010-05-06"}]
    assert shown["life_questions"] == [{"other_date_of_birth": "1987", "other_name": "P Nkosi"}]
    assert shown["payee"] == {"date_of_birth": None, "name": "P Nkosi"}
    assert shown["rates"] == [{"gender": "UNISEX", "rate": "0.5"}]
    assert shown["after"]["id_number_masked"] == "*************"


HEIR = {
    "kind": "PRIMARY",
    "first_name": "Neo",
    "last_name": "Nkosi",
    "relationship": "Child",
    "share": "100.00",
    "guardian_name": "Zanele Nkosi",
}
HEIR_BORN, DRIVER_BORN = date(2015, 1, 2), date(1990, 3, 4)
OF_OTHERS = ("2015-01-02", "2015/01/02", "1990-03-04", "1990/03/04")


@pytest.fixture
def heirs_policy(app: Flask, org: OrganizationFacts) -> UUID:
    """Return a policy that pays a child, by a change that was issued."""
    with app.app_context(), tenant_scope(org.id), acting_as(MAKER):
        policy_id = make_book().policy_id
        wanted = EndorsementRequest(
            type=EndorsementType.CHANGE_BENEFICIARIES,
            data={"beneficiaries": [{**HEIR, "date_of_birth": HEIR_BORN}]},
            effective_date=TODAY,
        )
        endorse_policy(policy_id, wanted, on=TODAY, now=NOW)
    return policy_id


@pytest.fixture
def motor_policy(app: Flask, non_life_org: OrganizationFacts) -> UUID:
    """Return a policy on a car with its driver."""
    with app.app_context(), tenant_scope(non_life_org.id), acting_as(MAKER):
        driver = {"name": "Thabo Molefe", "date_of_birth": DRIVER_BORN, "is_main": True}
        return sell(make_motor_product(), vehicle(drivers=[driver]))


def _opened(client: TestClient, addresses: Iterable[str]) -> list[str]:
    """Return what each address shows; whoever reads it may read it."""
    found = []
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200, address
        found.append(f"{address}\n{answer.text}")
    return found


@pytest.mark.parametrize("role", [Role.AGENT, Role.MANAGER])
def test_no_page_and_no_answer_tells_when_a_beneficiary_was_born_beyond_the_year(
    role: Role, heirs_policy: UUID, api: Api, sign_in: SignIn
) -> None:
    client, browser = api(role), sign_in(role)
    path = f"/api/v1/policies/{heirs_policy}"
    seen = _opened(
        client,
        [f"{path}/{part}" for part in ("detail", "versions", "events", "endorsements")],
    )
    seen += _opened(
        browser,
        [
            browser.url(f"/policies/{heirs_policy}{rest}")
            for rest in ("", "?tab=history", "?tab=members", "?tab=endorsements",
                         "/endorse/beneficiaries", "/versions/1/2")
        ],
    )  # fmt: skip

    told = [one for one in seen if any(part in one for part in OF_OTHERS)]
    if role is Role.AGENT:
        assert not told, told[0]
    else:
        assert [one for one in told if "endorse/beneficiaries" in one]


@pytest.mark.parametrize("role", [Role.AGENT, Role.MANAGER])
def test_no_page_and_no_answer_tells_when_a_driver_was_born_beyond_the_year(
    role: Role,
    motor_policy: UUID,
    non_life_org: OrganizationFacts,
    api: Api,
    sign_in: SignIn,
) -> None:
    client, browser = api(role, non_life_org), sign_in(role, non_life_org)
    path = f"/api/v1/policies/{motor_policy}"
    seen = _opened(client, [f"{path}/{part}" for part in ("detail", "versions", "events")])
    pages = ("", "?tab=history", "?tab=members", "/objects/drivers", "/objects/vehicle")
    start = f"/{non_life_org.slug}/policies/{motor_policy}"
    seen += _opened(browser, [f"{start}{rest}" for rest in pages])

    told = [one for one in seen if any(part in one for part in OF_OTHERS)]
    if role is Role.AGENT:
        assert not told, told[0]
    else:
        assert [one for one in told if "/drivers" in one.splitlines()[0]]


def test_a_beneficiary_who_is_sent_back_without_a_birth_date_keeps_it(
    heirs_policy: UUID, sign_in: SignIn, api: Api, session: Session
) -> None:
    """An agent renames nobody: the share moves, the birth date of the child stays."""
    browser = sign_in(Role.AGENT)
    form = {
        "effective_date": f"{TODAY:%Y/%m/%d}",
        "act": "issue",
        **{f"{name}-0": value for name, value in HEIR.items()},
        "share-0": "60,00",
        **{f"{name}-1": value for name, value in HEIR.items()},
        "first_name-1": "Lesedi",
        "share-1": "40,00",
    }

    saved = browser.post(browser.url(f"/policies/{heirs_policy}/endorse/beneficiaries"), data=form)

    assert saved.status_code == 303
    born = {one.first_name: one.date_of_birth for one in list_beneficiaries(session, heirs_policy)}
    assert born == {"Neo": HEIR_BORN, "Lesedi": None}
    session.rollback()
    body = {
        "endorsement_type": "CHANGE_BENEFICIARIES",
        "effective_date": f"{TODAY:%Y-%m-%d}",
        "beneficiaries": [HEIR],
    }
    program = api(Role.AGENT).post(f"/api/v1/policies/{heirs_policy}/endorse", json=body)
    assert program.status_code == 201
    assert [one.date_of_birth for one in list_beneficiaries(session, heirs_policy)] == [HEIR_BORN]
    session.rollback()
    # Who sees the date means it when they leave it out.
    known = api(Role.MANAGER).post(f"/api/v1/policies/{heirs_policy}/endorse", json=body)
    assert known.status_code == 201
    assert [one.date_of_birth for one in list_beneficiaries(session, heirs_policy)] == [None]


def test_a_driver_who_is_sent_back_without_a_birth_date_keeps_it(
    app: Flask, motor_policy: UUID, non_life_org: OrganizationFacts, sign_in: SignIn, api: Api
) -> None:
    browser = sign_in(Role.AGENT, non_life_org)
    form = {
        "effective_date": f"{TODAY:%Y/%m/%d}",
        "act": "issue",
        "driver_0_name": "Thabo Molefe",
        "driver_0_licensed": "2010/05/06",
    }

    address = f"/{non_life_org.slug}/policies/{motor_policy}/objects/drivers"
    saved = browser.post(address, data=form)

    assert saved.status_code == 303
    with app.app_context(), tenant_scope(non_life_org.id):
        (car,) = list_objects(db.session(), motor_policy)
        (driver,) = car.details["drivers"]
    assert (driver["date_of_birth"], driver["licensed_since"]) == ("1990-03-04", "2010-05-06")


def test_a_question_about_a_life_names_the_year_at_most(api: Api, session: Session) -> None:
    other = LifeElsewhere(
        member_id=UUID(int=1),
        policy_id=UUID(int=2),
        policy_number="PL-2026-000001",
        cover=Decimal(60_000),
        first_name="Sipho",
        last_name="Dlamini",
        date_of_birth=BORN,
    )
    here = LifeHere(
        place=0,
        member_id=None,
        first_name="S",
        last_name="Dlamini",
        date_of_birth=BORN,
        before=Decimal(0),
        after=Decimal(1),
        cap=Decimal(1),
    )

    assert "born 1987," in LifeQuestion(here, other).words
