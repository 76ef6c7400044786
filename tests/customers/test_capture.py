"""Capturing, finding, changing and protecting customers."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from insurance.core import crypto
from insurance.core.errors import DomainErrors, StaleError
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.customers import queries, services
from insurance.seeding.names import id_number
from insurance.web.filters import id_number as show_id_number
from tests.factories.book import NOW, TODAY, make_customer
from tests.factories.identity import SignedInClient, TestClient
from tests.factories.organizations import OrganizationFacts

BORN = TODAY.replace(year=1987, month=4, day=2)
NUMBER = id_number(BORN, "FEMALE", 1)
DETAILS = services.CustomerDetails(
    first_name="Palesa", last_name="Dlamini", id_number=NUMBER, phone="082 000 0001"
)


def test_birth_and_gender_follow_from_the_id_number_and_the_phone_is_e164(session: Session) -> None:
    customer = services.create_customer(DETAILS, on=TODAY, now=NOW)

    assert (customer.date_of_birth, customer.gender) == (BORN, "FEMALE")
    assert customer.phone == "+27820000001"
    assert customer.has_number


def test_the_same_id_number_is_refused_and_says_whose_it_is(session: Session) -> None:
    first = services.create_customer(DETAILS, on=TODAY, now=NOW)

    with pytest.raises(services.DuplicateCustomerError) as refused:
        services.create_customer(replace(DETAILS, first_name="Other"), on=TODAY, now=NOW)

    assert refused.value.existing_id == first.id


def test_another_tenant_may_have_the_same_person(
    session: Session, other_org: OrganizationFacts
) -> None:
    services.create_customer(DETAILS, on=TODAY, now=NOW)

    with tenant_scope(other_org.id):
        assert services.create_customer(DETAILS, on=TODAY, now=NOW).has_number


def test_everything_wrong_is_said_at_once(session: Session) -> None:
    wrong = services.CustomerDetails(first_name="", last_name="", email="nobody", phone="12")

    with pytest.raises(DomainErrors) as refused:
        services.create_customer(wrong, on=TODAY, now=NOW)

    fields = {error.field for error in refused.value.errors}
    assert fields == {"last_name", "email", "phone"}


def test_who_saves_second_is_told_what_the_first_saved(session: Session) -> None:
    customer = services.create_customer(DETAILS, on=TODAY, now=NOW)
    mail = replace(DETAILS, email="first@example.org")
    services.edit_customer(customer.id, mail, version=1, on=TODAY, now=NOW)

    with pytest.raises(StaleError) as refused:
        services.edit_customer(customer.id, DETAILS, version=1, on=TODAY, now=NOW)

    assert refused.value.theirs["email"] == "first@example.org"


def test_the_id_number_is_unreadable_in_the_database_and_cannot_be_moved(
    session: Session, admin_connection: Connection, org: OrganizationFacts
) -> None:
    first = services.create_customer(DETAILS, on=TODAY, now=NOW)
    second_id = make_customer(2)
    row = admin_connection.execute(
        text("SELECT t::text FROM ins.customers t WHERE id = :id"), {"id": first.id}
    ).scalar_one()

    assert NUMBER not in row
    assert services.read_number(first) == NUMBER
    with pytest.raises(crypto.UnreadableError):
        crypto.decrypt(org.id, "customers", "id_number", second_id, first.id_number_cipher or "")


@pytest.mark.parametrize(
    "wanted",
    ["Palesa Dlamini", "palesa dlamni", "Dlamini", NUMBER, "082 000 0001", "palesa1@example.org"],
)
def test_one_box_finds_a_customer_by_anything(wanted: str, session: Session) -> None:
    customer_id = make_customer(1)
    make_customer(2, first_name="Willem", last_name="Botha")

    assert queries.search_customer_ids(session, wanted, 5)[0] == customer_id


@pytest.mark.parametrize("wanted", ["%", "_", "'", "\\", "100%_\\'", "x" * 500, "🦒🦒"])
def test_a_search_of_signs_finds_nothing_and_breaks_nothing(wanted: str, session: Session) -> None:
    make_customer(1)

    assert queries.search_customer_ids(session, wanted, 5) == []


def test_numbers_are_masked_for_who_may_not_see_them_and_a_look_is_logged(
    app: Flask,
    org: OrganizationFacts,
    api: Callable[..., TestClient],
    sign_in: Callable[..., SignedInClient],
) -> None:
    with app.app_context(), tenant_scope(org.id):
        customer_id = make_customer()
    path = f"/api/v1/customers/{customer_id}"

    assert NUMBER not in api(Role.AGENT).get(path).get_data(True)
    assert api(Role.MANAGER).get(path).json["id_number"] == NUMBER

    agent, manager = sign_in(Role.AGENT), sign_in(Role.MANAGER)
    reveal = f"/customers/{customer_id}/reveal"
    assert agent.post(agent.url(reveal)).status_code == 403
    assert show_id_number(NUMBER) in manager.post(manager.url(reveal)).get_data(True)
    looks = api().get("/api/v1/audit-logs?action=customers.reveal").json
    assert [(look["user"], look["resource_id"]) for look in looks] == [
        (manager.person.email, str(customer_id))
    ]


def test_a_look_alike_must_be_confirmed_on_screen(
    app: Flask, org: OrganizationFacts, sign_in: Callable[..., SignedInClient]
) -> None:
    with app.app_context(), tenant_scope(org.id):
        make_customer(1)
    client = sign_in()
    fields = {"kind": "PERSON", "first_name": "Palesa", "last_name": "Dlamini"}
    fields |= {"date_of_birth": "1987/04/02"}

    warned = client.post(client.url("/customers/new"), data=fields)
    confirmed = client.post(client.url("/customers/new"), data=fields | {"confirmed": "yes"})

    assert warned.status_code == 409
    assert "same name and birth date" in warned.get_data(True)
    assert confirmed.status_code == 303


def test_two_clerks_who_capture_one_person_at_once_make_one_customer(
    api: Callable[..., TestClient],
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    client = api()
    body = {"first_name": "A", "last_name": "B", "id_number": NUMBER}

    with ThreadPoolExecutor(6) as clerks:
        statuses = sorted(
            clerks.map(lambda _n: client.post("/api/v1/customers", json=body).status_code, range(6))
        )

    assert statuses == [201] + [409] * 5
    assert len(client.get("/api/v1/customers").json) == 1
