"""Month-end over the API, in the shapes that were published."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.permissions import Role
from insurance.month_end.services import set_month_end
from insurance.policies.queries import get_policy, list_events
from insurance.policies.replay import find_differences
from insurance.products.models import ProjectionType
from tests.factories.identity import TestClient
from tests.factories.lifecycle import at, morning, sell
from tests.factories.month_end import escalate_by

D = Decimal
INDEXED = {"premium_projection_type": ProjectionType.INDEXED}
DAY = date(2026, 11, 30)
SEED = {
    "process_date": "2026-11-30",
    "dry_run": True,
    "mark_overdue": True,
    "apply_indexation": True,
    "evaluate_lapse_candidates": True,
    "auto_lapse": False,
    "limit_policies": 2000,
}
URL = "/api/v1/month-end"


@pytest.fixture
def policy_id(session: Session) -> Any:
    """Return a policy of 310.00 that rises by 6 per cent on 5 November."""
    found = sell(date(2025, 11, 5), premium="310.00", **INDEXED)
    escalate_by("6")
    session.rollback()
    return found


@pytest.fixture(autouse=True)
def on_the_day() -> Any:
    """Act on the day of the month-end."""
    with clock.frozen(morning(DAY)):
        yield


def test_the_described_request_gives_a_plan(api: Callable[..., TestClient], policy_id: Any) -> None:
    answer = api(Role.FINANCE).post(f"{URL}/process", json=SEED | {"wait": True})

    run = answer.get_json()
    assert answer.status_code == 202, run
    assert run["status"] == "PLANNED"
    assert run["counts"] == {
        "policies": 1,
        "schedules_extended": 1,
        "premiums_posted": 1,
        "overdue_marked": 1,
        "indexed": 1,
        "lapse_candidates": 1,
        "lapsed": 0,
        "quarantined": 0,
    }
    assert run["totals"]["ANNIVERSARIES"] == {"effects": 1, "amount": D("18.60")}
    assert run["progress"]["of"] >= 1
    assert answer.headers["Location"].endswith(run["run_id"])
    assert len(run["hash"]) == 64


def test_without_waiting_the_run_is_planned_by_its_jobs(
    api: Callable[..., TestClient], policy_id: Any
) -> None:
    run = api().post(f"{URL}/process", json=SEED).get_json()

    assert run["status"] == "PLANNING"


def test_finance_plans_a_manager_approves_finance_applies(
    api: Callable[..., TestClient], policy_id: Any, session: Session
) -> None:
    finance, manager = api(Role.FINANCE), api(Role.MANAGER)
    run = finance.post(f"{URL}/process", json=SEED | {"wait": True}).get_json()
    one = f"{URL}/runs/{run['run_id']}"

    assert finance.post(f"{one}/approve", json={}).status_code == 403
    assert finance.post(f"{one}/apply", json={}).status_code == 409
    assert manager.post(f"{one}/approve", json={"comment": "Checked"}).status_code == 200
    assert manager.post(f"{one}/apply", json={}).status_code == 403
    applied = finance.post(f"{one}/apply", json={"wait": True})

    assert applied.status_code == 202
    assert applied.get_json()["status"] == "COMPLETED"
    assert get_policy(session, policy_id).premium == D("328.60")
    assert finance.post(f"{one}/apply", json={}).status_code == 409
    again = finance.post(f"{one}/retry", json={})
    assert (again.status_code, "Nothing was left out" in again.get_json()["detail"]) == (409, True)


def test_effects_are_filtered_paged_and_taken_away(
    api: Callable[..., TestClient], policy_id: Any
) -> None:
    client = api()
    run = client.post(f"{URL}/process", json=SEED | {"wait": True}).get_json()
    url = f"{URL}/runs/{run['run_id']}/effects"

    page = client.get(f"{url}?limit=2")
    assert len(page.get_json()) == 2
    assert 'rel="next"' in page.headers["Link"]
    (rise,) = client.get(f"{url}?step=ANNIVERSARIES&policy_id={policy_id}").get_json()
    assert (rise["before"]["premium"], rise["after"]["premium"]) == ("310.00", "328.60")
    assert (rise["amount"], rise["status"]) == (D("18.60"), "PLANNED")
    assert client.get(f"{url}?product_id={uuid4()}").get_json() == []
    assert b"328,60" in client.get(f"{url}?format=csv").data
    assert client.get(f"{url}?format=xlsx").data[:2] == b"PK"
    assert client.get(f"{url}?step=NOTHING").status_code == 422


def test_an_auditor_reads_but_does_not_run(api: Callable[..., TestClient], policy_id: Any) -> None:
    client = api(Role.AUDITOR)

    assert client.get(f"{URL}/runs").status_code == 200
    assert client.post(f"{URL}/process", json=SEED).status_code == 403


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"limit_policies": 0}, 422, "at least one policy"),
        ({"steps": ["NOTHING"]}, 422, "Input should be"),
        ({"steps": []}, 422, "Switch at least one step on"),
        ({"process_date": "2027-11-30"}, 422, "31 days ahead"),
        ({"dry_run": False}, 409, "second person"),
    ],
)
def test_bad_requests_say_what_to_do(
    api: Callable[..., TestClient],
    policy_id: Any,
    changes: dict[str, Any],
    status: int,
    words: str,
) -> None:
    answer = api().post(f"{URL}/process", json=SEED | changes)

    assert (answer.status_code, words in answer.get_data(as_text=True)) == (status, True)


def test_where_it_is_allowed_a_run_is_planned_and_applied_in_one_go(
    app: Flask, api: Callable[..., TestClient], policy_id: Any, session: Session
) -> None:
    with at(DAY):
        set_month_end(may_apply_unapproved=True, days_ahead=31)
    session.rollback()

    run = api().post(f"{URL}/process", json=SEED | {"dry_run": False, "wait": True}).get_json()

    assert run["status"] == "COMPLETED"
    assert get_policy(session, policy_id).premium == D("328.60")


def test_a_second_run_is_told_who_is_busy_and_since_when(
    api: Callable[..., TestClient], policy_id: Any
) -> None:
    client = api()
    first = client.post(f"{URL}/process", json=SEED).get_json()

    refused = client.post(f"{URL}/process", json=SEED)

    assert refused.status_code == 409
    assert refused.get_json()["run_id"] == first["run_id"]
    assert refused.get_json()["requested_by"] == first["requested_by"]
    cancelled = client.post(f"{URL}/runs/{first['run_id']}/cancel", json={})
    assert cancelled.get_json()["status"] == "CANCELLED"


def test_the_preview_names_the_rate_of_each_product_and_its_source(
    api: Callable[..., TestClient], session: Session
) -> None:
    sell(date(2025, 11, 5), **INDEXED)
    session.rollback()
    client = api()

    (line,) = client.post(f"{URL}/config-preview", json={}).get_json()["products"]
    assert (line["source"], line["resolved_rate"]) == ("platform", None)
    assert "no CPI for August 2026" in line["problem"]

    added = client.post(
        f"{URL}/index-values",
        json={"month": "2026-08-01", "value": "4.60", "source": "Stats SA P0141"},
    )
    assert added.status_code == 201
    (line,) = client.post(f"{URL}/config-preview", json={}).get_json()["products"]
    assert (line["resolved_rate"], line["index_value"]) == (D("4.60"), D("4.60"))

    rule = client.post(
        f"{URL}/escalation-rules",
        json={
            "escalation_type": "INDEXED",
            "valid_from": "2026-01-01",
            "product_id": line["product_id"],
            "floor": "5.00",
            "cap": "10.00",
        },
    )
    assert rule.status_code == 201, rule.get_json()
    (line,) = client.post(f"{URL}/config-preview", json={}).get_json()["products"]
    assert (line["source"], line["resolved_rate"]) == ("product", D("5.00"))
    assert client.get(f"{URL}/index-values").get_json()[0]["month"] == "2026-08-01"


def test_an_index_has_one_value_a_month(api: Callable[..., TestClient], session: Session) -> None:
    client = api()
    body = {"month": "2026-08-01", "value": "-1.00", "source": "Stats SA P0141"}

    assert client.post(f"{URL}/index-values", json=body).status_code == 201
    assert client.post(f"{URL}/index-values", json=body).status_code == 409


def test_a_holders_refusal_is_recorded_listed_and_withdrawn(
    api: Callable[..., TestClient], policy_id: Any, session: Session
) -> None:
    client, url = api(), f"{URL}/policies/{policy_id}/refusals"
    wanted = {"refused_from": "2027-11-05", "reason": "Letter of 2026/11/28"}
    assert client.get(url).get_json() == []

    made = client.post(url, json=wanted)
    assert (made.status_code, made.get_json()["withdrawn_from"]) == (201, None)
    assert client.post(url, json=wanted).status_code == 409
    (listed,) = client.get(url).get_json()
    assert (listed["refused_from"], listed["reason"]) == ("2027-11-05", "Letter of 2026/11/28")
    back = {"withdrawn_from": "2028-11-05", "reason": "Call"}
    assert client.post(f"{url}/withdraw", json=back).get_json()["withdrawn_from"] == "2028-11-05"
    assert client.post(f"{url}/withdraw", json=back).status_code == 409

    told = {"sent_on": "2026-11-29", "recipient": "By post", "anniversary": "2027-11-05"}
    bare = client.post(f"{URL}/notices", json=told | {"policy_id": str(policy_id)})
    assert bare.status_code == 422
    assert bare.get_json()["errors"][0]["pointer"] == "/evidence"
    told["evidence"] = "RE123456785ZA"
    notice = client.post(f"{URL}/notices", json=told | {"policy_id": str(policy_id)})
    assert notice.status_code == 201
    (found,) = client.get(f"{URL}/policies/{policy_id}/notices").get_json()
    assert (found["anniversary"], found["recipient"]) == ("2027-11-05", "By post")
    assert found["evidence"] == "RE123456785ZA"
    events = list_events(session, policy_id, limit=3)
    assert [(one.event_type, one.effective_date) for one in reversed(events)] == [
        ("ESCALATION_REFUSED", date(2027, 11, 5)),
        ("ESCALATION_REFUSAL_WITHDRAWN", date(2028, 11, 5)),
        ("ESCALATION_NOTICE", date(2026, 11, 29)),
    ]
    assert find_differences()[1] == []


def test_an_auditor_lists_refusals_and_records_none(
    api: Callable[..., TestClient], policy_id: Any
) -> None:
    client, url = api(Role.AUDITOR), f"{URL}/policies/{policy_id}/refusals"

    assert client.get(url).status_code == 200
    wanted = {"refused_from": "2027-11-05", "reason": "Letter"}
    assert client.post(url, json=wanted).status_code == 403
    assert client.get(f"{URL}/policies/{uuid4()}/refusals").status_code == 404
    assert client.get(f"{URL}/policies/{uuid4()}/notices").status_code == 404
    assert api(Role.AGENT).get(url).status_code == 403


def test_a_rule_for_a_version_that_is_not_there_is_refused(
    api: Callable[..., TestClient], session: Session
) -> None:
    wanted = {"escalation_type": "LEVEL", "valid_from": "2026-01-01"}
    rule = wanted | {"product_version_id": str(uuid4())}

    assert api().post(f"{URL}/escalation-rules", json=rule).status_code == 404
