"""Every answer of every route forbids what is not ours."""

import re
from collections.abc import Callable
from uuid import uuid4

from flask import Flask

from tests.factories.identity import SignedInClient


def test_every_route_sends_the_security_headers(
    app: Flask, sign_in: Callable[..., SignedInClient]
) -> None:
    client = sign_in()
    asked = 0
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or set()):
            continue
        path = rule.rule.replace("<slug:org>", client.org.slug)
        path = re.sub(
            r"<(?:\w+:)?(\w+)>", lambda found: "1" if "int" in found[0] else str(uuid4()), path
        )
        answer = client.get(path)
        asked += 1
        headers = answer.headers
        assert headers["X-Content-Type-Options"] == "nosniff", rule.rule
        assert headers["Referrer-Policy"] == "no-referrer", rule.rule
        assert "default-src 'none'" in headers["Content-Security-Policy"], rule.rule
        assert "require-trusted-types-for 'script'" in headers["Content-Security-Policy"], rule.rule
        assert headers["X-Request-Id"], rule.rule
        if not rule.rule.startswith(("/static", "/healthz")):
            assert "no-store" in headers.get("Cache-Control", ""), rule.rule
        assert answer.status_code < 500, rule.rule

    assert asked > 150
