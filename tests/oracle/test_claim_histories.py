"""The product agrees with the model over random histories of claims, after every step."""

from collections.abc import Callable

from tests.factories.identity import TestClient
from tests.factories.organizations import OrganizationFacts
from tests.oracle.claim_histories import HOME, LIFE, agree
from tests.oracle.office import Office


def test_claims_on_a_life_agree_with_the_model(
    api: Callable[..., TestClient], org: OrganizationFacts
) -> None:
    agree(Office(api, org), LIFE)


def test_claims_on_a_home_agree_with_the_model(
    api: Callable[..., TestClient], non_life_org: OrganizationFacts
) -> None:
    agree(Office(api, non_life_org), HOME)
