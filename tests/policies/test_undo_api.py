"""What is undone on screen is undone over the API, by the same people and with the same reasons."""

from collections.abc import Callable, Iterator
from datetime import date

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from insurance.api import undo
from insurance.blueprints.claims.history import UNDO as OF_CLAIMS
from insurance.blueprints.policies.history import UNDO as OF_POLICIES
from insurance.core import clock
from insurance.core.permissions import Role
from tests.factories.claims import claim
from tests.factories.lifecycle import morning, pay, sell

Api = Callable[..., FlaskClient]
DAY = date(2026, 10, 20)


@pytest.fixture(autouse=True)
def on_20_october() -> Iterator[None]:
    """Let it be ten o'clock of 20 October 2026."""
    with clock.frozen(morning(DAY)):
        yield


def test_a_suspension_is_undone_once_by_who_may_suspend(api: Api, session: Session) -> None:
    policy, other = (f"/api/v1/policies/{sell(date(2026, 10, 5))}" for _ in range(2))
    session.rollback()
    manager = api(Role.MANAGER)
    assert manager.put(f"{policy}/suspend", json={"reason": "Asked"}).status_code == 200
    act = manager.get(f"{policy}/events").json[0]

    said = [
        (answer.status_code, answer.json.get("detail", answer.json.get("description")))
        for answer in (
            api(Role.AUDITOR).post(f"{policy}/events/{act['id']}/undo", json={}),
            manager.post(f"{other}/events/{act['id']}/undo", json={}),
            manager.post(f"{policy}/events/{act['id']}/undo", json={}),
            manager.post(f"{policy}/events/{act['id']}/undo", json={}),
        )
    ]
    newest = manager.get(f"{policy}/events").json[0]
    refused = manager.post(f"{policy}/events/{newest['id']}/undo", json={})

    assert said == [
        (403, "This takes the permission policies.lifecycle."),
        (404, "There is no such record, or it is not yours to see."),
        (200, "Suspended"),
        (409, "This was undone already."),
    ]
    assert (newest["event_type"], newest["payload"]["undoes"]) == ("SUSPENSION_UNDONE", act["id"])
    assert refused.status_code == 409
    assert "cover never paused” is nothing that is undone" in refused.json["detail"]


def test_a_second_person_is_asked_to_undo_what_two_gave_up(api: Api, session: Session) -> None:
    policy_id = sell(date(2026, 10, 5))
    session.rollback()
    policy, asks, agrees = f"/api/v1/policies/{policy_id}", api(Role.MANAGER), api(Role.MANAGER)
    asks.put(f"{policy}/suspend", json={"reason": "Asked"})
    line = asks.get(f"{policy}/premiums").json[0]["id"]
    waived = asks.post(f"{policy}/premiums/{line}/waive", json={"reason": "Agreed"})
    agrees.post(f"/api/v1/approvals/{waived.json['approval_id']}/approve", json={})
    act = asks.get(f"{policy}/events").json[0]

    answer = asks.post(f"{policy}/events/{act['id']}/undo", json={})

    assert (answer.status_code, answer.json["event_type"]) == (202, "PREMIUM_WAIVED")
    assert answer.json["approval_id"]


def test_a_note_of_a_claim_and_a_hold_of_a_policy_are_undone(api: Api, session: Session) -> None:
    policy_id = sell(date(2026, 10, 5))
    pay(policy_id, "100.00", date(2026, 10, 5))
    claim_id = claim(policy_id, day=DAY, event=DAY).id
    session.rollback()
    manager = api(Role.MANAGER)
    of_claim, of_policy = f"/api/v1/claims/{claim_id}", f"/api/v1/policies/{policy_id}"
    manager.post(f"{of_claim}/notes", json={"text": "Called twice"})
    noted = manager.get(of_claim).json["events"]
    (note,) = [event for event in noted if event["event_type"] == "CLAIM_NOTE_ADDED"]
    sent = {"reason": "Asked", "expires_on": "2026-11-20"}
    hold = manager.post(f"{of_policy}/lapse-holds", json=sent).json["id"]

    undone = manager.post(f"{of_claim}/events/{note['id']}/undo", json={})
    statuses = [
        manager.post(f"/api/v1/lapse-holds/{hold}/{act}", json={}).status_code
        for act in ("undo", "undo", "undo-release", "undo-release")
    ]

    assert (undone.status_code, undone.json["event_type"]) == (200, "CLAIM_NOTE_ADDED")
    assert statuses == [200, 409, 200, 409]


def test_screens_and_api_undo_the_same_for_the_same_people() -> None:
    for screens, endpoints in ((OF_POLICIES, undo.OF_POLICIES), (OF_CLAIMS, undo.OF_CLAIMS)):
        assert {kind: way.may for kind, way in screens.items()} == {
            kind: may for kind, (may, _command) in endpoints.items()
        }
