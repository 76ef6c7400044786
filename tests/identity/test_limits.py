"""How often one address of the network may try to sign in, counted in the queue's server."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from redis import Redis

from insurance.app import create_app
from insurance.core.settings import Settings
from insurance.web.limits import limiter
from tests.factories.identity import TestClient
from tests.identity.browser import Browser

GUESS = {"email": "nobody@nowhere.example", "password": "a guess at it"}


@pytest.fixture
def counting(settings: Settings) -> Iterator[Flask]:
    """Return an application that counts, as outside of tests."""
    queue = Redis.from_url(settings.redis_url)
    app = create_app(replace(settings, is_test=False))
    app.test_client_class = TestClient
    for key in queue.scan_iter("*limits*"):
        queue.delete(key)
    yield app
    limiter.enabled = False


def test_the_twenty_first_try_in_a_minute_waits_and_is_told_how_long(counting: Flask) -> None:
    client = counting.test_client()
    answers = [client.post("/api/v1/auth/token", json=GUESS) for _ in range(21)]

    assert {answer.status_code for answer in answers[:20]} == {401}
    assert answers[20].status_code == 429
    assert answers[20].mimetype == "application/problem+json"
    assert 0 < int(answers[20].headers["Retry-After"]) <= 60


def test_another_address_of_the_network_is_not_held_up(counting: Flask) -> None:
    client = counting.test_client()
    for _ in range(21):
        client.post("/api/v1/auth/token", json=GUESS)
    other = client.post("/api/v1/auth/token", json=GUESS, environ_base={"REMOTE_ADDR": "192.0.2.7"})

    assert other.status_code == 401


def test_links_for_new_passwords_are_limited_too(counting: Flask) -> None:
    browser = Browser(counting)
    answers = [browser.post("/forgotten", email="a@x.example") for _ in range(6)]

    assert {answer.status_code for answer in answers[:5]} == {303}
    assert answers[-1].status_code == 429
