"""The described flows over the API: premium payment, policy endorsement, lifecycle management."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.permissions import Role
from insurance.policies.services import accept_quote
from tests.factories.book import NOW, TODAY, make_customer, make_quote
from tests.factories.identity import TestClient
from tests.factories.products import make_family_product

START = date(2026, 11, 1)


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    """Let it be the 20th of November."""
    with clock.frozen(NOW):
        yield


@pytest.fixture
def path(session: Session) -> str:
    """Return the address of a family policy in force since the first."""
    quote_id = make_quote(make_family_product().id, make_customer(), sum_assured=500_000)
    issued = accept_quote(quote_id, effective_date=START, on=TODAY, now=NOW)
    return f"/api/v1/policies/{issued.policy.id}"


def test_premium_payment(api: Callable[..., TestClient], path: str) -> None:
    client = api(Role.FINANCE)
    schedule = client.get(f"{path}/premiums").json
    first = schedule[0]
    assert (first["due_date"], first["amount"], first["status"]) == ("2026-11-01", 250.0, "PENDING")

    paid = client.post(
        f"{path}/premiums/{first['id']}/pay",
        json={
            "payment_date": "2026-11-20",
            "payment_reference": "PAY-2026-000123",
            "amount": 250.00,
        },
    )

    assert paid.status_code == 200
    line = client.get(f"{path}/premiums").json[0]
    assert (line["status"], line["paid_date"], line["payment_reference"]) == (
        "PAID",
        "2026-11-20",
        "PAY-2026-000123",
    )
    summary = client.get(f"{path}/premium-summary").json
    assert (summary["paid_count"], summary["total_paid"]) == (1, 250.0)
    ledger = client.get(f"{path}/transactions").json
    assert {(one["type"], one["debit_account"], one["credit_account"]) for one in ledger} == {
        ("PREMIUM_DUE", "PREMIUM_DEBTORS", "PREMIUM_INCOME"),
        ("PREMIUM_RECEIVED", "BANK", "PREMIUM_DEBTORS"),
    }


def test_policy_endorsement(api: Callable[..., TestClient], path: str) -> None:
    client = api(Role.MANAGER)
    detail = client.get(f"{path}/detail").json
    benefit = next(one for one in detail["benefits"] if one["benefit_code"] == "DEATH_MAIN")

    _endorse(
        client,
        path,
        endorsement_type="CHANGE_COVER",
        policy_benefit_id=benefit["id"],
        new_sum_assured=750000,
        reason="Customer requested increase",
    )
    _endorse(
        client,
        path,
        endorsement_type="ADD_MEMBER",
        member_role="SPOUSE",
        first_name="Jane",
        last_name="Doe",
        date_of_birth="1990-05-15",
        gender="FEMALE",
        reason="Adding spouse to policy",
    )
    members = client.get(f"{path}/detail").json["members"]
    spouse = next(one for one in members if one["role"] == "SPOUSE")
    _endorse(
        client,
        path,
        endorsement_type="REMOVE_MEMBER",
        policy_member_id=spouse["id"],
        reason="No longer married",
    )

    events = client.get(f"{path}/events?category=ENDORSEMENT").json
    assert [one["event_type"] for one in events] == ["REMOVE_MEMBER", "ADD_MEMBER", "CHANGE_COVER"]
    after = client.get(f"{path}/detail").json
    assert (after["current_version"], after["policy"]["coverage_amount"]) == (4, 750000.0)
    assert [one["is_active"] for one in after["members"] if one["role"] == "SPOUSE"] == [False]


def _endorse(client: TestClient, path: str, **body: Any) -> None:
    preview = client.post(f"{path}/endorse/preview", json=body)
    issued = client.post(f"{path}/endorse", json=body)
    assert issued.status_code == 201, issued.text
    assert issued.json["new_premium"] == preview.json["new_premium"]
    assert issued.json["adjustment"] == preview.json["adjustment"]


def test_lifecycle_management(api: Callable[..., TestClient], path: str) -> None:
    client = api(Role.SENIOR_AGENT)
    suspended = client.put(f"{path}/suspend", json={"reason": "Non-payment of premiums"})
    assert (suspended.status_code, suspended.json["status"]) == (200, "suspended")

    untrue = client.put(
        f"{path}/reinstate",
        json={"arrears_paid": True, "medical_clearance": True, "reason": "Says it is paid"},
    )
    assert untrue.status_code == 409
    assert "250" in untrue.text

    first = client.get(f"{path}/premiums").json[0]
    body = {"payment_date": "2026-11-20", "payment_reference": "EFT 1", "amount": 250}
    assert client.post(f"{path}/premiums/{first['id']}/pay", json=body).status_code == 200
    back = client.put(
        f"{path}/reinstate",
        json={"arrears_paid": True, "medical_clearance": False, "reason": "Arrears paid"},
    )
    assert (back.status_code, back.json["status"]) == (200, "active"), back.text

    early = client.put(f"{path}/lapse", json={"reason": "Grace period expired"})
    assert early.status_code == 409, "nothing is owed"

    cancelled = client.put(
        f"{path}/cancel",
        json={"cancellation_type": "VOLUNTARY", "reason": "Customer requested cancellation"},
    )
    assert cancelled.json["status"] == "cancelled"
    assert cancelled.json["refund"] > 0
    assert cancelled.json["allowed_transitions"] == []
    again = client.put(f"{path}/suspend", json={"reason": "Too late"})
    assert again.status_code == 409
    versions = client.get(f"{path}/versions").json
    assert [one["version_number"] for one in versions] == [4, 3, 2, 1]
