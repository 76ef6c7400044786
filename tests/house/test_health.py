"""What watches the product, and what its log never says."""

import json

from flask import Flask

from insurance.core.logs import redacted
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


def test_the_figures_are_there_for_prometheus(client: TestClient) -> None:
    client.get("/healthz")

    figures = client.get("/metrics").get_data(True)

    assert 'insurance_requests_total{endpoint="health.healthz"' in figures
    assert "insurance_queue_depth" in figures


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
