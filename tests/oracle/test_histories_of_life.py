"""The product agrees with the model over random histories of life insurance, after every step."""

from collections.abc import Callable

from tests.factories.identity import TestClient
from tests.factories.organizations import OrganizationFacts
from tests.oracle.catalogue import LIFE
from tests.oracle.histories import agree
from tests.oracle.office import Office


def test_the_product_agrees_with_the_model(
    api: Callable[..., TestClient], org: OrganizationFacts
) -> None:
    agree(Office(api, org), LIFE)
