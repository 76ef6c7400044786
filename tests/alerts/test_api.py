"""What one was told, over the API: one's own and nobody else's."""

from collections.abc import Callable
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from insurance.core.permissions import Role
from tests.alerts.test_show_page import mention
from tests.factories.identity import SignedInClient, api_key_for
from tests.factories.organizations import OrganizationFacts


def test_a_program_reads_pages_and_switches_what_its_holder_is_told(
    app: Flask,
    org: OrganizationFacts,
    api: Callable[..., FlaskClient],
    sign_in: Callable[..., SignedInClient],
    session: Session,
) -> None:
    agent = sign_in(Role.AGENT)
    for number in range(3):
        mention(agent, f"policy {number}")
    holder = app.test_client()
    holder.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {api_key_for(agent.person, org.id)}"

    first = holder.get("/api/v1/alerts?state=NEW&limit=2")
    rest = holder.get(first.headers["Link"].split(">")[0][1:])
    newest = first.json[0]
    colleague = api(Role.AGENT)
    theirs = colleague.post(f"/api/v1/alerts/{newest['id']}/read", json={})
    read = holder.post(f"/api/v1/alerts/{newest['id']}/read", json={}).json
    remaining = holder.post("/api/v1/alerts/read-all", json={}).json

    assert [one["title"] for one in first.json + rest.json] == [
        f"Sipho named you in a note on policy {number}" for number in (2, 1, 0)
    ]
    assert colleague.get("/api/v1/alerts").json == []
    assert theirs.status_code == 404
    assert (UUID(read["id"]), read["state"]) == (UUID(newest["id"]), "READ")
    assert remaining == {"count": 2}
    assert holder.get("/api/v1/alerts?state=NEW").json == []


def test_a_kind_that_is_switched_off_is_not_listed_and_an_unknown_one_is_refused(
    app: Flask, org: OrganizationFacts, sign_in: Callable[..., SignedInClient], session: Session
) -> None:
    agent = sign_in(Role.AGENT)
    mention(agent, "policy 1")
    holder = app.test_client()
    holder.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {api_key_for(agent.person, org.id)}"
    kind = holder.get("/api/v1/alerts").json[0]["kind"]

    chosen = holder.put("/api/v1/alerts/settings", json={"hidden": [kind]}).json
    mailed_too = holder.put("/api/v1/alerts/settings", json={"unmailed": [kind]}).json
    refused = holder.put("/api/v1/alerts/settings", json={"hidden": ["nothing"]})

    assert [one["code"] for one in chosen["kinds"] if not one["is_shown"]] == [kind]
    assert [one["code"] for one in mailed_too["kinds"] if not one["is_shown"]] == [kind]
    assert [one["code"] for one in mailed_too["kinds"] if not one["is_mailed"]] == [kind]
    assert holder.get("/api/v1/alerts").json == []
    assert refused.status_code == 422
    assert refused.json["errors"][0]["pointer"] == "/hidden"
