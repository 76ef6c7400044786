"""Quoting a vehicle on screen."""

from collections.abc import Callable
from uuid import UUID

import pytest
from flask import Flask

from insurance.core import clock
from insurance.core.context import acting_as
from insurance.core.tenancy import tenant_scope
from tests.factories.book import NOW, make_customer
from tests.factories.identity import SignedInClient
from tests.factories.lifecycle import MAKER
from tests.factories.objects import make_home_product, make_motor_product, sell, vehicle
from tests.factories.organizations import OrganizationFacts

CAR = {
    "object_0_kind": "VEHICLE",
    "object_0_registration": "abc 123 gp",
    "object_0_make": "Toyota",
    "object_0_model": "Corolla",
    "object_0_year": "2021",
    "object_0_use": "PRIVATE",
    "object_0_value": "180 000",
    "object_0_rating_vehicle_group": "A",
    "object_0_driver_0_name": "Palesa Dlamini",
    "frequency": "MONTHLY",
}


@pytest.fixture
def world(app: Flask, non_life_org: OrganizationFacts) -> tuple[UUID, UUID]:
    """Return a motor product and a customer."""
    with app.app_context(), tenant_scope(non_life_org.id), acting_as(MAKER):
        return make_motor_product(), make_customer()


def test_a_vehicle_is_quoted_shown_and_accepted_in_words_of_its_own(
    non_life_org: OrganizationFacts,
    sign_in: Callable[..., SignedInClient],
    world: tuple[UUID, UUID],
) -> None:
    product_id, customer_id = world
    path = f"/{non_life_org.slug}/quotes"
    typed = CAR | {"product_id": str(product_id), "customer_id": str(customer_id)}
    with clock.frozen(NOW):
        client = sign_in(organization=non_life_org)
        form = client.get(f"{path}/new?product_id={product_id}&customer_id={customer_id}").text
        price = client.post(f"{path}/new", data=typed | {"act": "price"}).text
        saved = client.post(f"{path}/new", data=typed)
        shown = client.get(saved.location).text
        issued = client.post(f"{saved.location}/accept", data={})
        again = client.get(f"{path}/new?beside={saved.location.rsplit('/', 1)[1]}").text

    assert "R\u00a0785,00" in price
    assert saved.status_code == 303
    assert "Toyota Corolla 2021, ABC 123 GP" in shown
    assert "10% of the claim, at least" in shown
    assert issued.status_code == 303
    assert 'value="ABC 123 GP"' in again
    for page in (form, price, shown):
        for words in ("Sum assured", "Main member", "Lives", "natural causes", "Other lives"):
            assert words not in page


def test_what_is_wrong_with_the_vehicle_stands_at_its_field(
    non_life_org: OrganizationFacts,
    sign_in: Callable[..., SignedInClient],
    world: tuple[UUID, UUID],
) -> None:
    product_id, customer_id = world
    typed = CAR | {
        "product_id": str(product_id),
        "customer_id": str(customer_id),
        "object_0_year": "1066",
        "object_0_value": "5",
    }
    with clock.frozen(NOW):
        client = sign_in(organization=non_life_org)
        refused = client.post(f"/{non_life_org.slug}/quotes/new", data=typed)
        unpriced = client.post(f"/{non_life_org.slug}/quotes/new", data=typed | {"act": "price"})

    assert refused.status_code == 422
    assert 'href="#object_0_year"' in refused.text
    assert "Enter a year from" in unpriced.text


def test_accepting_a_vehicle_that_is_insured_already_asks_first(
    app: Flask,
    non_life_org: OrganizationFacts,
    sign_in: Callable[..., SignedInClient],
    world: tuple[UUID, UUID],
) -> None:
    product_id, customer_id = world
    with app.app_context(), tenant_scope(non_life_org.id), acting_as(MAKER):
        sell(product_id, vehicle(), customer=2)
    typed = CAR | {"product_id": str(product_id), "customer_id": str(customer_id)}
    with clock.frozen(NOW):
        client = sign_in(organization=non_life_org)
        saved = client.post(f"/{non_life_org.slug}/quotes/new", data=typed)
        shown = client.get(saved.location).text
        asked = client.post(f"{saved.location}/accept", data={})
        issued = client.post(f"{saved.location}/accept", data={"confirms_duplicate": "y"})

    assert "is insured already" in shown
    assert asked.status_code == 409
    assert "Insure a vehicle twice" in asked.text
    assert issued.status_code == 303


def test_a_home_is_quoted_with_its_contents(
    app: Flask, non_life_org: OrganizationFacts, sign_in: Callable[..., SignedInClient]
) -> None:
    with app.app_context(), tenant_scope(non_life_org.id), acting_as(MAKER):
        product_id, customer_id = make_home_product(), make_customer()
    typed = {
        "product_id": str(product_id),
        "customer_id": str(customer_id),
        "frequency": "MONTHLY",
        "act": "price",
    }
    for place, (kind, value) in enumerate((("BUILDING", "2 000 000"), ("CONTENTS", "500 000"))):
        typed |= {
            f"object_{place}_kind": kind,
            f"object_{place}_address": "12 Long Street",
            f"object_{place}_city": "Cape Town",
            f"object_{place}_construction": "BRICK",
            f"object_{place}_roof": "TILE",
            f"object_{place}_use": "OWN_HOME",
            f"object_{place}_value": value,
        }
    with clock.frozen(NOW):
        client = sign_in(organization=non_life_org)
        price = client.post(f"/{non_life_org.slug}/quotes/new", data=typed).text

    assert "R\u00a0250,00" in price
    assert "Contents, 12 Long Street, Cape Town" in price
