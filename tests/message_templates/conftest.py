"""A mail server, and settings that name it."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from insurance.core.settings import Settings
from tests.factories.postbox import Postbox, open_postbox


@pytest.fixture
def box() -> Iterator[tuple[Postbox, str]]:
    """Return a running SMTP server and its address."""
    with open_postbox() as opened:
        yield opened


@pytest.fixture
def mail_settings(settings: Settings, box: tuple[Postbox, str]) -> Settings:
    """Return settings that name the server."""
    return replace(settings, smtp_url=box[1])
