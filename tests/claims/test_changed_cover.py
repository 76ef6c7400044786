"""An undecided claim is judged on the cover of its event, also where that is changed later."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from insurance.claims import queries
from insurance.core.db import transaction
from insurance.policies.models import EndorsementType
from insurance.policies.queries import get_policy, list_benefits
from insurance.policies.services.endorsements import (
    EndorsementRequest,
    endorse_policy,
    undo_endorsement,
)
from insurance.policies.services.lifecycle import lapse_policy, reinstate_policy
from insurance.policies.services.lifecycle_endings import end_policies
from tests.factories.claims import claim
from tests.factories.lapses import tell
from tests.factories.lifecycle import at, pay, sell

SOLD, EVENT, CLAIMED = date(2026, 5, 1), date(2026, 5, 10), date(2026, 5, 12)


@pytest.fixture
def policy_id(session: Session) -> UUID:
    """Return a policy with cover of 100 000.00."""
    return sell(SOLD)


def _cover(session: Session, policy_id: UUID, amount: int, since: date) -> UUID:
    wanted = EndorsementRequest(
        type=EndorsementType.CHANGE_COVER,
        data={
            "policy_benefit_id": list_benefits(session, policy_id)[0].benefit.id,
            "new_sum_assured": Decimal(amount),
        },
        effective_date=since,
    )
    session.rollback()
    with at(CLAIMED) as now:
        return endorse_policy(policy_id, wanted, on=CLAIMED, now=now).endorsement.id


def _cover_read(session: Session, claim_id: UUID) -> Decimal:
    session.rollback()
    (item,) = queries.list_items(session, claim_id)
    return item.cover


def _happened(session: Session, claim_id: UUID) -> list[str]:
    return [one.event_type for one in queries.get_view(session, claim_id).events]


def test_a_change_that_reaches_back_before_the_event_is_read_at_once_and_read_back_when_undone(
    policy_id: UUID, session: Session
) -> None:
    claim_id = claim(policy_id, "80000.00", event=EVENT, day=CLAIMED).id

    change = _cover(session, policy_id, 60_000, EVENT)

    assert _cover_read(session, claim_id) == 60_000
    assert "CLAIM_CHECKED_AGAIN" in _happened(session, claim_id)
    with at(CLAIMED) as now:
        undo_endorsement(change, on=CLAIMED, now=now)
    assert _cover_read(session, claim_id) == 100_000


def test_a_change_after_the_event_leaves_the_claim_as_it_is(
    policy_id: UUID, session: Session
) -> None:
    claim_id = claim(policy_id, "80000.00", event=EVENT, day=CLAIMED).id

    _cover(session, policy_id, 60_000, date(2026, 5, 11))

    assert _cover_read(session, claim_id) == 100_000
    assert "CLAIM_CHECKED_AGAIN" not in _happened(session, claim_id)


LAPSED, LATE = date(2026, 6, 17), date(2026, 6, 25)


@pytest.mark.parametrize("way", ["alone", "with others"])
def test_a_claim_of_after_a_lapse_is_read_again_when_it_is_done_and_when_cover_comes_back(
    policy_id: UUID, way: str, session: Session
) -> None:
    pay(policy_id, "100.00", SOLD)
    claim_id = claim(policy_id, "80000.00", event=date(2026, 6, 20), day=LATE).id
    assert _cover_read(session, claim_id) == 100_000, "nothing proves yet that June was asked for"
    tell(policy_id, due=date(2026, 6, 1))

    with at(LATE) as now:
        if way == "alone":
            lapse_policy(policy_id, reason="Not paid", on=LATE, now=now)
        else:
            with transaction() as writing:
                get_policy(writing, policy_id, lock=True)
                due = {policy_id: LAPSED}
                assert end_policies(writing, due, {}, reason="Not paid", on=LATE, now=now)
    assert _cover_read(session, claim_id) == 0

    pay(policy_id, "100.00", LATE)
    with at(LATE) as now:
        reinstate_policy(policy_id, arrears_paid=True, reason="Paid", on=LATE, now=now)
    assert _cover_read(session, claim_id) == 100_000
    assert _happened(session, claim_id).count("CLAIM_CHECKED_AGAIN") == 2
