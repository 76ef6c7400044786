"""Claims over the API, by the shapes that were agreed."""

import io
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.permissions import Role
from tests.factories.book import TODAY
from tests.factories.claims import PDF, PNG, benefit_of
from tests.factories.identity import TestClient
from tests.factories.lifecycle import morning, sell

Api = Callable[..., TestClient]
START = date(2026, 9, 20)


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    """Let the business day be 20 November 2026."""
    with clock.frozen(morning(TODAY)):
        yield


@pytest.fixture
def policy_id(session: Session) -> UUID:
    """Return a policy with cover of 100 000.00."""
    found = sell(START)
    session.rollback()
    return found


def _submit(client: TestClient, policy_id: UUID, **more: Any) -> Any:
    body = {
        "claim_date": "2026-11-20",
        "claim_type": "DEATH",
        "description": "Main member accidental death",
        "cause": "ACCIDENT",
        "benefit_claims": [
            {"policy_benefit_id": str(benefit_of(policy_id)), "claimed_amount": 90000}
        ],
    } | more
    return client.post(f"/api/v1/policies/{policy_id}/claims", json=body)


def _complete(client: TestClient, claim_id: str) -> None:
    claim = client.get(f"/api/v1/claims/{claim_id}").json
    for one in claim["documents"]:
        sent = {"document_type": one["document_type"], "file": (io.BytesIO(PDF), "paper.pdf")}
        answer = client.post(f"/api/v1/claims/{claim_id}/documents", data=sent)
        assert answer.status_code == 201, answer.json


def test_the_flow_runs_from_submission_to_the_deducted_cover(api: Api, policy_id: UUID) -> None:
    agent, assessor, finance = (
        api(role) for role in (Role.AGENT, Role.CLAIMS_ASSESSOR, Role.FINANCE)
    )
    submitted = _submit(agent, policy_id)
    assert submitted.status_code == 201, submitted.json
    claim = submitted.json
    assert claim["claim_number"] == "CLM-2026-000001"
    assert claim["status"] == "SUBMITTED"
    assert claim["total_claimed"] == 90000.00
    item = claim["benefit_items"][0]
    assert item["base_benefit_amount"] == 100000.00
    assert item["remaining_cover"] == 100000.00
    assert item["within_waiting_period"] is False
    assert not item["capped"]

    _complete(agent, claim["claim_id"])
    decided = assessor.put(
        f"/api/v1/claims/{claim['claim_id']}/assess",
        json={
            "benefit_assessments": [
                {
                    "claim_benefit_item_id": item["id"],
                    "approved_amount": 60000,
                    "decision_reason": "Approved with exclusions",
                }
            ]
        },
    )
    assert decided.status_code == 200, decided.json
    assert decided.json["status"] == "PARTIALLY_APPROVED"
    assert decided.json["items"][0]["reserve"] == 60000.00

    body = {
        "payment_date": "2026-11-20",
        "payment_reference": "PAY-CLM-2026-000001",
        "benefit_payments": [{"claim_benefit_item_id": item["id"], "paid_amount": 60000}],
    }
    path = f"/api/v1/claims/{claim['claim_id']}/pay"
    paid = finance.post(path, json=body)
    assert paid.status_code == 200, paid.json
    assert paid.json["payment"]["arrears_deducted"] == 300.00
    assert paid.json["claim"]["status"] == "PAID"
    assert finance.post(path, json=body).json["payment"]["id"] == paid.json["payment"]["id"]
    assert finance.post(path, json=body | {"payment_reference": "P2"}).status_code == 409

    detail = agent.get(f"/api/v1/policies/{policy_id}/detail").json
    assert detail["benefits"][0]["remaining_cover"] == 40000.00
    assert [one["claim_number"] for one in detail["claims"]] == ["CLM-2026-000001"]


def test_above_the_limit_says_the_limit_and_who_may(api: Api, policy_id: UUID) -> None:
    administrator, assessor = api(), api(Role.CLAIMS_ASSESSOR)
    limit = {"role": "claims_assessor", "level": 1, "transaction_limit": 1000,
             "benefit_limit": 1000, "claim_limit": 1000}  # fmt: skip
    assert administrator.put("/api/v1/claim-authority", json=limit).status_code == 200
    claim = _submit(administrator, policy_id).json
    _complete(administrator, claim["claim_id"])
    body = {
        "benefit_assessments": [
            {
                "claim_benefit_item_id": claim["items"][0]["id"],
                "approved_amount": 90000,
                "decision_reason": "WITHIN_TERMS",
            }
        ]
    }
    refused = assessor.put(f"/api/v1/claims/{claim['claim_id']}/assess", json=body)

    assert refused.status_code == 403
    assert refused.json["code"] == "AUTHORITY_EXCEEDED"
    assert refused.json["limit"] == 1000.00
    assert {"role": "manager", "level": 1} in refused.json["may_approve"]
    waiting = assessor.get("/api/v1/claims?tab=pending_approval").json
    assert [one["id"] for one in waiting] == [claim["claim_id"]]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("virus.pdf", b"MZ\x90\x00" + b"\0" * 100, "Send a PDF"),
        ("bomb.pdf", b"PK\x03\x04" + b"\0" * 100, "Send a PDF"),
        ("nothing.pdf", b"", "empty"),
        ("script.pdf", b"%PDF-1.7\n<script>", "Send a PDF"),
    ],
)
def test_files_that_are_not_what_they_say_are_refused(
    api: Api, policy_id: UUID, name: str, content: bytes, words: str
) -> None:
    client = api()
    claim = _submit(client, policy_id).json
    sent = {"document_type": "BANK_LETTER", "file": (io.BytesIO(content), name)}

    refused = client.post(f"/api/v1/claims/{claim['claim_id']}/documents", data=sent)

    assert refused.status_code == 422
    assert words in refused.json["detail"]


def test_a_document_keeps_no_path_and_is_only_saved(api: Api, policy_id: UUID) -> None:
    client = api()
    claim = _submit(client, policy_id).json
    sent = {"document_type": "OTHER", "file": (io.BytesIO(PNG), "..\\..\\etc/pass wd.exe")}

    stored = client.post(f"/api/v1/claims/{claim['claim_id']}/documents", data=sent).json
    assert stored["file_name"] == "pass wd.png"
    file = client.get(f"/api/v1/claim-documents/{stored['id']}/file")
    assert file.data == PNG
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    assert file.headers["Content-Disposition"].startswith("attachment")


def test_the_work_around_a_claim(api: Api, policy_id: UUID) -> None:
    client = api()
    claim = _submit(client, policy_id).json
    path = f"/api/v1/claims/{claim['claim_id']}"

    assert client.post(f"{path}/notes", json={"text": "Called the family"}).status_code == 201
    task = client.post(f"{path}/notes", json={"kind": "TASK", "text": "Call back"}).json
    assert client.post(f"/api/v1/claim-notes/{task['id']}/done").json["done_at"]
    flag = claim["flags"][0]
    assert flag["code"] == "EARLY_CLAIM"
    cleared = client.post(f"/api/v1/claim-flags/{flag['id']}/clear", json={"note": "An accident"})
    assert cleared.json["flags"][0]["clearing_note"] == "An accident"
    asked = client.post(f"{path}/documents/request", json={"document_type": "MEDICAL_REPORT"})
    assert asked.json["status"] == "OUTSTANDING"
    assert client.get("/api/v1/claims?tab=pending_documents").json[0]["id"] == claim["claim_id"]
    closed = client.post(f"{path}/close", json={"reason": "Withdrawn"})
    assert closed.json["status"] == "CLOSED"
    assert client.post(f"{path}/close", json={"reason": "Again"}).status_code == 409
    opened = client.post(f"{path}/reopen", json={"reason": "They came back"})
    assert opened.json["status"] == "PENDING_DOCUMENTS"


def test_the_list_is_paged_by_deadline(api: Api, policy_id: UUID) -> None:
    client = api()
    made = [_submit(client, policy_id).json["claim_id"] for _ in range(3)]
    _complete(client, made[2])

    first = client.get("/api/v1/claims?tab=open&limit=2")
    assert [one["id"] for one in first.json] == [made[2], made[0]]
    following = first.headers["Link"].split(";")[0].strip("<>")
    assert [one["id"] for one in client.get(following).json] == [made[1]]


def test_a_description_decides_no_cause_and_the_assessor_may_state_it(
    api: Api, policy_id: UUID
) -> None:
    agent, assessor = api(Role.AGENT), api(Role.CLAIMS_ASSESSOR)
    made = _submit(agent, policy_id, cause=None, description="Died in a car accident").json
    path = f"/api/v1/claims/{made['claim_id']}"

    said = {one["code"]: one for one in made["checks"]}["CAUSE_STATED"]
    assert (said["passed"], "No cause was stated" in said["detail"]) == (False, True)
    assert assessor.get(path).json["cause"] == "UNKNOWN"
    assert "POLICE_REPORT" not in {one["document_type"] for one in made["documents"]}

    _complete(agent, made["claim_id"])
    decision = {
        "claim_benefit_item_id": made["items"][0]["id"],
        "approved_amount": 90000,
        "decision_reason": "Within terms",
    }
    body = {"benefit_assessments": [decision], "cause": "ACCIDENT"}
    for cause in ("PLAGUE", "COLLISION"):
        refused = assessor.put(f"{path}/assess", json=body | {"cause": cause})
        assert (refused.status_code, "cause" in str(refused.json["errors"])) == (422, True)
    unproved = assessor.put(f"{path}/assess", json=body)
    assert (unproved.status_code, unproved.json["outstanding"]) == (409, ["POLICE_REPORT"])
    assert assessor.get(path).json["cause"] == "UNKNOWN"
    sent = {"document_type": "POLICE_REPORT", "file": (io.BytesIO(PDF), "saps.pdf")}
    assert agent.post(f"{path}/documents", data=sent).status_code == 201

    decided = assessor.put(f"{path}/assess", json=body)

    assert (decided.status_code, decided.json["cause"]) == (200, "ACCIDENT")
    assert decided.json["status"] == "APPROVED"
    assert "CAUSE_STATED" not in {one["code"] for one in decided.json["checks"]}
    assert "CLAIM_CAUSE_STATED" in {one["event_type"] for one in decided.json["events"]}
