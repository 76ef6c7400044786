"""No change without the token that this session's pages carry: every route that changes."""

import re
import secrets
from collections.abc import Callable
from uuid import uuid4

import pytest
from flask import Flask
from itsdangerous import URLSafeTimedSerializer
from werkzeug.routing import Rule

from tests.factories.identity import SignedInClient
from tests.factories.organizations import OrganizationFacts


def _changing(app: Flask) -> list[Rule]:
    return [
        rule
        for rule in app.url_map.iter_rules()
        if (rule.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"}
        and not rule.rule.startswith("/api/")
    ]


def _path(rule: Rule, slug: str) -> str:
    path = rule.rule.replace("<slug:org>", slug).replace("<slug:resource>", "policies")
    return re.sub(
        r"<(?:\w+:)?(\w+)>", lambda found: "1" if "int" in found[0] else str(uuid4()), path
    )


@pytest.mark.parametrize("token", ["none", "wrong", "another session's"])
def test_every_route_that_changes_refuses_a_form_without_its_token(
    token: str, app: Flask, sign_in: Callable[..., SignedInClient], org: OrganizationFacts
) -> None:
    client = sign_in()
    signer = URLSafeTimedSerializer(app.config["SECRET_KEY"], salt="wtf-csrf-token")
    sent = {"none": None, "wrong": "x" * 40, "another session's": signer.dumps("0" * 40)}[token]
    client.environ_base.pop("HTTP_X_CSRFTOKEN")
    if sent is not None:
        client.environ_base["HTTP_X_CSRFTOKEN"] = sent
    asked = 0
    for rule in _changing(app):
        answer = client.post(_path(rule, org.slug), data={"_key": secrets.token_hex(8)})
        asked += 1
        assert answer.status_code == 403, f"{rule.rule}: {answer.status_code}"

    assert asked > 40


def test_every_route_that_changes_refuses_another_site_even_with_the_token(
    app: Flask, sign_in: Callable[..., SignedInClient], org: OrganizationFacts
) -> None:
    client = sign_in()
    for rule in _changing(app):
        answer = client.post(_path(rule, org.slug), headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403, f"{rule.rule}: {answer.status_code}"


def test_the_api_takes_no_cookie_for_a_token(
    sign_in: Callable[..., SignedInClient], org: OrganizationFacts
) -> None:
    client = sign_in()

    assert client.post("/api/v1/customers", json={"first_name": "A"}).status_code == 401
