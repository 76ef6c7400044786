"""What watches the product, and what its log never says."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from insurance.core.logs import redacted
from insurance.core.settings import Settings
from tests.factories.identity import TestClient


def test_the_process_is_up_and_ready(client: TestClient) -> None:
    assert client.get("/healthz").json == {"status": "ok"}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["database"], ready.json["migrations"]) == (
        200,
        True,
        True,
    )


def test_it_is_not_ready_while_the_queue_is_down(app: Flask, client: TestClient) -> None:
    from redis import Redis

    kept = app.extensions["redis"]
    app.extensions["redis"] = Redis(unix_socket_path="/nowhere", socket_timeout=1)
    try:
        ready = client.get("/readyz")
    finally:
        app.extensions["redis"] = kept

    assert (ready.status_code, ready.json["queue"]) == (503, False)


TOKEN = "a token of the scraper"


@pytest.fixture
def scraped(app: Flask, settings: Settings) -> Iterator[None]:
    """Let the figures be read with a token."""
    app.config["SETTINGS"] = replace(settings, metrics_token=TOKEN)
    yield
    app.config["SETTINGS"] = settings


def test_the_figures_are_there_for_who_holds_the_token(client: TestClient, scraped: None) -> None:
    client.get("/healthz")

    figures = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).get_data(True)

    assert 'insurance_requests_total{endpoint="health.healthz"' in figures
    assert "insurance_queue_depth" in figures
    for wrong in ({}, {"Authorization": "Bearer a guess at it"}):
        assert client.get("/metrics", headers=wrong).status_code == 404


def test_without_a_token_set_nobody_reads_the_figures(client: TestClient) -> None:
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_invented_methods_and_paths_do_not_make_the_figures_grow(
    client: TestClient, scraped: None
) -> None:
    asking = {"Authorization": f"Bearer {TOKEN}"}

    def series() -> set[str]:
        figures = client.get("/metrics", headers=asking).get_data(True)
        return {line.split(" ")[0] for line in figures.splitlines() if "requests_total{" in line}

    client.open("/sign-in", method="INVENTED0")
    client.get("/nothing/0")
    before = series() | series()
    for number in range(1, 5):
        client.open("/sign-in", method=f"INVENTED{number}")
        client.get(f"/nothing/{number}")

    assert series() == before


def test_every_answer_names_its_request_and_forbids_what_is_not_ours(client: TestClient) -> None:
    for path in ("/sign-in", "/healthz", "/nothing/here", "/api/v1/customers"):
        headers = client.get(path).headers
        assert len(headers["X-Request-Id"]) == 36
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_personal_data_and_secrets_never_reach_the_log() -> None:
    planted = "8001015009087 thandi@example.org ins_live_abc-DEF 62001234567 eyJh.eyJz.abc"

    assert redacted(f"x {planted} y") == "x [id] [email] [key] [account] [jwt] y"
    assert json.dumps(redacted(planted)).isascii()
