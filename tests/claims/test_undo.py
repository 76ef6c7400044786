"""What one person did around a claim is undone for a day: given away, noted, done, cleared."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.claims import queries
from insurance.claims.services import (
    add_note,
    assign_claim,
    clear_flag,
    close_claim,
    finish_task,
    undo_assignment,
    undo_flag_cleared,
    undo_note,
    undo_task_done,
)
from insurance.core import clock
from insurance.core.errors import ConflictError, ForbiddenError
from insurance.core.ids import new_id
from insurance.core.permissions import Role
from insurance.correspondence.models import NoteKind
from insurance.correspondence.queries import get_note
from tests.factories.book import TODAY
from tests.factories.claims import AGENT, ASSESSOR, MANAGER, acting, claim
from tests.factories.identity import SignedInClient, make_person
from tests.factories.lifecycle import morning, sell
from tests.factories.organizations import OrganizationFacts

NOW = morning(TODAY)


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    """Let the business day be 20 November 2026."""
    with clock.frozen(NOW):
        yield


@pytest.fixture
def claim_id(session: Session) -> UUID:
    """Return a claim that nobody has yet."""
    found = claim(sell(TODAY - timedelta(days=60))).id
    session.rollback()
    return found


def _did(session: Session, claim_id: UUID) -> UUID:
    """Return the newest event of a claim."""
    session.rollback()
    newest = queries.find_last_event(session, claim_id)
    assert newest is not None
    session.rollback()
    return newest.id


def _undo(undo: Callable[..., Any], event_id: UUID) -> None:
    with acting(MANAGER):
        undo(event_id, on=TODAY, now=NOW)


def _note(claim_id: UUID, kind: NoteKind = NoteKind.TASK) -> UUID:
    with acting(ASSESSOR):
        return add_note(claim_id, kind=kind, text="Ask the hospital", on=TODAY, now=NOW).id


def test_a_claim_goes_back_to_whoever_had_it(
    session: Session, org: OrganizationFacts, claim_id: UUID
) -> None:
    first, second = (make_person(org.id, Role.CLAIMS_ASSESSOR) for _place in range(2))
    events = []
    for somebody in (first, second):
        with acting(MANAGER):
            assign_claim(claim_id, somebody.id, on=TODAY, now=NOW)
        events.append(_did(session, claim_id))
    newest = queries.find_last_event(session, claim_id)
    assert newest is not None
    assert newest.description == "Given to Thandi Mokoena"
    session.rollback()

    with pytest.raises(ConflictError, match="given to somebody else since"):
        _undo(undo_assignment, events[0])
    _undo(undo_assignment, events[1])

    session.rollback()
    given = queries.get_claim(session, claim_id)
    assert (given.assigned_to, given.assigned_to_email) == (first.id, first.email)
    _undo(undo_assignment, events[0])
    session.rollback()
    assert queries.get_claim(session, claim_id).assigned_to is None


def test_an_assignment_stands_once_the_claim_has_moved_on(
    session: Session, org: OrganizationFacts, claim_id: UUID
) -> None:
    with acting(MANAGER):
        assign_claim(claim_id, make_person(org.id, Role.CLAIMS_ASSESSOR).id, on=TODAY, now=NOW)
    event = _did(session, claim_id)
    with acting(MANAGER):
        close_claim(claim_id, reason="Withdrawn", on=TODAY, now=NOW)

    with pytest.raises(ConflictError, match="moved on since. To change who has the claim"):
        _undo(undo_assignment, event)


def test_a_note_is_gone_and_its_row_keeps_its_words(session: Session, claim_id: UUID) -> None:
    note_id = _note(claim_id)
    event = _did(session, claim_id)

    _undo(undo_note, event)

    session.rollback()
    assert queries.get_view(session, claim_id).notes == []
    kept = text("SELECT before->>'text', after->>'undoes' FROM ins.audit_events ORDER BY id DESC")
    assert session.execute(kept).first() == (None, str(event))
    assert get_note(session, note_id).text == "Ask the hospital"
    with pytest.raises(ConflictError, match="undone already"):
        _undo(undo_note, event)


def test_what_a_colleague_noted_is_taken_away_by_who_assesses(
    session: Session, claim_id: UUID
) -> None:
    _note(claim_id)
    event = _did(session, claim_id)

    with pytest.raises(ForbiddenError, match="Somebody else wrote this"), acting(AGENT):
        undo_note(event, on=TODAY, now=NOW)
    _undo(undo_note, event)


def test_words_that_were_mailed_to_the_claimant_are_not_called_back(
    session: Session, claim_id: UUID
) -> None:
    _note(claim_id, NoteKind.CLAIMANT)

    with pytest.raises(ConflictError, match="Add another note that corrects it"):
        _undo(undo_note, _did(session, claim_id))


def test_a_task_is_open_again_and_can_then_be_taken_away(session: Session, claim_id: UUID) -> None:
    note_id = _note(claim_id)
    noted = _did(session, claim_id)
    with acting(ASSESSOR):
        finish_task(note_id, on=TODAY, now=NOW)
    done = _did(session, claim_id)

    with pytest.raises(ConflictError, match="done since"):
        _undo(undo_note, noted)
    _undo(undo_task_done, done)
    session.rollback()
    assert get_note(session, note_id).done_at is None
    _undo(undo_note, noted)


def test_a_cleared_flag_stands_again(session: Session, claim_id: UUID) -> None:
    flag_id = queries.list_flags(session, claim_id)[0].id
    session.rollback()
    with acting(ASSESSOR):
        clear_flag(flag_id, note="Read the file", on=TODAY, now=NOW)

    _undo(undo_flag_cleared, _did(session, claim_id))

    session.rollback()
    stands = queries.get_flag(session, flag_id)
    assert (stands.cleared_at, stands.cleared_by, stands.clearing_note) == (None, None, None)


def test_the_claim_offers_for_a_day_to_undo_what_was_done_to_it(
    session: Session, sign_in: Callable[..., SignedInClient], claim_id: UUID
) -> None:
    client = sign_in(Role.CLAIMS_ASSESSOR)
    page = client.url(f"/claims/{claim_id}")
    noted = client.post(
        client.url(f"/correspondence/claims/{claim_id}/notes/new"),
        data={"kind": "TASK", "text": "Ask the hospital"},
    )
    assert noted.status_code == 303, noted.text
    seen = client.get(page).text
    address = re.search(r'action="([^"]*/undo/note/[^"]*)"', seen)

    assert address is not None
    assert "Undo until tomorrow 10:00" in seen
    assert "Undo the note" in client.get(address[1]).text
    undone = client.post(address[1])
    again = client.post(address[1])

    assert (undone.status_code, again.status_code) == (303, 409)
    assert "was undone already" in again.text
    assert "Ask the hospital" not in client.get(page).text.split("Timeline")[0]


@pytest.mark.parametrize("act", ["assignment", "task", "flag", "note"])
def test_who_may_not_do_it_may_not_undo_it(
    act: str, session: Session, sign_in: Callable[..., SignedInClient], claim_id: UUID
) -> None:
    _note(claim_id)
    address = f"/claims/undo/{act}/{_did(session, claim_id)}"
    client = sign_in(Role.AUDITOR)

    assert client.post(client.url(address)).status_code == 403
    assert client.get(client.url(f"/claims/undo/note/{new_id()}")).status_code == 403
    assert client.get(client.url(f"/claims/undo/assignment/{new_id()}")).status_code == 403
    assert client.get(client.url(f"/claims/undo/task/{new_id()}")).status_code == 403
    assert client.get(client.url(f"/claims/undo/flag/{new_id()}")).status_code == 403
