"""Claims of a policy whose lapse never was are judged as in force, on screen too."""

from collections.abc import Callable
from datetime import date
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from insurance.approvals.services import approve_request
from insurance.claims.queries import list_checks
from insurance.core.db import db
from insurance.core.permissions import Role
from insurance.lapses.services import record_notice
from insurance.policies.queries import get_policy
from insurance.policies.services import (
    lapse_policy,
    set_lapse_aside,
)
from insurance.reconciliation.queries import list_suspense
from insurance.reconciliation.services import commit_file, preview_upload
from tests.factories.claims import assess, claim, complete
from tests.factories.identity import SignedInClient
from tests.factories.lifecycle import CHECKER, at, sell
from tests.factories.reconciliation import csv_of, row

SOLD, NOTICE, LAPSED = date(2026, 5, 1), date(2026, 5, 4), date(2026, 5, 17)
DIED, CLAIMED, FILED = date(2026, 5, 18), date(2026, 5, 19), date(2026, 5, 20)


@pytest.fixture
def policy_id(session: Session) -> UUID:
    """Return a policy that lapsed for a premium that had come in time."""
    policy_id = sell(SOLD)
    with at(NOTICE) as now:
        record_notice(
            policy_id,
            recipient="12 Kloof Street",
            sent_on=NOTICE,
            registered_number="RE123456785ZA",
            on=NOTICE,
            now=now,
        )
    with at(LAPSED) as now:
        lapse_policy(policy_id, reason="No payment", on=LAPSED, now=now)
    return policy_id


def _set_aside(policy_id: UUID) -> None:
    number = get_policy(db.session(), policy_id).policy_number
    db.session().rollback()
    content = csv_of(row(number, "100.00", "EFT-9", paid_date="2026-05-10"))
    with at(FILED) as now:
        commit_file(preview_upload(content, "b.csv", on=FILED, now=now).id, on=FILED, now=now)
        (waiting,) = list_suspense(db.session(), limit=5).items
        db.session().rollback()
        asked = set_lapse_aside(policy_id, waiting.id, reason="In time", on=FILED, now=now)
    assert asked.approval_id is not None
    with at(FILED, CHECKER) as now:
        approve_request(asked.approval_id, on=FILED, now=now)


def _failed(claim_id: UUID) -> list[str]:
    db.session().rollback()
    found = [one.code for one in list_checks(db.session(), claim_id) if not one.passed]
    db.session().rollback()
    return found


def test_the_checks_of_an_open_claim_are_made_again_when_the_lapse_is_set_aside(
    policy_id: UUID, sign_in: Callable[..., SignedInClient]
) -> None:
    made = claim(policy_id, "60000.00", event=DIED, day=CLAIMED)
    assert "IN_FORCE" in _failed(made.id)

    _set_aside(policy_id)

    assert "IN_FORCE" not in _failed(made.id)
    client = sign_in(Role.CLAIMS_ASSESSOR)
    shown = client.get(client.url(f"/claims/{made.id}")).text
    assert "Not in force" not in shown
    assert "the checks were made again" in shown
    assert "R\u00a060\u00a0000,00" in shown


def test_a_claim_rejected_for_the_lapse_says_that_it_can_be_reopened(
    policy_id: UUID, sign_in: Callable[..., SignedInClient]
) -> None:
    made = claim(policy_id, "60000.00", event=DIED, day=CLAIMED)
    complete(made.id, CLAIMED)
    assess(made.id, "0.00", day=CLAIMED)

    _set_aside(policy_id)

    client = sign_in(Role.CLAIMS_ASSESSOR)
    shown = client.get(client.url(f"/claims/{made.id}")).text
    assert "reopen the claim to assess it as in force" in shown
