"""Lapse rules, forecasts and holds over the API."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.permissions import Role
from tests.factories.book import make_product
from tests.factories.identity import TestClient
from tests.factories.lapses import RULE, Owing, make_owing, noon, tell

Api = Callable[..., TestClient]
BODY: dict[str, Any] = RULE | {"effective_from": "2026-01-01"}


@pytest.fixture
def on_20_october() -> Iterator[None]:
    """Let the business day be 20 October 2026."""
    with clock.frozen(noon(date(2026, 10, 20))):
        yield


def test_the_documented_body_makes_a_rule_and_lists_it(api: Api, session: Session) -> None:
    product_id = make_product()
    client = api()
    address = f"/api/v1/products/{product_id}/lapse-rules"

    made = client.post(address, json=BODY)

    assert made.status_code == 201, made.text
    assert {name: made.json[name] for name in BODY} == BODY
    assert made.json["half_yearly_grace_days"] == 45
    assert '"tolerance":0.00' in made.text
    later = client.post(address, json=BODY | {"effective_from": "2027-06-01"})
    assert later.status_code == 201
    listed = client.get(address).json
    assert [one["effective_from"] for one in listed] == ["2027-06-01", "2026-01-01"]
    assert listed[1]["effective_to"] == "2027-06-01"
    assert client.get(made.headers["Location"]).status_code == 200


def test_only_the_first_day_is_needed(api: Api, session: Session) -> None:
    address = f"/api/v1/products/{make_product()}/lapse-rules"

    made = api().post(address, json={"effective_from": "2026-01-01"})

    assert made.status_code == 201, made.text
    assert (made.json["monthly_grace_days"], made.json["annual_grace_days"]) == (15, 31)
    assert made.json["reminder_schedule"] == [7, 3, 1]
    assert made.json["reinstatement_requires_medical_after_days"] == 90


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"monthly_grace_days": 14}, "/monthly_grace_days"),
        ({"quarterly_grace_days": 30}, "/quarterly_grace_days"),
        ({"reinstatement_requires_medical_after_days": 181},
         "/reinstatement_requires_medical_after_days"),
        ({"auto_reinstate_if_paid_within_days": 91}, "/auto_reinstate_if_paid_within_days"),
        ({"reminder_schedule": [7, 7]}, "/reminder_schedule"),
        ({"tolerance": -1}, "/tolerance"),
        ({"grace_period_type": "LUNAR"}, "/grace_period_type"),
        ({"effective_from": "2026-02-30"}, "/effective_from"),
        ({"effective_to": "2026-01-01"}, "/effective_to"),
        ({"monthly_grace_days": "30"}, "/monthly_grace_days"),
        ({"surprise": 1}, "/surprise"),
    ],
)  # fmt: skip
def test_a_rule_that_may_not_stand_is_refused_at_its_field(
    api: Api, session: Session, changes: dict[str, Any], pointer: str
) -> None:
    address = f"/api/v1/products/{make_product()}/lapse-rules"

    refused = api().post(address, json=BODY | changes)

    assert refused.status_code == 422
    assert pointer in [error["pointer"] for error in refused.json["errors"]]


def test_overlapping_dates_are_a_conflict_that_names_both(api: Api, session: Session) -> None:
    address = f"/api/v1/products/{make_product()}/lapse-rules"
    client = api()
    client.post(address, json=BODY)

    refused = client.post(address, json=BODY)

    assert refused.status_code == 409
    assert refused.json["detail"].count("2026/01/01") == 2


def test_a_rule_is_changed_once_and_a_stale_change_is_a_conflict(
    api: Api, session: Session
) -> None:
    client = api()
    rule = client.post(f"/api/v1/products/{make_product()}/lapse-rules", json=BODY).json
    address = f"/api/v1/lapse-rules/{rule['id']}"

    changed = client.put(address, json=BODY | {"monthly_grace_days": 45, "version": 1})

    assert changed.status_code == 200, changed.text
    assert (changed.json["monthly_grace_days"], changed.json["version"]) == (45, 2)
    stale = client.put(address, json={"monthly_grace_days": 40, "version": 1})
    assert stale.status_code == 409
    assert stale.json["theirs"]["monthly_grace_days"] == 45


def test_a_rule_that_premiums_fell_due_under_can_only_be_ended(
    api: Api, session: Session, on_20_october: None
) -> None:
    owing = make_owing()
    client = api()
    rule = client.post(f"/api/v1/products/{owing.product_id}/lapse-rules", json=BODY).json
    address = f"/api/v1/lapse-rules/{rule['id']}"

    refused = client.put(address, json={"monthly_grace_days": 45})

    assert refused.status_code == 409
    assert refused.json["allowed"] == ["effective_to"]
    assert client.put(address, json={"effective_to": "2026-10-20"}).status_code == 200


@pytest.fixture
def owing(session: Session) -> Owing:
    """Return a policy whose first premium fell due on 4 October and was not paid."""
    return make_owing()


def test_the_forecast_says_why_and_when(api: Api, owing: Owing, on_20_october: None) -> None:
    address = f"/api/v1/policies/{owing.policy_id}/lapse-forecast"

    answer = api().get(address)

    assert answer.json == {
        "oldest_unpaid": "2026-10-04",
        "grace_end": "2026-10-19",
        "lapse_date": "2026-10-20",
        "blocked_by": ["NO_NOTICE"],
        "arrears": 100.0,
    }
    assert '"arrears":100.00' in answer.text


def test_a_hold_is_placed_seen_and_released(api: Api, owing: Owing, on_20_october: None) -> None:
    tell(owing.policy_id)
    client = api(Role.SENIOR_AGENT)
    forecast = f"/api/v1/policies/{owing.policy_id}/lapse-forecast"
    assert client.get(forecast).json["blocked_by"] == []

    placed = client.post(
        f"/api/v1/policies/{owing.policy_id}/lapse-holds",
        json={"reason": "Employer pays late", "expires_on": "2026-11-01"},
    )

    assert placed.status_code == 201, placed.text
    assert placed.json["placed_on"] == "2026-10-20"
    assert client.get(forecast).json["blocked_by"] == ["HOLD"]
    hold = f"/api/v1/lapse-holds/{placed.json['id']}"
    assert client.delete(hold).status_code == 204
    assert client.get(forecast).json["blocked_by"] == []
    assert client.delete(hold).status_code == 409


def test_a_hold_without_reason_or_end_is_refused(
    api: Api, owing: Owing, on_20_october: None
) -> None:
    address = f"/api/v1/policies/{owing.policy_id}/lapse-holds"

    for body in (
        {"reason": "", "expires_on": "2026-11-01"},
        {"reason": "x"},
        {"reason": "x", "expires_on": "2026-10-20"},
    ):
        assert api().post(address, json=body).status_code == 422


def test_who_may_only_look_cannot_change_rules_or_hold(api: Api, owing: Owing) -> None:
    client = api(Role.AGENT)

    assert client.get(f"/api/v1/products/{owing.product_id}/lapse-rules").status_code == 200
    made = client.post(f"/api/v1/products/{owing.product_id}/lapse-rules", json=BODY)
    assert made.status_code == 403
    hold = {"reason": "x", "expires_on": "2026-11-01"}
    placed = client.post(f"/api/v1/policies/{owing.policy_id}/lapse-holds", json=hold)
    assert placed.status_code == 403
