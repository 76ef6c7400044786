"""Vehicles and buildings on screen: shown with the policy, changed in forms."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from uuid import UUID

import pytest
from flask import Flask

from insurance.core import clock
from insurance.core.context import acting_as
from insurance.core.db import db
from insurance.core.tenancy import tenant_scope
from insurance.policies import queries
from tests.factories.book import NOW
from tests.factories.identity import SignedInClient
from tests.factories.lifecycle import MAKER
from tests.factories.objects import building, make_home_product, make_motor_product, sell, vehicle
from tests.factories.organizations import OrganizationFacts

NEW_CAR = {
    "registration": "xyz 789 gp",
    "make": "Toyota",
    "model": "Hilux",
    "year": "2022",
    "use": "PRIVATE",
    "value": "300 000",
    "rating_vehicle_group": "B",
    "effective_date": "2026/11/20",
}


@pytest.fixture
def policy_id(app: Flask, non_life_org: OrganizationFacts) -> UUID:
    """Return a motor policy of 785.00 a month."""
    with app.app_context(), tenant_scope(non_life_org.id), acting_as(MAKER):
        return sell(make_motor_product(), vehicle())


@pytest.fixture
def page(
    non_life_org: OrganizationFacts, sign_in: Callable[..., SignedInClient]
) -> Iterator[tuple[SignedInClient, str]]:
    """Return a signed-in person of 20 November and where the insurer's policies are."""
    with clock.frozen(NOW):
        yield sign_in(organization=non_life_org), f"/{non_life_org.slug}/policies"


def test_the_policy_shows_its_vehicle_and_the_excess(
    page: tuple[SignedInClient, str], policy_id: UUID
) -> None:
    client, path = page

    shown = client.get(f"{path}/{policy_id}").text

    for words in (
        "Toyota Corolla 2021, ABC 123 GP",
        "10% of the claim, at least",
        "Change vehicle",
    ):
        assert words in shown
    for words in ("Natural causes", "Beneficiaries", "estate", "Members", "Life", "waiting"):
        assert words not in shown


def test_a_vehicle_is_changed_on_screen_as_its_effect_was_shown(
    app: Flask,
    non_life_org: OrganizationFacts,
    page: tuple[SignedInClient, str],
    policy_id: UUID,
) -> None:
    client, path = page
    form = client.get(f"{path}/{policy_id}/objects/vehicle").text
    assert "Toyota Corolla 2021, ABC 123 GP" in form

    looked = client.post(f"{path}/{policy_id}/objects/vehicle", data=NEW_CAR | {"act": "look"})
    done = client.post(f"{path}/{policy_id}/objects/vehicle", data=NEW_CAR | {"act": "issue"})

    assert "R\u00a01\u00a0865,00" in looked.text
    assert "R\u00a0396,00 is added to the next debit" in looked.text
    assert done.status_code == 303
    with app.app_context(), tenant_scope(non_life_org.id):
        assert queries.get_policy(db.session(), policy_id).premium == Decimal("1865.00")


def test_what_is_wrong_is_said_at_the_fact(
    page: tuple[SignedInClient, str], policy_id: UUID
) -> None:
    client, path = page
    typed = NEW_CAR | {"registration": "?!", "year": "1066", "rating_vehicle_group": ""}

    refused = client.post(f"{path}/{policy_id}/objects/vehicle", data=typed | {"act": "issue"})

    assert refused.status_code == 422
    assert 'href="#registration"' in refused.text
    assert 'href="#year"' in refused.text


def test_a_vehicle_of_another_policy_asks_before_it_is_insured_twice(
    app: Flask,
    non_life_org: OrganizationFacts,
    page: tuple[SignedInClient, str],
    policy_id: UUID,
) -> None:
    client, path = page
    with app.app_context(), tenant_scope(non_life_org.id), acting_as(MAKER):
        sell(make_motor_product(), vehicle(registration="XYZ 789 GP"), customer=2)

    asked = client.post(f"{path}/{policy_id}/objects/vehicle", data=NEW_CAR | {"act": "issue"})
    done = client.post(
        f"{path}/{policy_id}/objects/vehicle",
        data=NEW_CAR | {"act": "issue", "confirms_duplicate": "y"},
    )

    assert asked.status_code == 409
    assert "is insured on PL-" in asked.text
    assert "Insure this vehicle twice" in asked.text
    assert done.status_code == 303


def test_a_policy_without_a_vehicle_says_so_and_takes_it(
    app: Flask, non_life_org: OrganizationFacts, page: tuple[SignedInClient, str]
) -> None:
    client, path = page
    inputs = {"vehicle_group": "A", "year": "2020+", "use": "PRIVATE"}
    with app.app_context(), tenant_scope(non_life_org.id), acting_as(MAKER):
        bare = sell(make_motor_product(), sum_assured=Decimal(180_000), rating_inputs=inputs)
    assert "No vehicle recorded yet" in client.get(f"{path}/{bare}").text
    form = client.get(f"{path}/{bare}/objects/add").text
    assert 'value="180\u00a0000,00"' in form

    typed = NEW_CAR | {"value": "180 000", "rating_vehicle_group": "A"}
    done = client.post(f"{path}/{bare}/objects/add", data=typed | {"act": "issue"})

    assert done.status_code == 303
    assert "Toyota Hilux 2022, XYZ 789 GP" in client.get(f"{path}/{bare}").text


@pytest.mark.parametrize(
    ("kind", "typed", "says"),
    [
        ("address", {"address": "3 Reed Lane", "city": "Hermanus"}, "Hermanus"),
        ("details", {"use": "BUSINESS"}, "Business"),
        ("drivers", {"driver_0_name": "Sipho Dlamini", "driver_0_born": "1990/05/01"}, "Sipho"),
    ],
)
def test_address_use_and_drivers_have_their_forms(
    page: tuple[SignedInClient, str],
    policy_id: UUID,
    kind: str,
    typed: dict[str, str],
    says: str,
) -> None:
    client, path = page
    at = f"{path}/{policy_id}/objects/{kind}"
    assert client.get(at).status_code == 200

    done = client.post(at, data={"effective_date": "2026/11/20", "act": "issue"} | typed)

    assert done.status_code == 303, done.text
    assert says in client.get(f"{path}/{policy_id}").text


def test_a_kind_of_object_that_is_not_there_is_not_found(
    page: tuple[SignedInClient, str], policy_id: UUID
) -> None:
    client, path = page

    for at in ("objects/paint", "objects/add?what=BUILDING", "objects/vehicle?object=x"):
        assert client.get(f"{path}/{policy_id}/{at}").status_code == 404


def test_a_house_takes_its_contents_on_screen(
    app: Flask, non_life_org: OrganizationFacts, page: tuple[SignedInClient, str]
) -> None:
    client, path = page
    with app.app_context(), tenant_scope(non_life_org.id), acting_as(MAKER):
        house = sell(make_home_product(), building())
    typed = {
        "address": "12 Long Street",
        "city": "Cape Town",
        "construction": "BRICK",
        "value": "500 000",
        "effective_date": "2026/11/20",
        "act": "issue",
    }

    done = client.post(f"{path}/{house}/objects/add?what=CONTENTS", data=typed)

    assert done.status_code == 303
    assert "Contents, 12 Long Street, Cape Town" in client.get(f"{path}/{house}").text
