"""Insured objects over the API: quoted, accepted, changed, refused at their facts."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from insurance.core import clock
from insurance.core.context import acting_as
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from tests.factories.book import NOW, make_customer
from tests.factories.identity import TestClient
from tests.factories.lifecycle import MAKER
from tests.factories.objects import make_motor_product
from tests.factories.organizations import OrganizationFacts

CAR = {
    "kind": "VEHICLE",
    "registration": "ABC 123 GP",
    "make": "Toyota",
    "model": "Corolla",
    "year": 2021,
    "use": "PRIVATE",
    "value": 180000,
    "rating_inputs": {"vehicle_group": "A"},
    "drivers": [{"name": "Palesa Dlamini", "date_of_birth": "1987-04-02", "is_main": True}],
}


@pytest.fixture
def asked(app: Flask, non_life_org: OrganizationFacts) -> dict[str, Any]:
    """Return what is asked for: a motor quote of a customer."""
    with app.app_context(), tenant_scope(non_life_org.id), acting_as(MAKER):
        product_id, customer_id = make_motor_product(), make_customer()
    return {
        "product_id": str(product_id),
        "customer_id": str(customer_id),
        "insured_objects": [CAR],
    }


def _issued(client: TestClient, asked: dict[str, Any]) -> UUID:
    quote = client.post("/api/v1/quotes", json=asked)
    assert quote.status_code == 201, quote.json
    accepted = client.put(f"/api/v1/quotes/{quote.json['id']}/accept", json={})
    assert accepted.status_code == 200, accepted.json
    return UUID(accepted.json["policy"]["id"])


def test_a_motor_policy_changes_its_vehicle_over_the_api(
    api: Callable[..., TestClient], non_life_org: OrganizationFacts, asked: dict[str, Any]
) -> None:
    client = api(organization=non_life_org)
    new = CAR | {"registration": "XYZ 789 GP", "model": "Hilux", "value": 300000}
    body = {"endorsement_type": "CHANGE_VEHICLE", "insured_object": new}
    with clock.frozen(NOW):
        priced = client.post("/api/v1/quotes/calculate", json=asked).json
        policy = f"/api/v1/policies/{_issued(client, asked)}"
        preview = client.post(f"{policy}/endorse/preview", json=body)
        changed = client.post(f"{policy}/endorse", json=body)
        detail = client.get(f"{policy}/detail").json
        found = client.get("/api/v1/policies?q=xyz789").json

    assert priced["monthly_premium"] == 785
    assert preview.status_code == 200, preview.json
    assert changed.status_code == 201, changed.json
    assert changed.json["new_premium"] == preview.json["new_premium"] == 1265
    assert changed.json["adjustment"] == preview.json["adjustment"]
    old, car = detail["insured_objects"]
    assert (old["is_active"], car["is_active"]) == (False, True)
    assert (car["name"], car["value"]) == ("Toyota Hilux 2021, XYZ 789 GP", 300000)
    assert car["drivers"][0]["name"] == "Palesa Dlamini"
    damage = [one for one in detail["benefits"] if one["object_id"] == car["id"]][0]
    assert (damage["excess_amount"], damage["excess_per_cent"]) == (5000, 10)
    assert [one["id"] for one in found] == [detail["policy"]["id"]]


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"registration": "?"}, "/insured_objects/0/registration"),
        ({"year": 2035}, "/insured_objects/0/year"),
        ({"vin": "123"}, "/insured_objects/0/vin"),
        ({"value": 1}, "/insured_objects/0/value"),
        ({"kind": "BUILDING"}, "/insured_objects/0"),
        ({"rating_inputs": {"vehicle_group": "Z"}}, "/insured_objects/0/rating_inputs"),
        ({"drivers": [{"name": "A", "date_of_birth": "2020-01-01"}]}, "/insured_objects/0/drivers"),
        ({"paint": "red"}, "/insured_objects/0/paint"),
    ],
)
def test_what_is_wrong_with_an_object_is_a_422_at_its_fact(
    api: Callable[..., TestClient],
    non_life_org: OrganizationFacts,
    asked: dict[str, Any],
    wrong: dict[str, Any],
    pointer: str,
) -> None:
    client = api(organization=non_life_org)
    with clock.frozen(NOW):
        refused = client.post("/api/v1/quotes", json=asked | {"insured_objects": [CAR | wrong]})

    assert refused.status_code == 422, refused.json
    pointers = [one["pointer"] for one in refused.json["errors"]]
    assert any(pointer in one for one in pointers), pointers


def test_a_vehicle_that_another_policy_insures_is_asked_about(
    api: Callable[..., TestClient], non_life_org: OrganizationFacts, asked: dict[str, Any]
) -> None:
    client = api(organization=non_life_org)
    with clock.frozen(NOW):
        _issued(client, asked)
        quote = client.post("/api/v1/quotes", json=asked).json
        at = f"/api/v1/quotes/{quote['id']}/accept"
        asks = client.put(at, json={})
        believed = client.put(at, json={"confirms_duplicate": True})

    assert asks.status_code == 409
    assert asks.json["confirm_with"] == "confirms_duplicate"
    assert believed.status_code == 200


def test_an_auditor_changes_no_vehicle(
    api: Callable[..., TestClient], non_life_org: OrganizationFacts, asked: dict[str, Any]
) -> None:
    with clock.frozen(NOW):
        policy_id = _issued(api(organization=non_life_org), asked)
        refused = api(Role.AUDITOR, organization=non_life_org).post(
            f"/api/v1/policies/{policy_id}/endorse",
            json={"endorsement_type": "CHANGE_VEHICLE", "insured_object": CAR},
        )

    assert refused.status_code == 403
