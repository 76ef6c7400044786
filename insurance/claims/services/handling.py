"""The work around a claim: who has it, notes and tasks, flags cleared, closing and reopening."""

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select

from insurance.alerts.services import notify
from insurance.claims import queries
from insurance.claims.alert_kinds import ASSIGNED
from insurance.claims.models import (
    Assignment,
    Claim,
    ClaimEvent,
    ClaimSettings,
    ClaimStatus,
    CostType,
    EntryKind,
)
from insurance.claims.permissions import ClaimsMay
from insurance.claims.rules import next_in_turn
from insurance.claims.rules.statuses import REOPENABLE, UNDECIDED
from insurance.claims.services.clock import start_clock
from insurance.claims.services.documents import follow_documents
from insurance.claims.services.facts import refresh
from insurance.claims.services.history import Held, hold, require_reason, set_status, tell
from insurance.claims.services.mails import tell_claimant
from insurance.claims.services.money import add_entry, move_reserve, set_reserve
from insurance.core.context import current_actor
from insurance.core.db import db, transaction
from insurance.core.errors import ConflictError, DomainError, NotFoundError
from insurance.core.money import ZERO
from insurance.core.permissions import Role
from insurance.core.tenancy import current_org
from insurance.core.undo import UNDOES
from insurance.correspondence.models import Note, NoteKind
from insurance.correspondence.queries import get_note
from insurance.correspondence.services import mark_done, write_note
from insurance.identity.queries import Colleague, list_colleagues
from insurance.notifications.services import About

_ASSESSORS = frozenset({Role.CLAIMS_ASSESSOR})


def add_note(
    claim_id: UUID,
    *,
    kind: NoteKind,
    text: str,
    due_on: date | None = None,
    on: date,
    now: datetime,
) -> Note:
    """Add a note, a comment, a task, or words to the claimant, who gets them by mail."""
    words = require_reason(text, "text")
    if due_on is not None and kind is not NoteKind.TASK:
        raise DomainError("Only a task is due on a day.", field="due_on")
    with transaction() as session:
        held = hold(session, claim_id, on=on, now=now)
        about = About("claims", claim_id, held.policy.customer_id)
        note = write_note(session, about, kind=kind, text=words, due_on=due_on, now=now)
        # A mail that has left is not called back, so words to the claimant stay.
        undo = None if kind is NoteKind.CLAIMANT else {"note_id": note.id}
        if kind is NoteKind.CLAIMANT:
            tell_claimant(held, "claim_comment", words=words)
        tell(held, "CLAIM_NOTE_ADDED", f"{kind.value.capitalize()} added", on_policy=False,
             payload={"note_id": note.id, "kind": kind}, undo=undo)  # fmt: skip
        return note


def finish_task(note_id: UUID, *, on: date, now: datetime) -> Note:
    """Mark a task as done."""
    with transaction() as session:
        note = get_note(session, note_id)
        if note.resource != "claims":
            raise NotFoundError
        held = hold(session, note.resource_id, on=on, now=now)
        session.refresh(note)
        mark_done(note, now=now)
        tell(held, "CLAIM_TASK_DONE", "Task done", on_policy=False, undo={"note_id": note_id})
        return note


def assign_claim(claim_id: UUID, user_id: UUID | None, *, on: date, now: datetime) -> Claim:
    """Give a claim to a colleague who may assess, or to nobody."""
    with transaction() as session:
        held = hold(session, claim_id, on=on, now=now)
        give_to(held, user_id)
        return held.claim


def take_next(*, on: date, now: datetime) -> UUID | None:
    """Give the claim with the nearest deadline that nobody else has to whoever acts; None if none.

    Two who take at the same moment get two claims.
    """
    me = current_actor().user_id
    after = None
    while True:
        free = queries.list_claims(
            db.session(), limit=1, tab="open", now=now, after=after, free_for=me
        ).items
        if not free:
            return None
        after = queries.place_of(free[0])
        with transaction() as session:
            held = hold(session, free[0].id, on=on, now=now)
            if held.claim.assigned_to not in (None, me) or held.claim.status not in UNDECIDED:
                continue
            if held.claim.assigned_to is None:
                give_to(held, me)
            return held.claim.id


def give_to(held: Held, user_id: UUID | None, *, undoes: ClaimEvent | None = None) -> None:
    """Give a claim that is held to a colleague who may assess, or to nobody.

    `undoes` is the event whose giving is taken back by it.
    """
    people = _assessors(held)
    if user_id is not None and user_id not in people:
        raise DomainError("Choose a colleague who assesses claims.", field="user_id")
    claim = held.claim
    before = {"assigned_to": claim.assigned_to_email}
    undo = {"user_id": claim.assigned_to}
    claim.assigned_to = user_id
    claim.assigned_to_email = people[user_id].user.email if user_id else None
    after = {"assigned_to": claim.assigned_to_email}
    words = f"Given to {people[user_id].name}" if user_id else "Given back to the queue"
    if undoes is None:
        tell(held, "CLAIM_ASSIGNED", words, on_policy=False, before=before, payload=after,
             undo=undo)  # fmt: skip
    else:
        tell(held, "CLAIM_ASSIGNMENT_UNDONE", words, on_policy=False, before=before,
             payload=after | {UNDOES: undoes.id})  # fmt: skip
    _tell_assessor(held, f": {current_actor().name} gave it to you")


def _tell_assessor(held: Held, by: str) -> None:
    claim = held.claim
    about = ("claims", claim.id)
    notify(held.session, ASSIGNED, [claim.assigned_to], about, number=claim.claim_number, by=by)


def _assessors(held: Held) -> dict[UUID, Colleague]:
    people = list_colleagues(held.session, limit=500, accepted_only=True).items
    return {person.user.id: person for person in people if person.may(ClaimsMay.ASSESS)}


def assign_new(held: Held) -> None:
    """Give a new claim to an assessor, as the organization wants it: in turn, or by their load."""
    way = held.settings.assignment
    if way is Assignment.BY_HAND:
        return
    people = {
        item.user.id: item.user.email
        for item in list_colleagues(held.session, limit=500, accepted_only=True).items
        if _ASSESSORS & set(item.roles) and item.user.disabled_at is None
    }
    if not people:
        return
    chosen = _next_in_turn(held, people) if way is Assignment.IN_TURN else _least_busy(held, people)
    held.claim.assigned_to, held.claim.assigned_to_email = chosen, people[chosen]
    _tell_assessor(held, ", as it is your turn" if way is Assignment.IN_TURN else "")


def _next_in_turn(held: Held, people: Collection[UUID]) -> UUID:
    """Return who follows the assessor that had the last claim, and note them as the last."""
    settings = held.session.scalars(
        select(ClaimSettings).where(ClaimSettings.org_id == current_org()).with_for_update(),
        execution_options={"populate_existing": True},
    ).one()
    chosen = next_in_turn(people, settings.last_assigned_to)
    settings.last_assigned_to = chosen
    return chosen


def _least_busy(held: Held, people: Collection[UUID]) -> UUID:
    rows = held.session.execute(
        select(Claim.assigned_to, func.count())
        .where(
            Claim.org_id == current_org(),
            Claim.status.in_([ClaimStatus(one) for one in UNDECIDED]),
            Claim.assigned_to.in_(people),
        )
        .group_by(Claim.assigned_to)
    )
    loads = dict(rows.tuples().all())
    return min(people, key=lambda one: (loads.get(one, 0), one))


def clear_flag(flag_id: UUID, *, note: str, on: date, now: datetime) -> Claim:
    """Clear a flag, saying why it does not matter."""
    words = require_reason(note, "note")
    with transaction() as session:
        flag = queries.get_flag(session, flag_id)
        held = hold(session, flag.claim_id, on=on, now=now)
        session.refresh(flag)
        if flag.cleared_at is not None:
            raise ConflictError("This flag has been cleared already.")
        flag.cleared_at, flag.cleared_by = now, current_actor().email
        flag.clearing_note = words
        tell(
            held,
            "CLAIM_FLAG_CLEARED",
            f"Flag cleared: {flag.code.replace('_', ' ').lower()}",
            reason=words,
            payload={"code": flag.code, "detail": flag.detail},
            on_policy=False,
            undo={"flag_id": flag_id},
        )
        return held.claim


def close_claim(claim_id: UUID, *, reason: str, on: date, now: datetime) -> Claim:
    """Close a claim: what was set apart and not paid, and what is reserved, is released."""
    why = require_reason(reason)
    with transaction() as session:
        held = hold(session, claim_id, on=on, now=now)
        claim = held.claim
        before = claim.status
        set_status(held, ClaimStatus.CLOSED)
        if before is ClaimStatus.CLOSED:
            raise ConflictError("This claim is closed already.")
        claim.closed_at, claim.closed_from = now, before.value
        claim.escalated_at = claim.escalated_by = claim.proposal = None
        _release(held, "Claim closed")
        tell(held, "CLAIM_CLOSED", f"Closed from {before.replace('_', ' ').lower()}", reason=why,
             before={"status": before})  # fmt: skip
        return claim


def _release(held: Held, why: str) -> None:
    money = queries.money_by_item(held.session, held.claim.id)
    for item in queries.list_items(held.session, held.claim.id):
        found = money.get(item.id, queries.ItemMoney())
        add_entry(held, item, EntryKind.APPROVED, -found.earmarked, why)
        item.approved_amount = item.paid_amount
        set_reserve(held, item, ZERO, why)
        move_reserve(held, item, -found.expense_reserve, why, cost_type=CostType.EXPENSE)


def reopen_claim(claim_id: UUID, *, reason: str, on: date, now: datetime) -> Claim:
    """Open a decided claim again: what was not approved is assessed anew and reserved again.

    It is measured on what other claims have left of the cover meanwhile.
    Raises ConflictError where everything that was claimed has been approved.
    """
    why = require_reason(reason)
    with transaction() as session:
        held = hold(session, claim_id, on=on, now=now)
        claim = held.claim
        if claim.status not in REOPENABLE:
            raise ConflictError(
                "Only a decided or closed claim is reopened.",
                detail={"current_status": claim.status},
            )
        items = queries.list_items(session, claim.id)
        again = [one for one in items if one.decision is None or one.is_cut]
        if not again:
            raise ConflictError("Everything that was claimed has been approved.")
        before = claim.status
        set_status(held, ClaimStatus.UNDER_ASSESSMENT)
        claim.closed_at = claim.closed_from = None
        claim.decided_at = claim.decided_on = None
        for item in again:
            item.decision = item.decided_by = item.decided_by_email = item.decided_at = None
            item.reason_code = None
        benefit_ids = [one.policy_benefit_id for one in items]
        used, _money = queries.cover_and_money(session, claim.id, benefit_ids, claim.member_id)
        refresh(held, used)
        for item in again:
            wanted = item.claimed_amount - item.paid_amount
            set_reserve(held, item, wanted, "Reopened")
        restart(held)
        tell(held, "CLAIM_REOPENED", "Reopened", reason=why, before={"status": before})
        tell_claimant(held, "claim_reopened")
        return claim


def restart(held: Held) -> None:
    """Let the clock run from now, or stand still while documents are outstanding."""
    if held.claim.documents_complete_at is not None:
        start_clock(held)
    else:
        follow_documents(held)
