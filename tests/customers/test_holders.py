"""Holders of every kind and script: captured, found, compared; what nobody sees is no name."""

import json
import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import Connection, text

from insurance.core.errors import ConflictError, DomainError
from insurance.core.tenancy import tenant_scope
from insurance.customers.models import BankAccount
from insurance.customers.queries import get_customer
from insurance.debit_orders.models import Mandate
from tests.factories.book import TODAY
from tests.factories.debit_orders import due_on, make_account, make_policies, make_run, release
from tests.factories.identity import SignedInClient, TestClient
from tests.factories.organizations import OrganizationFacts

LI = {"first_name": "小龍", "last_name": "李", "date_of_birth": "1985-01-01"}
CHEN = {"first_name": "偉", "last_name": "陳", "date_of_birth": "1985-01-01"}
Api = Callable[..., TestClient]


def _create(client: TestClient, **body: object) -> dict:
    answer = client.post("/api/v1/customers", json=body)
    assert answer.status_code == 201, answer.get_data(True)
    return answer.json


def _found(client: TestClient, q: str) -> list[str]:
    return [one["id"] for one in client.get("/api/v1/customers/search", query_string={"q": q}).json]


def test_strangers_with_chinese_names_are_no_duplicates_and_each_is_found(api: Api) -> None:
    client = api()
    li = _create(client, **LI)
    chen = _create(client, **CHEN)

    assert chen["warnings"] == []
    again = _create(client, **(LI | {"first_name": "小 龍"}))
    assert again["warnings"] == [f"same name and birth date: {li['id']}"]
    assert _found(client, "陳") == _found(client, "偉") == [chen["id"]]
    assert li["id"] in _found(client, "小龍")


@pytest.mark.parametrize(
    ("first", "last", "q"),
    [
        ("Γιώργος", "Παπαδόπουλος", "παπαδοπουλος"),
        ("محمد", "علي", "مُحمد"),
        ("Zoë", "Müller", "zoe muller"),
        ("민준", "김", "김"),
        ("Thabo", "O’Reilly", "o'reilly"),
    ],
)
def test_a_name_in_any_script_is_found_in_search_and_list(
    first: str, last: str, q: str, api: Api, sign_in: Callable[..., SignedInClient]
) -> None:
    client, browser = api(), sign_in()
    customer = _create(client, first_name=first, last_name=last, date_of_birth="1985-01-01")

    assert _found(client, q) == [customer["id"]]
    assert customer["id"] in browser.get(browser.url("/customers"), query_string={"q": q}).text
    assert customer["id"] in browser.get(browser.url("/search"), query_string={"q": q}).text


def test_a_short_chinese_name_is_found_by_the_index(
    api: Api, org: OrganizationFacts, admin_connection: Connection
) -> None:
    _create(api(), **LI)
    admin_connection.execute(text("SET enable_seqscan = off"))
    plan = admin_connection.execute(
        text(
            "EXPLAIN SELECT id FROM ins.customers"
            " WHERE search_text LIKE ANY (ARRAY['龍%', '% 龍%'])"
        )
    ).scalars()

    assert "customers_search_ix" in " ".join(plan)


def test_somebody_with_one_name_has_it_as_the_surname(
    api: Api, sign_in: Callable[..., SignedInClient]
) -> None:
    client, browser = api(), sign_in()
    customer = _create(
        client, last_name="Sukarno", passport_number="AB123456", passport_country="ID"
    )

    page = browser.get(browser.url(f"/customers/{customer['id']}")).text
    assert re.search(r"<h1[^>]*>\s*Sukarno", page)
    assert _found(client, "sukarno") == [customer["id"]]
    refused = client.post("/api/v1/customers", json={"first_name": "Sukarno"})
    assert refused.status_code == 422
    assert refused.json["errors"][0]["pointer"] == "/last_name"
    fields = {"kind": "PERSON", "last_name": "Suharto", "date_of_birth": "1985/01/01"}
    assert browser.post(browser.url("/customers/new"), data=fields).status_code == 303


@pytest.mark.parametrize("name", ["\u202e", "\u200b\u200d", "...", " "])
def test_a_name_that_nobody_sees_is_no_name(name: str, api: Api) -> None:
    refused = api().post("/api/v1/customers", json={"last_name": name})

    assert refused.status_code == 422
    assert refused.json["errors"][0]["pointer"] == "/last_name"


def test_unseen_characters_are_taken_out_at_every_door(
    api: Api, sign_in: Callable[..., SignedInClient], app: Flask, org: OrganizationFacts
) -> None:
    client, browser = api(), sign_in()
    by_api = _create(client, last_name="Nko\u202esi\u200b", phone="\u202a082 123 4567\u202c")
    fields = {"kind": "PERSON", "last_name": "Mo\u2066lefe", "date_of_birth": "1985/01/01"}
    answer = browser.post(browser.url("/customers/new"), data=fields)

    assert (by_api["last_name"], by_api["phone"]) == ("Nkosi", "+27821234567")
    assert _found(client, "nko\u200bsi") == [by_api["id"]]
    with app.app_context(), tenant_scope(org.id):
        from insurance.core.db import db

        captured = get_customer(db.session(), answer.location.rsplit("/", 1)[-1])
        assert captured.last_name == "Molefe"
    hidden_key = json.dumps({"last\u200b_name": "X"})
    refused = client.post("/api/v1/customers", data=hidden_key, content_type="application/json")
    assert refused.status_code == 400


HOLDERS = [
    {"kind": "TRUST", "company_name": "Mokoena Family Trust", "registration_number": "it1234/2015"},
    {"kind": "CLUB", "company_name": "Karoo Cricket Club"},
    {"kind": "BURIAL_SOCIETY", "company_name": "Kopano Burial Society"},
    {"kind": "PARTNERSHIP", "company_name": "Botha & Nkosi"},
]


@pytest.mark.parametrize("body", HOLDERS, ids=[one["kind"] for one in HOLDERS])
def test_a_holder_that_is_no_person_is_captured_with_its_contact_person(
    body: dict[str, str], api: Api, sign_in: Callable[..., SignedInClient]
) -> None:
    client, browser = api(), sign_in()
    nobody = client.post("/api/v1/customers", json=body)
    captured = _create(client, **body, contact_name="Lerato Mokoena", contact_role="Treasurer")
    twin = client.post(
        "/api/v1/customers",
        json=body | {"company_name": body["company_name"].upper(), "contact_name": "Somebody"},
    )

    assert nobody.status_code == 422
    assert nobody.json["errors"][0]["pointer"] == "/contact_name"
    page = browser.get(browser.url(f"/customers/{captured['id']}")).text
    assert "Lerato Mokoena, Treasurer" in page
    assert "Gender" not in page
    if "registration_number" in body:
        assert captured["registration_number"] == "IT1234/2015"
        assert twin.status_code == 409
    else:
        assert twin.json["warnings"] == [f"same name: {captured['id']}"]
    fields = body | {"contact_name": "Lerato", "company_name": body["company_name"] + " 2"}
    fields.pop("registration_number", None)
    if body["kind"] == "TRUST":
        fields["registration_number"] = "IT9/2020(G)"
    assert browser.post(browser.url("/customers/new"), data=fields).status_code == 303


def test_a_run_whose_file_could_not_name_an_account_holder_is_not_released(session) -> None:
    policies = make_policies(2)
    due_on(TODAY, policies)
    mandate = session.query(Mandate).filter_by(org_id=_org(session), policy_id=policies[0]).one()
    account = session.get(BankAccount, (_org(session), mandate.bank_account_id))
    account.holder = "李 小龍"
    session.commit()
    run = make_run(TODAY)

    with pytest.raises(ConflictError, match="Latin letters"):
        release(run)
    with pytest.raises(DomainError, match="Latin letters"):
        make_account(mandate.customer_id, holder="محمد")


def _org(_session: object):
    from insurance.core.tenancy import current_org

    return current_org()
