"""The product agrees with the model over random histories of ships, aircraft, trucks and trains, after every step."""

from collections.abc import Callable

from tests.factories.identity import TestClient
from tests.factories.organizations import OrganizationFacts
from tests.oracle.catalogue import CARRIAGE
from tests.oracle.histories import agree
from tests.oracle.office import Office


def test_the_product_agrees_with_the_model(
    api: Callable[..., TestClient], non_life_org: OrganizationFacts
) -> None:
    agree(Office(api, non_life_org), CARRIAGE)
