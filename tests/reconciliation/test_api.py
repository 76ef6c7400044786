"""Bank files and suspense over the API."""

import io
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from insurance.billing.queries import list_receipts, unapplied_credit
from insurance.core import clock
from insurance.core.permissions import Role
from tests.factories.book import NOW
from tests.factories.identity import TestClient
from tests.factories.reconciliation import csv_of, make_policies, row

PATH = "/api/v1/premium-reconciliation"
Api = Callable[..., TestClient]


@pytest.fixture(autouse=True)
def november() -> Iterator[None]:
    """Hold the clock in November 2026."""
    with clock.frozen(NOW):
        yield


@pytest.fixture
def policy(session: Session) -> tuple[UUID, str]:
    """Return a policy of 100.00 a month of which three premiums have fallen due."""
    return make_policies()[0]


def _send(client: TestClient, path: str, content: bytes, **form: Any) -> Any:
    file = (io.BytesIO(content), "bank.csv")
    return client.post(path, data={"file": file} | form)


def test_a_file_is_previewed_then_posted_then_a_duplicate(
    api: Api, policy: tuple[UUID, str], session: Session
) -> None:
    client = api(Role.FINANCE)
    content = csv_of(row(policy[1], "150.00"), row(policy[1], "x", "R2"))

    preview = _send(client, f"{PATH}/upload", content)
    nothing = list_receipts(session, policy[0])
    posted = _send(client, f"{PATH}/upload", content, commit="true")
    again = _send(client, f"{PATH}/upload", content, commit="true")

    assert (preview.status_code, preview.json["committed"], nothing) == (200, False, [])
    assert posted.json["committed"]
    assert posted.json["rows"][0] == {
        "line": 2,
        "verdict": "OVERPAID",
        "detail": posted.json["rows"][0]["detail"],
        "policy_number": policy[1],
        "amount": 150.0,
        "line_type": "PREMIUM",
        "bank_reference": None,
        "caution": "",
    }
    assert posted.json["rows"][1]["amount"] is None
    assert posted.json["totals"] == {
        "OVERPAID": {"rows": 1, "amount": 150.0},
        "ERROR": {"rows": 1, "amount": 0.0},
    }
    assert [one["verdict"] for one in again.json["rows"]] == ["DUPLICATE", "ERROR"]
    assert again.json["totals"]["DUPLICATE"] == {"rows": 1, "amount": 150.0}
    session.rollback()
    assert len(list_receipts(session, policy[0])) == 1
    (listed,) = client.get(f"{PATH}/files").json
    assert (listed["name"], listed["status"], listed["rows_done"]) == ("bank.csv", "COMMITTED", 2)
    assert client.get(f"{PATH}/files/{listed['id']}").json["rows"] == posted.json["rows"]


def test_a_file_may_be_for_one_policy(api: Api, policy: tuple[UUID, str]) -> None:
    path = f"/api/v1/policies/{policy[0]}/premium-reconciliation/upload"

    answer = _send(api(), path, b"paid_date;amount;reference\n20/11/2026;100,00;R1", commit="true")

    assert answer.json["rows"][0]["verdict"] == "MATCHED"
    assert answer.json["rows"][0]["policy_number"] == policy[1]


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", 422, "The file is empty."),
        (b"%PDF-1.7", 422, "no file of a bank that we can read"),
        (b"policy_number,amount\n", 422, "Columns missing: paid_date, reference."),
        (b"policy_number,paid_date,amount,reference,iban\n", 422, "Columns not known here: iban."),
    ],
)
def test_what_is_no_such_file_is_refused_at_its_field(
    content: bytes, status: int, words: str, api: Api, session: Session
) -> None:
    answer = _send(api(), f"{PATH}/upload", content)

    assert answer.status_code == status
    assert answer.json["errors"][0]["pointer"] == "/file"
    assert words in answer.json["errors"][0]["detail"]


def test_an_upload_is_a_form_with_one_file(api: Api, session: Session) -> None:
    client = api()

    assert client.post(f"{PATH}/upload", json={}).status_code == 415
    assert (
        client.post(f"{PATH}/upload", data=b"", content_type="multipart/form-data").status_code
        == 422
    )
    assert _send(client, f"{PATH}/upload", b"x", more="1").status_code == 422
    two = {"file": [(io.BytesIO(b"x"), "a"), (io.BytesIO(b"x"), "b")]}
    assert client.post(f"{PATH}/upload", data=two).status_code == 422


def test_a_file_of_more_than_ten_megabytes_is_read(api: Api, policy: tuple[UUID, str]) -> None:
    content = csv_of(row(policy[1])) + b"\n" * (11 * 1024 * 1024)

    answer = _send(api(), f"{PATH}/upload", content)

    assert (answer.status_code, len(answer.json["rows"])) == (200, 1)


def test_a_key_is_for_one_file(api: Api, policy: tuple[UUID, str]) -> None:
    client = api()
    client.environ_base["HTTP_IDEMPOTENCY_KEY"] = "the-same"

    first = _send(client, f"{PATH}/upload", csv_of(row(policy[1])), commit="true")
    again = _send(client, f"{PATH}/upload", csv_of(row(policy[1])), commit="true")
    other = _send(client, f"{PATH}/upload", csv_of(row(policy[1], "60.00")), commit="true")

    assert again.json == first.json
    assert again.headers["Idempotent-Replayed"] == "true"
    assert other.status_code == 422


def test_an_agent_may_look_and_not_upload(api: Api, session: Session) -> None:
    client = api(Role.AGENT)

    assert _send(client, f"{PATH}/upload", b"x").status_code == 403
    assert client.get(f"{PATH}/files").json == []


def test_suspense_is_matched_to_the_policy_that_is_suggested(
    api: Api, policy: tuple[UUID, str], session: Session
) -> None:
    client = api()
    misspelt = policy[1][:-2] + policy[1][-1] + policy[1][-2]
    _send(client, f"{PATH}/upload", csv_of(row(misspelt, "350.00")), commit="true")

    (waiting,) = client.get("/api/v1/suspense").json
    matched = client.post(
        f"/api/v1/suspense/{waiting['id']}/match",
        json={"policy_id": waiting["suggestions"][0]["policy_id"]},
    )

    assert waiting["suggestions"][0]["policy_number"] == policy[1]
    assert waiting["suggestions"][0]["why"].startswith("Number close to the one given")
    assert (matched.json["status"], matched.json["policy_id"]) == ("POSTED", str(policy[0]))
    session.rollback()
    assert unapplied_credit(session, policy[0]) == Decimal("50.00")
    assert client.get("/api/v1/suspense").json == []


def test_suspense_is_returned_with_a_reason_and_once(api: Api, session: Session) -> None:
    client = api()
    _send(client, f"{PATH}/upload", csv_of(row("PL-2026-999999")), commit="true")
    (waiting,) = client.get("/api/v1/suspense").json
    path = f"/api/v1/suspense/{waiting['id']}/return"

    assert client.post(path, json={"reason": " "}).status_code == 422
    assert client.post(path, json={"reason": "Not ours"}).json["status"] == "REVERSED"
    assert client.post(path, json={"reason": "Not ours"}).status_code == 409
