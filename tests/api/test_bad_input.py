"""What a client can send by mistake or malice gets a clear problem, never a 500."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from insurance.api.edge import ENDPOINTS
from insurance.core import clock
from insurance.core.permissions import Role
from tests.factories.book import NOW, make_book
from tests.factories.debit_orders import MAKER, acting, make_debit_orders
from tests.factories.identity import TestClient

CALCULATE = "/api/v1/quotes/calculate"
CUSTOMERS = "/api/v1/customers"
ANY = "00000000-0000-7000-8000-00000000dead"


@pytest.fixture
def client_(api: Callable[..., TestClient]) -> TestClient:
    """Return a tenant administrator's client."""
    return api()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b'{"sum_assured": NaN}',
        b'{"sum_assured": Infinity}',
        b'{"sum_assured": -Infinity}',
        b'{"sum_assured": 1e400}',
        b'{"sum_assured": 1E-400}',
        b'{"a": 1, "a": 2}',
        b'{"name": "\\u0000"}',
        b'{"name": "\\ud800"}',
        b'\xef\xbb\xbf{"a": 1}',
        b'{"name": "\xff\xfe"}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a":' * 40 + b"1" + b"}" * 40,
        b"[" * 100_000 + b"]" * 100_000,
        b"{" + b",".join(b'"k%d":1' % n for n in range(10_001)) + b"}",
    ],
    ids=range(19),
)
def test_what_is_not_plain_json_is_refused(body: bytes, client_: TestClient) -> None:
    answer = client_.post(CALCULATE, data=body, content_type="application/json")

    assert answer.status_code == 400, answer.get_data(True)
    assert answer.mimetype == "application/problem+json"
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]


def test_a_body_of_ten_megabytes_is_refused(client_: TestClient) -> None:
    answer = client_.post(CALCULATE, data=b"x" * 10_500_000, content_type="application/json")

    assert answer.status_code == 413
    assert answer.mimetype == "application/problem+json"


def test_a_body_of_another_kind_is_refused(client_: TestClient) -> None:
    assert client_.post(CALCULATE, data={"a": "b"}).status_code == 415


@pytest.mark.parametrize(
    "amount",
    [
        -1,
        "-0.01",
        0.005,
        "1.234",
        "NaN",
        "1e5",
        "0x10",
        "1_000",
        "١٢",
        "1,234.56",
        "",
        True,
        [],
        {},
        "9" * 20,
    ],
)
def test_money_that_is_not_money_is_refused_at_its_field(
    amount: object, client_: TestClient
) -> None:
    answer = client_.post(CALCULATE, json={"product_id": ANY, "sum_assured": amount})

    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json["errors"]} == {"/sum_assured"}


@pytest.mark.parametrize(
    "day",
    [
        "0000-01-01",
        "9999-12-31",
        "2026-02-30",
        "2026-13-01",
        "20260101",
        "2026-W01-1",
        "1899-12-31",
        "2026-2-3",
        5,
        None,
        "２０２６-01-01",
        "",
    ],
)
def test_dates_that_are_not_dates_are_refused(day: object, client_: TestClient) -> None:
    body = {"first_name": "A", "last_name": "B", "date_of_birth": day}
    answer = client_.post(CUSTOMERS, json=body)

    assert answer.status_code == (201 if day is None else 422), answer.get_data(True)


@pytest.mark.parametrize(
    "field", ["id", "status", "is_admin", "org", "version_", "remaining_cover"]
)
def test_unknown_fields_are_refused_on_every_endpoint(field: str, client_: TestClient) -> None:
    for one in ENDPOINTS:
        if one.body is not None and not one.is_public and field not in one.body.model_fields:
            path = _anywhere(one.path)
            answer = client_.open(path, method=one.method, json={field: "x"})
            assert answer.status_code in (403, 422), f"{one.method} {one.path}"
            if answer.status_code == 422:
                assert f"/{field}" in {error["pointer"] for error in answer.json["errors"]}


def _anywhere(path: str) -> str:
    """Return an endpoint's address with identifiers of nothing."""
    return "/api/v1" + re.sub(r"<[^>]+>", ANY, path.replace("<int:line>", "1"))


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=x",
        "cursor=x",
        "cursor=%00",
        "unknown=1",
        "limit=1&limit=2",
        "status=nonsense",
        "customer_id=5",
        "org_id=5",
        "cursor=WyIxIl0",
        "cursor=W251bGxd",
    ],
)
def test_queries_that_make_no_sense_are_refused(query: str, client_: TestClient) -> None:
    answer = client_.get(f"/api/v1/policies?{query}")

    assert answer.status_code in (404, 422), answer.get_data(True)
    assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing-here", 404),
        ("DELETE", "/api/v1/customers", 405),
        ("PATCH", "/api/v1/quotes", 405),
        ("GET", f"/api/v1/customers/{ANY}", 404),
        ("GET", "/api/v1/customers/not-an-id", 404),
        ("GET", "/api/v1/policies/%2e%2e/detail", 404),
    ],
)
def test_addresses_that_are_not_there_answer_with_a_problem(
    method: str, path: str, status: int, client_: TestClient
) -> None:
    answer = client_.open(path, method=method)

    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "ü", "a b"])
def test_an_idempotency_key_that_is_none_is_refused(key: str, client_: TestClient) -> None:
    body = {"first_name": "A", "last_name": "B", "date_of_birth": "1990-01-01"}
    answer = client_.post(
        CUSTOMERS, json=body, headers={"Idempotency-Key": key.encode().decode("latin1")}
    )

    assert answer.status_code == 400


def test_text_is_stored_as_it_was_typed_and_shown_as_text(
    client_: TestClient, sign_in: Callable[..., TestClient]
) -> None:
    name = "<script>alert(1)</script> O'Brien {{7*7}} \\ ; DROP TABLE customers"
    made = client_.post(
        CUSTOMERS, json={"first_name": name, "last_name": "Ž", "date_of_birth": "1990-01-01"}
    )
    browser = sign_in()
    shown = browser.get(browser.url(f"/customers/{made.json['id']}")).get_data(True)

    assert made.json["first_name"] == name
    assert "<script>alert(1)" not in shown
    assert "&lt;script&gt;alert(1)" in shown


def test_the_same_endpoints_answer_without_a_version_in_the_path(client_: TestClient) -> None:
    assert client_.get("/api/product-classes").json == client_.get("/api/v1/product-classes").json
    assert len(client_.get("/api/product-classes").json) == 23
    assert len(client_.get("/api/benefit-types").json) == 22
    codes = {one["code"] for one in client_.get("/api/benefit-types/by-class/FUNERAL").json}
    assert codes == {"FUNERAL", "DEATH", "ACCIDENTAL_DEATH", "PREMIUM_WAIVER", "STILLBIRTH"}


def test_who_may_not_do_it_hears_that_and_not_what_is_wrong_with_the_request(
    api: Callable[..., TestClient],
) -> None:
    writing = [one for one in ENDPOINTS if one.may is not None and (one.body or one.upload)]
    auditor, wrong = api(Role.AUDITOR), []
    for one in writing:
        if Role.AUDITOR in one.may.roles:
            continue
        path = _anywhere(one.path)
        answer = auditor.open(path, method=one.method, json={"no_such_field": 1})
        if answer.status_code != 403:
            wrong.append(f"{one.method} {path}: {answer.status_code}")

    assert len(writing) > 50
    assert wrong == []


def test_a_problem_says_its_http_status_and_beside_it_where_the_record_stands(
    session: Session, api: Callable[..., TestClient]
) -> None:
    book = make_book()
    with acting(MAKER):
        make_debit_orders(book.policy_id, book.customer_id)
    client = api(Role.FINANCE)
    run = client.get("/api/v1/debit-order-runs?status=DRAFT").json[0]

    refused = client.get(f"/api/v1/debit-order-runs/{run['id']}/file")

    assert refused.status_code == 409
    assert (refused.json["status"], refused.json["current_status"]) == (409, "DRAFT")


def test_a_body_in_which_nothing_is_needed_may_be_left_out(
    session: Session, api: Callable[..., TestClient]
) -> None:
    with clock.frozen(NOW):
        quote_id = make_book().open_quote_id
        previewed = api().post("/api/v1/month-end/config-preview")
        accepted = api().put(f"/api/v1/quotes/{quote_id}/accept")
        needed = api().post("/api/v1/customers")

    assert previewed.status_code == 200
    assert accepted.status_code == 200, accepted.json
    assert needed.status_code == 422
