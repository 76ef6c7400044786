"""The product agrees with the model over random histories of deaths in a family."""

from collections.abc import Callable

from tests.factories.identity import TestClient
from tests.factories.organizations import OrganizationFacts
from tests.oracle.histories_of_lives import FUNERAL, RISK, agree
from tests.oracle.office import Office


def test_deaths_on_a_funeral_policy_agree_with_the_model(
    api: Callable[..., TestClient], org: OrganizationFacts
) -> None:
    agree(Office(api, org), FUNERAL)


def test_deaths_on_a_risk_policy_agree_with_the_model(
    api: Callable[..., TestClient], org: OrganizationFacts
) -> None:
    agree(Office(api, org), RISK)
