"""A hold, or its release, is undone for a day."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.errors import ConflictError
from insurance.core.permissions import Role
from insurance.lapses.queries import get_hold
from insurance.lapses.services import place_hold, release_hold, undo_hold, undo_release
from tests.factories.identity import SignedInClient
from tests.factories.lifecycle import at, morning, sell

DAY = date(2026, 10, 20)


@pytest.fixture(autouse=True)
def on_20_october() -> Iterator[None]:
    """Let it be ten o'clock of 20 October 2026."""
    with clock.frozen(morning(DAY)):
        yield


@pytest.fixture
def hold_id(session: Session) -> UUID:
    """Return a hold of a week."""
    policy_id = sell(date(2026, 10, 5))
    with at(DAY) as now:
        ends = DAY + timedelta(days=7)
        return place_hold(policy_id, reason="Strike", expires_on=ends, on=DAY, now=now).id


def test_a_hold_that_is_undone_holds_no_more_and_once_only(session: Session, hold_id: UUID) -> None:
    undo_hold(hold_id, now=morning(DAY) + timedelta(hours=24))

    session.rollback()
    assert get_hold(session, hold_id).released_at is not None
    with pytest.raises(ConflictError, match="released or undone already"):
        undo_hold(hold_id, now=morning(DAY))


def test_a_release_that_is_undone_leaves_the_hold_as_it_was(
    session: Session, hold_id: UUID
) -> None:
    release_hold(hold_id, now=morning(DAY))

    undo_release(hold_id, now=morning(DAY) + timedelta(hours=24))

    session.rollback()
    held = get_hold(session, hold_id)
    assert (held.released_at, held.released_by) == (None, None)
    with pytest.raises(ConflictError, match="undone already"):
        undo_release(hold_id, now=morning(DAY))


def test_a_day_later_a_hold_is_released_instead(session: Session, hold_id: UUID) -> None:
    late = morning(DAY) + timedelta(hours=24, minutes=1)

    with pytest.raises(ConflictError, match="24 hours.*release it"):
        undo_hold(hold_id, now=late)


def test_who_holds_sees_until_when_it_can_be_undone(
    session: Session, sign_in: Callable[..., SignedInClient], hold_id: UUID
) -> None:
    policy_id = get_hold(session, hold_id).policy_id
    session.rollback()
    page = f"/lapses/holds/{policy_id}"
    manager, auditor = sign_in(Role.MANAGER), sign_in(Role.AUDITOR)
    address = manager.url(f"/lapses/undo/hold/{hold_id}")

    assert address in manager.get(manager.url(page)).text
    assert "Undo until" not in auditor.get(auditor.url(page)).text
    assert auditor.post(address).status_code == 403
    assert "“Strike”" not in manager.get(address).text
    assert manager.post(address).status_code == 303
    assert manager.post(manager.url(f"/lapses/undo/release/{hold_id}")).status_code == 303
