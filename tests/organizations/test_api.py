"""Organizations and reference lists in the API."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from insurance.core import clock
from insurance.core.db import db
from insurance.core.permissions import Role
from insurance.core.tenancy import PLATFORM_ORG_ID, platform_scope, tenant_scope
from insurance.identity import services
from insurance.identity.models import Membership
from insurance.organizations import queries
from tests.factories.identity import TestClient, make_person
from tests.factories.organizations import OrganizationFacts, make_organization

PATH = "/api/v1/organizations"


@pytest.fixture
def platform_api(client: TestClient, platform_key: str) -> TestClient:
    """Return an API client of a platform administrator."""
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {platform_key}"
    return client


def test_a_platform_administrator_creates_an_insurer(platform_api: TestClient, slug: str) -> None:
    answer = platform_api.post(PATH, json={"name": "Ubuntu Life", "slug": slug, "description": "x"})
    body = answer.json
    assert body is not None

    assert answer.status_code == 201
    assert answer.headers["Location"].endswith(f"{PATH}/{body['id']}")
    assert platform_api.get(answer.headers["Location"]).json == body
    assert {name: body[name] for name in ("name", "slug", "description")} == {
        "name": "Ubuntu Life",
        "slug": slug,
        "description": "x",
    }
    assert (body["licence_type"], body["currency"], body["timezone"]) == (
        "LIFE",
        "ZAR",
        "Africa/Johannesburg",
    )
    assert len(body["licensed_classes"]) == 6


def test_a_microinsurer_is_licensed_for_life_and_non_life_classes(
    platform_api: TestClient, slug: str
) -> None:
    answer = platform_api.post(
        PATH,
        json={
            "name": "Kopano Micro",
            "slug": slug,
            "licence_type": "MICRO",
            "licensed_classes": ["FUNERAL", "PROPERTY"],
            "currency": "NAD",
            "timezone": "Africa/Windhoek",
        },
    )

    assert answer.status_code == 201
    assert answer.json and answer.json["licensed_classes"] == ["FUNERAL", "PROPERTY"]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "   "}, "/name"),
        ({"name": 5}, "/name"),
        ({"name": "x\u0000y"}, None),
        ({"slug": "Not A Slug"}, "/slug"),
        ({"slug": "api"}, "/slug"),
        ({"licence_type": "BOTH"}, "/licence_type"),
        ({"licensed_classes": ["MOTOR"]}, "/licensed_classes"),
        ({"licensed_classes": ["PETS"]}, "/licensed_classes"),
        ({"licensed_classes": "RISK"}, "/licensed_classes"),
        ({"currency": "BTC"}, "/currency"),
        ({"timezone": "Mars/Olympus"}, "/timezone"),
        ({"kind": "PLATFORM"}, "/kind"),
        ({"id": str(uuid4())}, "/id"),
        ({"version": 9}, "/version"),
        ({"requires_mfa": True}, "/requires_mfa"),
    ],
)
def test_a_refused_insurer_is_explained_at_its_field_and_not_made(
    platform_api: TestClient, slug: str, changes: dict[str, Any], pointer: str | None, app: Flask
) -> None:
    answer = platform_api.post(PATH, json={"name": "Ubuntu Life", "slug": slug} | changes)

    assert answer.status_code in (400, 422)
    assert answer.mimetype == "application/problem+json"
    if pointer:
        assert [error["pointer"] for error in answer.json["errors"]] == [pointer]  # type: ignore[index]
    with app.app_context(), platform_scope():
        assert queries.find_entry(db.session(), slug) is None


def test_a_slug_in_use_is_refused(platform_api: TestClient, org: OrganizationFacts) -> None:
    answer = platform_api.post(PATH, json={"name": "Second", "slug": org.slug})

    assert answer.status_code == 422
    assert answer.json and answer.json["errors"][0] == {
        "pointer": "/slug",
        "detail": "This slug is in use.",
    }


def test_the_same_request_sent_twice_makes_one_insurer(platform_api: TestClient, slug: str) -> None:
    answers = [
        platform_api.post(
            PATH, json={"name": "Once", "slug": slug}, headers={"Idempotency-Key": slug}
        )
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json == answers[1].json


@pytest.mark.parametrize("role", list(Role)[1:])
def test_nobody_of_an_insurer_creates_organizations(
    api: Callable[..., TestClient], role: Role, slug: str
) -> None:
    assert api(role).post(PATH, json={"name": "Mine", "slug": slug}).status_code == 403


def test_people_of_an_insurer_see_their_own_and_no_other(
    api: Callable[..., TestClient], org: OrganizationFacts, other_org: OrganizationFacts
) -> None:
    client = api(Role.AGENT)
    listed = client.get(PATH).json
    own = client.get(f"{PATH}/{org.id}")
    others = [client.get(f"{PATH}/{one}") for one in (other_org.id, PLATFORM_ORG_ID, uuid4())]

    assert listed and [row["id"] for row in listed] == [str(org.id)]
    assert own.status_code == 200
    assert [answer.status_code for answer in others] == [404, 404, 404]
    assert len({_said(answer) for answer in others}) == 1


def _said(answer: TestResponse) -> str:
    return str({name: value for name, value in (answer.json or {}).items() if name != "request_id"})


def test_a_signed_in_person_lists_every_insurer_they_belong_to(
    client: TestClient, session: Session, org: OrganizationFacts
) -> None:
    person, second = make_person(org.id, Role.AGENT), make_organization()
    with platform_scope():
        session.add(
            Membership(
                user_id=person.id,
                org_id=second.id,
                role=Role.AGENT,
                created_at=clock.now(),
                accepted_at=clock.now(),
            )
        )
        session.commit()
    token = services.open_grant(person.id, org.id, now=clock.now()).access_token
    listed = client.get(PATH, headers={"Authorization": f"Bearer {token}"}).json

    assert {row["id"] for row in listed or []} == {str(org.id), str(second.id)}


def test_the_platform_itself_is_not_an_insurer(platform_api: TestClient) -> None:
    assert platform_api.get(f"{PATH}/{PLATFORM_ORG_ID}").status_code == 404
    assert platform_api.get(f"{PATH}/{uuid4()}").status_code == 404


def test_the_list_is_paged_by_the_link_header(platform_api: TestClient, app: Flask) -> None:
    with app.app_context():
        made = {str(make_organization(name=f"Zz Paged {at}").id) for at in range(5)}
    seen: list[str] = []
    address: str | None = f"{PATH}?limit=2"
    while address:
        answer = platform_api.get(address)
        rows = answer.json or []
        assert len(rows) <= 2
        seen += [row["id"] for row in rows]
        link = answer.headers.get("Link")
        address = link.split(">")[0].lstrip("<") if link else None

    assert len(seen) == len(set(seen))
    assert made <= set(seen)


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=x", "page=2"])
def test_odd_paging_is_refused(platform_api: TestClient, query: str) -> None:
    assert platform_api.get(f"{PATH}?{query}").status_code == 422


def test_the_classes_of_the_act_come_in_its_order(api: Callable[..., TestClient]) -> None:
    classes = api(Role.AGENT).get("/api/v1/product-classes").json
    assert classes is not None

    assert len(classes) == 23
    assert [row["category"] for row in classes] == ["LIFE"] * 6 + ["NON_LIFE"] * 17
    assert set(classes[0]) == {"id", "code", "name", "category", "act_reference"}


def test_benefit_types_are_listed_all_or_by_class(api: Callable[..., TestClient]) -> None:
    client = api(Role.AGENT)
    every = client.get("/api/v1/benefit-types").json
    funeral = client.get("/api/v1/benefit-types/by-class/FUNERAL").json
    assert every is not None and funeral is not None

    assert len(every) == 22
    assert set(every[0]) == {"id", "code", "name"}
    assert {row["code"] for row in funeral} == {
        "FUNERAL",
        "DEATH",
        "ACCIDENTAL_DEATH",
        "PREMIUM_WAIVER",
        "STILLBIRTH",
    }
    assert client.get("/api/v1/benefit-types/by-class/PETS").status_code == 404


def test_reference_lists_need_a_token(client: TestClient) -> None:
    for path in (
        "product-classes",
        "benefit-types",
        "benefit-types/by-class/RISK",
        "organizations",
    ):
        assert client.get(f"/api/v1/{path}").status_code == 401


def test_a_new_insurers_rows_stand_in_its_own_scope_alone(
    platform_api: TestClient, slug: str, session: Session, org: OrganizationFacts
) -> None:
    answer = platform_api.post(PATH, json={"name": "Apart", "slug": slug})
    assert queries.get_organization(session).org_id == org.id
    with tenant_scope(org.id):
        assert queries.list_licensed_classes(session)
    assert answer.json and answer.json["id"] != str(org.id)
