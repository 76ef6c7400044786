"""The clock of a claim: started when its documents are complete, watched by a job."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select

from insurance.claims.models import Claim, ClaimStatus
from insurance.claims.rules import clock_of
from insurance.claims.rules.statuses import UNDECIDED
from insurance.claims.services.history import Held, hold, tell
from insurance.core.db import db, transaction
from insurance.core.tenancy import current_org
from insurance.debit_orders.calendar import business_holidays
from insurance.organizations.queries import find_parameter, get_organization

_UNDECIDED = [ClaimStatus(status) for status in UNDECIDED]


def days_to_decide(held: Held) -> int:
    """Return the business days for a decision: the law's for funerals, else the organization's."""
    claim = held.claim
    if claim.class_code == "FUNERAL":
        return int(find_parameter(held.session, "funeral_claim_days", held.on))
    return int(held.settings.days_by_class.get(claim.class_code, held.settings.other_days))


def start_clock(held: Held) -> None:
    """Start the clock now: the documents are complete."""
    claim, year = held.claim, held.on.year
    closed = business_holidays(held.session, year, year + 1)
    clock = clock_of(held.now, days_to_decide(held), closed, held.zone)
    claim.documents_complete_at = held.now
    claim.warn_at, claim.due_at = clock.warn_at, clock.due_at
    claim.warned_at = claim.breached_at = None


def stop_clock(held: Held) -> None:
    """Stop the clock: a document is outstanding."""
    claim = held.claim
    claim.documents_complete_at = claim.warn_at = claim.due_at = None


def watch_deadlines(*, now: datetime, limit: int = 500) -> int:
    """Note on claims that most of their time, or all of it, is over. Return how many."""
    session = db.session()
    late = session.scalars(
        select(Claim.id)
        .where(
            Claim.org_id == current_org(),
            Claim.status.in_(_UNDECIDED),
            Claim.due_at.is_not(None),
            (Claim.warn_at <= now) & Claim.warned_at.is_(None)
            | (Claim.due_at <= now) & Claim.breached_at.is_(None),
        )
        .order_by(Claim.due_at, Claim.id)
        .limit(limit)
    ).all()
    session.rollback()
    return sum(_note(claim_id, now) for claim_id in late)


def _note(claim_id: object, now: datetime) -> int:
    with transaction() as session:
        organization = get_organization(session)
        on = now.astimezone(ZoneInfo(organization.timezone)).date()
        held = hold(session, claim_id, on=on, now=now)  # type: ignore[arg-type]
        claim = held.claim
        if claim.due_at is None or claim.status not in _UNDECIDED:
            return 0
        if claim.due_at <= now and claim.breached_at is None:
            claim.breached_at, claim.warned_at = now, claim.warned_at or now
            tell(held, "CLAIM_OVERDUE", "The time to decide is over", on_policy=False)
            return 1
        if claim.warn_at is not None and claim.warn_at <= now and claim.warned_at is None:
            claim.warned_at = now
            tell(held, "CLAIM_DUE_SOON", "Most of the time to decide is over", on_policy=False)
            return 1
        return 0
