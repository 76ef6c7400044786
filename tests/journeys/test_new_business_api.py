"""From an empty organization to an issued policy, over the API."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal

import pytest
from flask import json

from insurance.core import clock
from insurance.core.period import add_months
from insurance.core.permissions import Role
from insurance.seeding.names import id_number
from tests.factories.identity import TestClient

PRODUCT = {
    "name": "Family Life",
    "slug": "family-life",
    "description": "",
    "product_type": "TERM_LIFE",
    "pricing_method": "RATE_TABLE",
    "rate_table": [
        {"age_from": 18, "age_to": 40, "gender": "MALE", "rate_per_thousand": 0.52},
        {"age_from": 18, "age_to": 40, "gender": "FEMALE", "rate_per_thousand": 0.45},
        {"age_from": 41, "age_to": 65, "gender": "UNISEX", "rate_per_thousand": 0.9},
    ],
    "min_entry_age": 18,
    "max_entry_age": 65,
    "min_sum_assured": 10000,
    "max_sum_assured": 5000000,
    "waiting_period_days": 90,
    "term_type": "FIXED_TERM",
    "default_term_years": 20,
    "premium_projection_type": "LEVEL",
}
CUSTOMER = {
    "first_name": "Thandi",
    "last_name": "Mokoena",
    "email": "thandi@example.org",
    "phone": "082 123 4567",
    "id_number": id_number(date(1991, 3, 15), "MALE", 1),
}


def _post(client: TestClient, path: str, body: dict, status: int = 201, **headers: str) -> dict:
    answer = client.post(f"/api/v1{path}", json=body, headers=headers)
    assert answer.status_code == status, answer.get_data(True)
    return answer.json


@pytest.fixture
def sold(api: Callable[..., TestClient]) -> tuple[TestClient, dict, dict]:
    """Return a client with a launched product and a captured customer."""
    client = api()
    product = _post(client, "/products", PRODUCT)
    launched = client.put(f"/api/v1/products/{product['id']}/launch", json={})
    assert launched.status_code == 200, launched.get_data(True)
    return client, product, _post(client, "/customers", CUSTOMER)


def _quote(client: TestClient, product: dict, customer: dict) -> dict:
    asked = {
        "product_id": product["id"],
        "customer_id": customer["id"],
        "sum_assured": 500000,
        "term_years": 20,
    }
    return _post(client, "/quotes", asked)


def test_a_customer_gets_from_first_contact_to_a_policy(
    sold: tuple[TestClient, dict, dict],
) -> None:
    client, product, customer = sold
    asked = {"product_id": product["id"], "customer_id": customer["id"], "sum_assured": 500000}

    price = _post(client, "/quotes/calculate", asked, 200)
    assert price["monthly_premium"] == 260.00
    assert price["annual_premium"] == 3120.00
    assert price["benefit_premiums"][0]["rate"] == Decimal("0.52")

    saved = _post(
        client,
        "/quotes",
        asked
        | {
            "age": price["age"],
            "gender": price["gender"],
            "monthly_premium": price["monthly_premium"],
            "term_years": 20,
            "benefit_premiums": price["benefit_premiums"],
        },
    )
    assert saved["quote_number"].startswith("QT-")
    assert saved["status"] == "quoted"

    accepted = client.put(f"/api/v1/quotes/{saved['id']}/accept", json={})
    assert accepted.status_code == 200
    policy = accepted.json["policy"]
    assert accepted.json["quote"]["status"] == "accepted"
    assert policy["policy_number"].startswith("PL-")
    assert (policy["status"], policy["premium"]) == ("active", 260.00)

    _check_policy(client, policy, customer)


def _check_policy(client: TestClient, policy: dict, customer: dict) -> None:
    path = f"/api/v1/policies/{policy['id']}"
    detail = client.get(f"{path}/detail").json
    assert detail["customer"]["id"] == customer["id"]
    assert [member["role"] for member in detail["members"]] == ["MAIN_MEMBER"]
    assert detail["benefits"][0]["sum_assured"] == 500000.00
    assert detail["benefits"][0]["in_waiting_period"] is True
    assert detail["recent_events"][0]["event_type"] == "POLICY_ISSUED"

    premiums = client.get(f"{path}/premiums").json
    assert len(premiums) == 12
    assert {line["status"] for line in premiums} == {"PENDING"}
    summary = client.get(f"{path}/premium-summary").json
    assert (summary["schedule_count"], summary["total_outstanding"]) == (12, 3120.00)

    versions = client.get(f"{path}/versions").json
    assert versions[0]["version_number"] == 1
    assert versions[0]["policy_snapshot"]["policy"]["premium"] == "260.00"
    transfers = client.get(f"{path}/transactions").json
    assert [(one["debit_account"], one["credit_account"], one["amount"]) for one in transfers] == [
        ("PREMIUM_DEBTORS", "PREMIUM_INCOME", 260.00)
    ]
    assert client.get("/api/v1/dashboard").json == {
        "products": 1,
        "active_products": 1,
        "customers": 1,
        "quotes": 1,
        "policies": 1,
        "active_policies": 1,
        "total_monthly_premium": 260.00,
        "total_cover": 500000.00,
    }


def test_money_is_written_with_two_decimals(sold: tuple[TestClient, dict, dict]) -> None:
    client, product, customer = sold
    body = {"product_id": product["id"], "customer_id": customer["id"], "sum_assured": "500000.00"}

    answer = client.post("/api/v1/quotes/calculate", json=body)

    assert '"monthly_premium":260.00' in answer.get_data(True)


def test_a_premium_that_the_rates_do_not_give_is_refused_with_both_figures(
    sold: tuple[TestClient, dict, dict],
) -> None:
    client, product, customer = sold
    body = {
        "product_id": product["id"],
        "customer_id": customer["id"],
        "sum_assured": 500000,
        "monthly_premium": 259.99,
    }

    refused = _post(client, "/quotes", body, 422)

    assert "260,00" in refused["detail"]
    assert "259,99" in refused["detail"]
    assert client.get("/api/v1/quotes").json == []


def test_a_quote_is_accepted_once_also_when_many_press_at_once(
    sold: tuple[TestClient, dict, dict],
) -> None:
    client, product, customer = sold
    quote = _quote(client, product, customer)
    path = f"/api/v1/quotes/{quote['id']}/accept"

    with ThreadPoolExecutor(8) as clerks:
        statuses = list(clerks.map(lambda _n: client.put(path, json={}).status_code, range(8)))

    assert sorted(statuses) == [200] + [409] * 7
    assert len(client.get("/api/v1/policies").json) == 1


def test_numbers_follow_each_other_without_gaps_when_many_quotes_are_saved_at_once(
    sold: tuple[TestClient, dict, dict],
) -> None:
    client, product, customer = sold

    with ThreadPoolExecutor(6) as clerks:
        quotes = list(clerks.map(lambda _n: _quote(client, product, customer), range(12)))

    numbers = sorted(int(quote["quote_number"].split("-")[2]) for quote in quotes)
    assert numbers == list(range(1, 13))


def test_cover_can_start_back_within_the_products_limit_and_charges_what_fell_due(
    sold: tuple[TestClient, dict, dict],
) -> None:
    client, product, customer = sold
    today = clock.today("Africa/Johannesburg")
    quote = _quote(client, product, customer)
    path = f"/api/v1/quotes/{quote['id']}/accept"
    too_far = client.put(path, json={"effective_date": add_months(today, -3).isoformat()})
    assert too_far.status_code == 422
    assert too_far.json["errors"][0]["pointer"] == "/effective_date"

    start = today - timedelta(days=30)
    accepted = client.put(path, json={"effective_date": start.isoformat()})

    policy = accepted.json["policy"]
    assert policy["effective_date"] == start.isoformat()
    due = [add_months(start, n) for n in range(12)]
    premiums = client.get(f"/api/v1/policies/{policy['id']}/premiums").json
    assert [line["due_date"] for line in premiums] == [day.isoformat() for day in due]
    charged = client.get(f"/api/v1/policies/{policy['id']}/transactions").json
    fallen_due = sum(1 for day in due if day <= today)
    assert sum(Decimal(str(one["amount"])) for one in charged) == 260 * fallen_due


def test_the_same_key_posts_once_and_another_body_under_it_is_refused(
    sold: tuple[TestClient, dict, dict],
) -> None:
    client, product, customer = sold
    body = {"product_id": product["id"], "customer_id": customer["id"], "sum_assured": 500000}
    keyed = {"Idempotency-Key": "press-once"}

    first = client.post("/api/v1/quotes", json=body, headers=keyed)
    again = client.post("/api/v1/quotes", json=body, headers=keyed)
    other = client.post("/api/v1/quotes", json=body | {"sum_assured": 400000}, headers=keyed)
    elsewhere = client.post("/api/v1/quotes/calculate", json=body, headers=keyed)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json == first.json
    assert (other.status_code, elsewhere.status_code) == (422, 422)
    assert len(client.get("/api/v1/quotes").json) == 1


def test_a_refused_post_may_be_tried_again_under_its_key(
    sold: tuple[TestClient, dict, dict],
) -> None:
    client, product, customer = sold
    keyed = {"Idempotency-Key": "mend-it"}
    body = {"product_id": product["id"], "customer_id": customer["id"], "sum_assured": 1}

    refused = client.post("/api/v1/quotes", json=body, headers=keyed)
    mended = client.post("/api/v1/quotes", json=body | {"sum_assured": 500000}, headers=keyed)

    assert (refused.status_code, mended.status_code) == (422, 201)


def test_many_presses_of_one_key_at_once_have_one_effect(
    sold: tuple[TestClient, dict, dict],
) -> None:
    client, product, customer = sold
    body = {"product_id": product["id"], "customer_id": customer["id"], "sum_assured": 500000}

    def press(_n: int) -> str:
        answer = client.post("/api/v1/quotes", json=body, headers={"Idempotency-Key": "storm"})
        return json.loads(answer.data)["quote_number"]

    with ThreadPoolExecutor(8) as presses:
        numbers = set(presses.map(press, range(16)))

    assert len(numbers) == 1
    assert len(client.get("/api/v1/quotes").json) == 1


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.FINANCE, Role.CLAIMS_ASSESSOR])
def test_who_may_not_sell_cannot_save_or_accept(
    role: Role, sold: tuple[TestClient, dict, dict], api: Callable[..., TestClient]
) -> None:
    client, product, customer = sold
    quote = _quote(client, product, customer)
    other = api(role)
    body = {"product_id": product["id"], "customer_id": customer["id"], "sum_assured": 500000}

    assert other.post("/api/v1/quotes", json=body).status_code == 403
    assert other.put(f"/api/v1/quotes/{quote['id']}/accept", json={}).status_code == 403
    assert other.post("/api/v1/customers", json=CUSTOMER).status_code == 403
    assert other.get("/api/v1/quotes").status_code == 200


def test_every_write_leaves_an_audit_row_with_its_request(
    sold: tuple[TestClient, dict, dict],
) -> None:
    client, product, customer = sold
    quote = _quote(client, product, customer)
    accepted = client.put(f"/api/v1/quotes/{quote['id']}/accept", json={})

    rows = client.get("/api/v1/audit-logs?limit=200").json
    written = {row["action"] for row in rows}
    assert {"products.create", "products.launch", "customers.create"} <= written
    same = [row for row in rows if row["request_id"] == accepted.headers["X-Request-Id"]]
    assert {row["action"] for row in same} == {"quotes.accept", "policies.issue"}
    assert {(row["method"], row["channel"]) for row in same} == {("PUT", "API")}
    assert all(CUSTOMER["id_number"] not in json.dumps(row) for row in rows)
