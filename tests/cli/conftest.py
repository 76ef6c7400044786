"""Running the command against the test's servers."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from insurance.cli import main
from insurance.core.settings import Settings


@pytest.fixture
def run(settings: Settings) -> Callable[..., Result]:
    """Return a function that runs the command; keyword arguments change the environment."""
    environment = {
        "INSURANCE_MODE": "test",
        "INSURANCE_INSTANCE": str(settings.instance),
        "DATABASE_URL": settings.database_url,
        "DATABASE_OWNER_URL": settings.database_owner_url,
        "REDIS_URL": settings.redis_url,
    }

    def invoke(*arguments: str, **changes: str) -> Result:
        return CliRunner().invoke(main, arguments, env=environment | changes)

    return invoke
