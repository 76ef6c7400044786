"""The endpoints of products, benefits, inception rules, rate tables and categories."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from insurance.core.db import db
from insurance.core.permissions import Role
from tests.factories.identity import TestClient
from tests.factories.organizations import OrganizationFacts
from tests.factories.products import (
    make_draft,
    make_family_product,
    make_launched_product,
    make_ready_draft,
)

Api = Callable[..., TestClient]

SIMPLE = {
    "name": "Credit Term",
    "slug": "credit-term",
    "description": "Term cover",
    "product_type": "TERM_LIFE",
    "pricing_method": "RATE_TABLE",
    "rate_table": [
        {"age_from": 18, "age_to": 65, "gender": "MALE", "rate_per_thousand": 0.45},
        {"age_from": 18, "age_to": 65, "gender": "FEMALE", "rate_per_thousand": 0.32},
    ],
    "min_entry_age": 18,
    "max_entry_age": 65,
    "min_sum_assured": 10000,
    "max_sum_assured": 5000000,
    "coverage_amount": 100000,
    "waiting_period_days": 90,
    "term_type": "FIXED_TERM",
    "default_term_years": 20,
    "premium_projection_type": "LEVEL",
    "is_active": True,
}


def test_a_simple_product_with_inline_rates_is_created_and_launched(api: Api) -> None:
    client = api()

    response = client.post("/api/v1/products", json=SIMPLE)

    assert response.status_code == 201, response.text
    product = response.json
    assert (product["status"], product["is_active"], product["class_code"]) == (
        "launched",
        True,
        "RISK",
    )
    table = client.get(f"/api/v1/rate-tables/{product['rate_table_id']}").json
    assert [str(row["rate"]) for row in table["entries"]] == ["0.45", "0.32"]
    assert client.get(response.headers["Location"]).json == product


def test_a_flat_product_needs_only_its_premium(api: Api) -> None:
    body = {"name": "Flat", "product_type": "TERM_LIFE", "base_premium": 199.0, "is_active": True}

    response = api().post(
        "/api/v1/products", json=body | {"min_entry_age": 18, "max_entry_age": 65}
    )

    assert response.status_code == 201, response.text
    assert response.json["pricing_method"] == "FLAT"
    assert '"base_premium":199.00' in response.text


def test_is_active_is_refused_with_every_failed_check_and_nothing_is_made(api: Api) -> None:
    client = api()
    rows = [{"age_from": 18, "age_to": 25, "gender": "MALE", "rate_per_thousand": 0.45}]

    response = client.post("/api/v1/products", json=SIMPLE | {"rate_table": rows})

    assert response.status_code == 422
    pointers = [error["pointer"] for error in response.json["errors"]]
    assert pointers[0] == "/is_active"
    assert "/rates" in pointers
    assert client.get("/api/v1/products").json == []
    assert client.get("/api/v1/rate-tables").json == []


def test_a_product_from_the_first_field_to_the_launch(api: Api) -> None:
    client = api()
    product = client.post(
        "/api/v1/products",
        json={
            "name": "Family",
            "slug": "family",
            "class_code": "RISK",
            "product_type": "TERM_LIFE",
            "min_entry_age": 18,
            "max_entry_age": 65,
        },
    ).json
    table = client.post(
        "/api/v1/rate-tables",
        json={
            "table_name": "Main rates",
            "table_code": "main-rates",
            "rate_basis": "PER_MILLE",
            "rating_factors": ["age", "gender"],
            "entries": [{"age_from": 18, "age_to": 65, "gender": "UNISEX", "rate": 0.52}],
        },
    ).json
    types = {one["code"]: one["id"] for one in client.get("/api/v1/benefit-types").json}
    base = f"/api/v1/products/{product['id']}"

    refused = client.put(f"{base}/launch")
    benefit = client.post(
        f"{base}/benefits",
        json={
            "benefit_type_id": types["DEATH"],
            "benefit_code": "DEATH_MAIN",
            "benefit_name": "Main Member Death Benefit",
            "benefit_amount_type": "SUM_INSURED",
            "default_amount": 500000,
            "max_amount": 5000000,
            "waiting_period_days": 180,
            "is_mandatory": True,
            "display_order": 1,
            "member_role": "MAIN_MEMBER",
            "rate_table_id": table["id"],
            "rate_basis": "PER_MILLE",
        },
    )
    rule = client.post(
        f"{base}/inception-rules",
        json={"field_code": "smoker", "label": "Do you smoke?", "field_type": "YES_NO"},
    )
    launched = client.put(f"{base}/launch")

    assert refused.status_code == 422
    assert benefit.status_code == 201, benefit.text
    assert rule.status_code == 201, rule.text
    assert launched.status_code == 200, launched.text
    assert launched.json["status"] == "launched"
    assert [one["benefit_code"] for one in launched.json["benefits"]] == ["DEATH_MAIN"]
    assert client.get(f"{base}/benefits").json == [
        benefit.json | {"product_version_status": "launched"}
    ]
    assert [one["field_code"] for one in client.get(f"{base}/inception-rules").json] == ["smoker"]
    assert all(check["holds"] for check in client.get(f"{base}/launch-checks").json)


def test_put_clones_a_launched_version_and_changes_a_draft_in_place(
    api: Api, session: Session
) -> None:
    client = api()
    product = make_launched_product()
    path = f"/api/v1/products/{product.id}"

    first = client.put(path, json={"max_entry_age": 60}).json
    second = client.put(path, json={"max_entry_age": 55}).json
    in_place = client.put(path, json={"max_entry_age": 50, "mode": "IN_PLACE"}).json
    clone = client.put(path, json={"mode": "CLONE"})

    assert [len(one["versions"]) for one in (first, second, in_place)] == [2, 2, 2]
    assert (in_place["version_number"], in_place["max_entry_age"]) == (1, 65)
    assert in_place["versions"][0]["max_entry_age"] == 50
    assert clone.status_code == 409


def test_in_place_on_a_launched_version_is_409(api: Api, session: Session) -> None:
    product = make_launched_product()

    response = api().put(
        f"/api/v1/products/{product.id}", json={"max_entry_age": 60, "mode": "IN_PLACE"}
    )

    assert response.status_code == 409
    assert response.json["allowed_modes"] == ["AUTO", "CLONE"]


def test_a_stale_version_is_409_with_both_values(api: Api, session: Session) -> None:
    client = api()
    path = f"/api/v1/products/{make_draft().id}"
    client.put(path, json={"max_entry_age": 60, "version": 1})

    response = client.put(path, json={"max_entry_age": 55, "version": 1})

    assert response.status_code == 409
    assert response.json["theirs"]["max_entry_age"] == 60
    assert response.json["yours"] == {"max_entry_age": 55}


def test_delete_is_for_products_never_launched(api: Api, session: Session) -> None:
    client = api()
    draft, launched = make_ready_draft("Draft"), make_launched_product("Sold")

    assert client.delete(f"/api/v1/products/{draft.id}").status_code == 204
    assert client.get(f"/api/v1/products/{draft.id}").status_code == 404
    assert client.delete(f"/api/v1/products/{launched.id}").status_code == 409


def test_benefits_of_a_draft_are_changed_and_deleted(api: Api, session: Session) -> None:
    client = api()
    product = make_ready_draft()
    (benefit,) = client.get(f"/api/v1/products/{product.id}/benefits").json
    path = f"/api/v1/product-benefits/{benefit['id']}"

    changed = client.put(path, json={"waiting_period_days": 30, "version": 1})

    assert (changed.status_code, changed.json["waiting_period_days"]) == (200, 30)
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_a_launched_benefit_is_409(api: Api, session: Session) -> None:
    client = api()
    product = make_launched_product()
    (benefit,) = client.get(f"/api/v1/products/{product.id}/benefits").json

    assert client.delete(f"/api/v1/product-benefits/{benefit['id']}").status_code == 409


def test_rows_that_match_equally_well_are_refused_by_name(api: Api) -> None:
    entry = {"age_from": 18, "age_to": 25, "gender": "MALE", "rate": 0.45}

    response = api().post(
        "/api/v1/rate-tables",
        json={
            "table_name": "T",
            "table_code": "t",
            "rate_basis": "PER_MILLE",
            "entries": [entry, entry | {"rate": 0.5}],
        },
    )

    assert response.status_code == 422
    assert response.json["errors"] == [
        {
            "pointer": "/entries/1",
            "detail": "Rows 1 and 2 match the same person: 18–25, MALE.",
        }
    ]


def test_known_and_further_factors_come_back_where_they_went_in(api: Api) -> None:
    client = api()
    entry = {"rating_zone": "URBAN", "factors": {"roof": "THATCH"}, "rate": 0.32}

    created = client.post(
        "/api/v1/rate-tables",
        json={
            "table_name": "House",
            "table_code": "house",
            "rate_basis": "PER_CENT",
            "entries": [entry],
        },
    )

    assert created.status_code == 201, created.text
    assert created.json["rating_factors"] == ["rating_zone", "roof"]
    assert created.json["entries"][0]["rating_zone"] == "URBAN"
    assert created.json["entries"][0]["factors"] == {"roof": "THATCH"}


def test_rows_may_state_different_factors(api: Api) -> None:
    response = api().post(
        "/api/v1/rate-tables",
        json={
            "table_name": "Credit Life Main Rates",
            "table_code": "credit-life-main-rates",
            "rate_basis": "PER_MILLE",
            "rating_factors": ["age", "gender"],
            "entries": [
                {"age_from": 18, "age_to": 25, "gender": "MALE", "rate": 0.45},
                {
                    "age_from": None,
                    "age_to": None,
                    "gender": "UNISEX",
                    "rating_zone": "URBAN",
                    "vehicle_group": "A",
                    "rate": 0.32,
                },
                {
                    "age_from": 26,
                    "age_to": 30,
                    "gender": "MALE",
                    "smoker_status": "SMOKER",
                    "rate": 0.58,
                },
            ],
        },
    )

    assert response.status_code == 201, response.text
    assert len(response.json["entries"]) == 3


def test_a_multiplicative_table_has_a_base_rate_and_relativities(api: Api) -> None:
    response = api().post(
        "/api/v1/rate-tables",
        json={
            "table_name": "Motor",
            "table_code": "motor",
            "rate_basis": "PER_CENT",
            "method": "MULTIPLICATIVE",
            "base_rate": 0.45,
            "relativities": [{"factor": "vehicle_group", "level": "A", "relativity": 0.95}],
        },
    )

    assert response.status_code == 201, response.text
    assert response.json["relativities"] == [
        {"factor": "vehicle_group", "level": "A", "relativity": Decimal("0.95")}
    ]


def test_a_category_names_its_class_by_id_or_code(api: Api) -> None:
    client = api()
    classes = {one["code"]: one["id"] for one in client.get("/api/v1/product-classes").json}
    body = {
        "product_class_id": classes["RISK"],
        "category_code": "INDIVIDUAL_TERM",
        "category_name": "Individual Term Life",
        "description": "For one life",
        "target_market": "RETAIL",
    }

    created = client.post("/api/v1/product-categories", json=body)
    again = client.post("/api/v1/product-categories", json=body)

    assert created.status_code == 201, created.text
    assert created.json["class_code"] == "RISK"
    assert client.get("/api/v1/product-categories").json == [created.json]
    assert again.status_code == 409


def test_a_category_of_another_class_is_refused(api: Api) -> None:
    client = api()
    category = client.post(
        "/api/v1/product-categories",
        json={"class_code": "FUNERAL", "category_code": "F", "category_name": "Funeral"},
    ).json

    response = client.post(
        "/api/v1/products",
        json={"name": "Term", "product_type": "TERM_LIFE", "category_id": category["id"]},
    )

    assert response.status_code == 422
    assert response.json["errors"][0]["pointer"] == "/category_id"


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": None},
        {"name": "x" * 201},
        {"slug": "Not A Slug"},
        {"min_entry_age": "18"},
        {"min_entry_age": -1},
        {"min_entry_age": True},
        {"min_entry_age": 18.5},
        {"base_premium": -1},
        {"base_premium": 1.234},
        {"base_premium": "1e400"},
        {"term_type": "FOREVER"},
        {"is_active": "yes"},
        {"status": "launched"},
        {"version": 3},
        {"category_id": "nothing"},
        {"product_type": "WIZARDRY"},
        {"class_code": "NOT_A_CLASS"},
        {"rate_table_id": "00000000-0000-7000-8000-00000000abcd"},
        {"modal_loadings": {"WEEKLY": 3}},
        {"rate_table": [{"rate_per_thousand": -1}]},
        {"waiting_period_days": 99999},
    ],
)
def test_what_a_product_cannot_say_is_422_and_nothing_is_made(
    api: Api, wrong: dict[str, Any]
) -> None:
    client = api()

    response = client.post(
        "/api/v1/products", json={"name": "Term", "product_type": "TERM_LIFE"} | wrong
    )

    assert response.status_code == 422, response.text
    assert response.mimetype == "application/problem+json"
    assert client.get("/api/v1/products").json == []


@pytest.mark.parametrize("role", [Role.AGENT, Role.AUDITOR, Role.FINANCE])
def test_who_only_reads_products_cannot_change_them(api: Api, session: Session, role: Role) -> None:
    product = make_ready_draft()
    client = api(role)

    assert client.get(f"/api/v1/products/{product.id}").status_code == 200
    assert client.put(f"/api/v1/products/{product.id}", json={"name": "X"}).status_code == 403
    assert client.put(f"/api/v1/products/{product.id}/launch").status_code == 403


def test_an_underwriter_drafts_and_does_not_launch(api: Api, session: Session) -> None:
    client = api(Role.UNDERWRITER)

    assert client.post("/api/v1/products", json=SIMPLE).status_code == 403
    assert client.post("/api/v1/products", json=SIMPLE | {"is_active": False}).status_code == 201


def test_another_insurers_product_is_not_there(
    api: Api, session: Session, other_org: OrganizationFacts
) -> None:
    product = make_launched_product()
    stranger = api(organization=other_org)

    for method, path in [
        ("GET", f"/api/v1/products/{product.id}"),
        ("PUT", f"/api/v1/products/{product.id}/launch"),
        ("DELETE", f"/api/v1/products/{product.id}"),
        ("GET", f"/api/v1/products/{product.id}/benefits"),
    ]:
        assert stranger.open(path, method=method).status_code == 404
    assert stranger.get("/api/v1/products").json == []


def test_products_are_listed_by_name_in_pages(api: Api, session: Session) -> None:
    for name in ("Cover C", "Cover A", "Cover B"):
        make_draft(name)
    client = api()

    first = client.get("/api/v1/products?limit=2")
    following = first.headers["Link"].split(">")[0].strip("<")
    second = client.get(following)

    assert [one["name"] for one in first.json] == ["Cover A", "Cover B"]
    assert [one["name"] for one in second.json] == ["Cover C"]
    assert "Link" not in second.headers


def test_the_list_filters_by_status_and_class(api: Api, session: Session) -> None:
    make_draft("Draft")
    make_launched_product("Sold")
    client = api()

    assert [one["name"] for one in client.get("/api/v1/products?status=launched").json] == ["Sold"]
    assert client.get("/api/v1/products?class_code=FUNERAL").json == []
    assert client.get("/api/v1/products?status=other").status_code == 422
    assert client.get("/api/v1/products?cursor=x").status_code == 422


def test_a_longer_list_needs_no_more_queries(api: Api, session: Session) -> None:
    client = api()
    make_family_product("One")
    client.get("/api/v1/products")
    few = _queries_of(lambda: client.get("/api/v1/products"))
    for number in range(4):
        make_family_product(f"More {number}")

    many = _queries_of(lambda: client.get("/api/v1/products"))

    assert many == few


def _queries_of(work: Callable[[], object]) -> int:
    seen: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", count)
    try:
        work()
    finally:
        event.remove(db.engine, "before_cursor_execute", count)
    return len(seen)
