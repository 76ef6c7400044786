"""The product agrees with the model over random histories, to the cent, after every step."""

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.factories.identity import TestClient
from tests.factories.organizations import OrganizationFacts
from tests.oracle.histories import History, histories, tell
from tests.oracle.office import Office

HISTORIES = int(os.environ.get("HISTORIES", "500"))
IS_LONG = "HISTORIES" in os.environ


@pytest.fixture
def offices(
    api: Callable[..., TestClient], org: OrganizationFacts, non_life_org: OrganizationFacts
) -> dict[bool, Office]:
    """Return the life insurer and the other one."""
    return {True: Office(api, org), False: Office(api, non_life_org)}


def test_the_product_agrees_with_the_model(offices: dict[bool, Office]) -> None:
    @settings(
        max_examples=HISTORIES,
        deadline=None,
        derandomize=not IS_LONG,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(history=histories(most=10 if IS_LONG else 4))
    def agree(history: History) -> None:
        tell(offices[history.article.is_life], history)

    agree()
