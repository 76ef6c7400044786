"""Debit orders over the API."""

from collections.abc import Callable
from datetime import date
from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.permissions import Role
from tests.factories.book import NOW, make_book
from tests.factories.debit_orders import ACCOUNT, due_on, make_account, make_policies
from tests.factories.identity import TestClient

Api = Callable[..., TestClient]
DAY = date(2026, 12, 1)
RUNS = "/api/v1/debit-order-runs"


@pytest.fixture(autouse=True)
def _at_noon():
    with clock.frozen(NOW):
        yield


@pytest.fixture
def policies(session: Session) -> list[UUID]:
    """Return three policies with mandates and a premium of 100.00 due on the day."""
    made = make_policies(3)
    due_on(DAY, made)
    return made


def test_a_run_is_prepared_released_by_another_and_fetched(api: Api, policies: list[UUID]) -> None:
    maker, other = api(Role.FINANCE), api(Role.FINANCE)

    made = maker.post(RUNS, json={"action_date": "2026-12-01"})
    assert made.status_code == 201, made.text
    assert (made.json["item_count"], made.json["total"]) == (3, 300)
    assert made.json["counts"] == [
        {"status": "INCLUDED", "exclusion": None, "items": 3, "total": 300}
    ]
    run = f"{RUNS}/{made.json['id']}"
    assert made.headers["Location"].endswith(made.json["id"])

    assert maker.post(f"{run}/release", json={}).status_code == 403
    assert maker.get(f"{run}/file").status_code == 409
    released = other.post(f"{run}/release", json={"format": "CSV"})
    assert released.json["status"] == "RELEASED"
    assert len(released.json["file_hash"]) == 64
    file = other.get(f"{run}/file?format=CSV")
    assert file.mimetype == "application/octet-stream"
    assert file.text.count(ACCOUNT) == 3
    assert other.post(f"{run}/release", json={}).status_code == 409
    assert other.get(f"{run}/file?format=ACB").status_code == 422


def test_the_same_request_again_makes_one_run(api: Api, policies: list[UUID]) -> None:
    clerk = api(Role.FINANCE)
    headers = {"Idempotency-Key": str(uuid4())}

    first = clerk.post(RUNS, json={"action_date": "2026-12-01"}, headers=headers)
    second = clerk.post(RUNS, json={"action_date": "2026-12-01"}, headers=headers)

    assert first.json == second.json
    assert len(clerk.get(RUNS).json) == 1


def test_items_are_paged_by_the_link_header(api: Api, policies: list[UUID]) -> None:
    clerk = api(Role.FINANCE)
    run = clerk.post(RUNS, json={"action_date": "2026-12-01"}).json["id"]

    first = clerk.get(f"{RUNS}/{run}/items?limit=2")
    link = first.headers["Link"].split(">")[0].lstrip("<")
    second = clerk.get(link)

    numbers = [item["policy_number"] for item in first.json + second.json]
    assert len(set(numbers)) == 3
    assert "Link" not in second.headers
    assert clerk.get(f"{RUNS}/{run}/items?status=PAID").json == []
    assert clerk.get(f"{RUNS}/{run}/items?status=LOST").status_code == 422
    assert clerk.get(f"{RUNS}/{run}/items?cursor=x").status_code == 422


def test_a_mandate_lives_and_ends(api: Api, session: Session) -> None:
    book = make_book()
    account = make_account(book.customer_id)
    clerk = api(Role.FINANCE)
    path = f"/api/v1/policies/{book.policy_id}/mandates"

    made = clerk.post(path, json={"bank_account_id": str(account), "max_amount": "500.00"})
    assert made.status_code == 201, made.text
    assert made.json["status"] == "PENDING"
    assert made.json["account_number"] == "*******4567"
    mandate = f"/api/v1/mandates/{made.json['id']}"
    assert (
        clerk.post(f"{mandate}/activate", json={"signed_on": "2026-11-20"}).json["status"]
        == "ACTIVE"
    )
    again = clerk.post(path, json={"bank_account_id": str(account), "signed_on": "2026-11-20"})
    assert again.status_code == 409
    assert clerk.post(f"{mandate}/cancel", json={}).status_code == 422
    assert clerk.post(f"{mandate}/suspend", json={"reason": "asked"}).json["status"] == "SUSPENDED"
    ended = clerk.post(f"{mandate}/cancel", json={"reason": "new bank"})
    assert (ended.json["status"], ended.json["cancel_reason"]) == ("CANCELLED", "new bank")
    assert [one["id"] for one in clerk.get(path).json] == [made.json["id"]]


@pytest.mark.parametrize(
    "wrong",
    [
        {"collection_day": 0},
        {"collection_day": 32},
        {"max_amount": 0},
        {"max_amount": "-5"},
        {"signed_on": "2027-01-01"},
        {"convention": "NEAREST"},
        {"bank_account_id": str(uuid4())},
    ],
)
def test_a_mandate_that_makes_no_sense_is_refused_at_its_field(
    wrong: dict[str, object], api: Api, session: Session
) -> None:
    book = make_book()
    body = {"bank_account_id": str(make_account(book.customer_id))} | wrong

    answer = api(Role.FINANCE).post(f"/api/v1/policies/{book.policy_id}/mandates", json=body)

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [f"/{next(iter(wrong))}"]


def test_own_holidays_are_added_listed_and_removed(api: Api, session: Session) -> None:
    clerk = api(Role.FINANCE)

    added = clerk.post("/api/v1/holidays", json={"day": "2026-12-17", "name": "Migration"})
    assert added.status_code == 201
    assert (
        clerk.post("/api/v1/holidays", json={"day": "2026-12-17", "name": "B"}).status_code == 409
    )
    assert [one["name"] for one in clerk.get("/api/v1/holidays").json] == ["Migration"]
    assert clerk.delete(f"/api/v1/holidays/{added.json['id']}").status_code == 204
    assert clerk.get("/api/v1/holidays").json == []


def test_reason_codes_say_what_to_do(api: Api) -> None:
    codes = {one["code"]: one for one in api(Role.AGENT).get("/api/v1/reason-codes").json}

    assert len(codes) == 19
    assert codes["18"]["treatment"] == "POSSIBLE_CLAIM"


def test_an_agent_may_look_and_not_act(api: Api, policies: list[UUID]) -> None:
    agent = api(Role.AGENT)
    run = api(Role.FINANCE).post(RUNS, json={"action_date": "2026-12-01"}).json["id"]

    assert agent.get(RUNS).status_code == 200
    assert agent.get(f"{RUNS}/{run}/items").status_code == 200
    for path, body in [
        (RUNS, {"action_date": "2026-12-01"}),
        (f"{RUNS}/{run}/cancel", {"reason": "x"}),
        (f"{RUNS}/{run}/release", {}),
        (f"/api/v1/policies/{policies[0]}/mandates", {"bank_account_id": str(uuid4())}),
        ("/api/v1/holidays", {"day": "2026-12-17", "name": "A"}),
    ]:
        assert agent.post(path, json=body).status_code == 403, path
    assert agent.get(f"{RUNS}/{run}/file").status_code == 403
