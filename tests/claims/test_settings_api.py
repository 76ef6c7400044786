"""Settings of claims over the API."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.claims import queries
from insurance.core.permissions import Role
from tests.factories.identity import TestClient

Api = Callable[..., TestClient]
SETTINGS = {
    "other_days": 7,
    "days_by_class": {"RISK": 5},
    "payee_change_days": 21,
    "early_claim_days": 90,
    "large_loss": 50000,
    "assignment": "IN_TURN",
    "verified_account_first": True,
}


def test_the_settings_are_read_changed_and_audited(api: Api, session: Session) -> None:
    chief, assessor = api(), api(Role.CLAIMS_ASSESSOR)
    before = assessor.get("/api/v1/claim-settings").json
    assert (before["other_days"], before["assignment"]) == (10, "BY_HAND")
    assert assessor.put("/api/v1/claim-settings", json=SETTINGS).status_code == 403

    changed = chief.put("/api/v1/claim-settings", json=SETTINGS)

    assert changed.status_code == 200, changed.json
    assert assessor.get("/api/v1/claim-settings").json == SETTINGS | {
        "version": before["version"] + 1
    }
    session.rollback()
    assert queries.get_settings(session).days_by_class == {"RISK": 5}
    kept = session.execute(
        text("SELECT before, after FROM ins.audit_events WHERE action = 'claims.change_settings'")
    ).one()
    session.rollback()
    assert (kept.before["other_days"], kept.after["other_days"]) == (10, 7)


@pytest.mark.parametrize(
    "wrong",
    [
        {"other_days": 0},
        {"other_days": 251},
        {"days_by_class": {"RISK": 0}},
        {"days_by_class": {"FUNERAL": 5}},
        {"early_claim_days": -1},
        {"large_loss": -1},
        {"assignment": "AT_RANDOM"},
        {"surprise": True},
    ],
)
def test_settings_that_cannot_be_are_refused(api: Api, wrong: dict[str, Any]) -> None:
    chief = api()

    assert chief.put("/api/v1/claim-settings", json=SETTINGS | wrong).status_code == 422
    assert chief.get("/api/v1/claim-settings").json["version"] == 0
