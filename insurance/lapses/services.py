"""Changing lapse rules, placing holds, and telling holders of premiums due and unpaid."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Table, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.bulk import write_rows
from insurance.core.context import current_actor
from insurance.core.db import constraint_of, transaction
from insurance.core.errors import ConflictError, DomainError, raise_all
from insurance.core.files import keep_file
from insurance.core.ids import new_id
from insurance.core.money import format_money
from insurance.core.tenancy import current_org
from insurance.core.undo import UNDOES, check_time
from insurance.documents.received import read_picture
from insurance.lapses import queries, rules
from insurance.lapses.models import (
    ArrearsEntry,
    ArrearsList,
    GraceType,
    LapseHold,
    LapseRule,
    NoticeKind,
    PremiumNotice,
)
from insurance.lapses.queries import DueNotice
from insurance.lapses.rules import LapseTerms
from insurance.notifications.services import About, send_later
from insurance.organizations.queries import get_organization
from insurance.products.models import Product
from insurance.products.queries import find_class, get_product
from insurance.products.services.snapshots import assign, refuse_stale, snapshot

_LONGEST_HOLD = timedelta(days=366)
_CHUNK = 200
_LAWS = {
    "LIFE": "Rule 15A of the Policyholder Protection Rules (Long-term Insurance)",
    "NON_LIFE": "Rule 15 of the Policyholder Protection Rules (Short-term Insurance)",
}


def create_lapse_rule(
    product_id: UUID, wanted: Mapping[str, Any], *, on: date, now: datetime
) -> LapseRule:
    """Add a rule from a day; the open rule before it ends there. Any other overlap is refused.

    What `wanted` leaves out is the statutory minimum, or follows from `grace_period_days`.
    """
    with transaction() as session:
        product = get_product(session, product_id, lock=True)
        terms = propose_terms(session, product, wanted)
        closing = _find_open_before(session, product_id, terms.effective_from)
        _refuse_overlap(session, product_id, terms, closing)
        if closing is not None:
            _refuse_shorter_grace(session, closing, terms, on)
            _close(session, closing, terms.effective_from, now)
        rule = LapseRule(product_id=product_id, version=1, created_at=now, updated_at=now)
        _fill(rule, terms)
        session.add(rule)
        _flush(session)
        record(
            session,
            action="lapse_rules.create",
            resource="lapse_rules",
            resource_id=rule.id,
            after=snapshot(rule),
        )
    return rule


def propose_terms(session: Session, product: Product, wanted: Mapping[str, Any]) -> LapseTerms:
    """Return the terms that a new rule would have. Raises DomainError where they may not stand."""
    category = _category(session, product)
    default = rules.default_terms(product.class_code, category)
    filled = dict(wanted)
    if "reminder_schedule" in filled:
        filled["reminder_schedule"] = tuple(sorted(filled["reminder_schedule"], reverse=True))
    base = filled.get("grace_period_days", default.grace_period_days)
    quarterly = filled.get("quarterly_grace_days", base)
    for field, least, follows in (
        ("monthly_grace_days", rules.statutory_minimum("MONTHLY"), base),
        ("quarterly_grace_days", rules.statutory_minimum("QUARTERLY"), base),
        ("half_yearly_grace_days", rules.statutory_minimum("HALF_YEARLY"), max(base, quarterly)),
        ("annual_grace_days", rules.statutory_minimum("ANNUAL"), base),
    ):
        filled.setdefault(field, max(least, follows))
    terms = replace(default, **filled)
    raise_all(rules.check_rule(terms, product.class_code, category))
    return terms


def edit_lapse_rule(
    lapse_rule_id: UUID,
    wanted: Mapping[str, Any],
    *,
    version: int | None = None,
    on: date,
    now: datetime,
) -> LapseRule:
    """Change a rule. One that premiums have fallen due under may only be ended from today on."""
    with transaction() as session:
        rule = _lock_rule(session, lapse_rule_id)
        before = snapshot(rule)
        changes = _changes(rule, wanted)
        refuse_stale("lapse rule", before, changes, rule.version, version)
        if queries.has_applied(session, rule, on=on):
            _refuse_rewriting(rule, changes, on)
        terms = change_terms(session, rule, changes)
        _refuse_overlap(session, rule.product_id, terms, rule)
        if changes:
            _fill(rule, terms)
            rule.version += 1
            rule.updated_at = now
        _flush(session)
        record(
            session,
            action="lapse_rules.edit",
            resource="lapse_rules",
            resource_id=rule.id,
            before=before,
            after=snapshot(rule),
        )
    return rule


def change_terms(session: Session, rule: LapseRule, changes: Mapping[str, Any]) -> LapseTerms:
    """Return a rule's terms with changes. Raises DomainError where they may not stand."""
    product = get_product(session, rule.product_id)
    terms = replace(queries.terms_of(rule), **_changes(rule, changes))
    raise_all(rules.check_rule(terms, product.class_code, _category(session, product)))
    return terms


def _changes(rule: LapseRule, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what differs from the saved rule."""
    saved = asdict(queries.terms_of(rule))
    entered = dict(wanted)
    if "reminder_schedule" in entered:
        entered["reminder_schedule"] = tuple(sorted(entered["reminder_schedule"], reverse=True))
    return {name: value for name, value in entered.items() if saved[name] != value}


def _category(session: Session, product: Product) -> str:
    found = find_class(session, code=product.class_code)
    return str(found.category) if found is not None else "LIFE"


def _lock_rule(session: Session, lapse_rule_id: UUID) -> LapseRule:
    """Lock the product first, as every change of its rules does, then read the rule again."""
    rule = queries.get_lapse_rule(session, lapse_rule_id)
    get_product(session, rule.product_id, lock=True)
    session.refresh(rule)
    return rule


def _find_open_before(session: Session, product_id: UUID, start: date) -> LapseRule | None:
    return next(
        (
            rule
            for rule in queries.list_lapse_rules(session, product_id)
            if rule.effective_to is None and rule.effective_from < start
        ),
        None,
    )


def _refuse_overlap(
    session: Session, product_id: UUID, terms: LapseTerms, but: LapseRule | None
) -> None:
    """Refuse dates that another rule has. `but` is the rule that gives way or is being edited."""
    for rule in queries.list_lapse_rules(session, product_id):
        if rule is but:
            continue
        starts_before = terms.effective_to is None or rule.effective_from < terms.effective_to
        ends_after = rule.effective_to is None or terms.effective_from < rule.effective_to
        if starts_before and ends_after:
            raise ConflictError(
                f"This rule, {_dates(terms.effective_from, terms.effective_to)}, overlaps the one"
                f" {_dates(rule.effective_from, rule.effective_to)}.",
                field="effective_from",
                detail={"lapse_rule_id": str(rule.id)},
            )


def _dates(start: date, end: date | None) -> str:
    return (
        f"from {start:%Y/%m/%d} on"
        if end is None
        else f"from {start:%Y/%m/%d} to {end - timedelta(days=1):%Y/%m/%d}"
    )


def _refuse_shorter_grace(
    session: Session, closing: LapseRule, terms: LapseTerms, on: date
) -> None:
    """Refuse to take away days of grace that have begun to run: they were promised."""
    start, present = terms.effective_from, queries.terms_of(closing)
    if start > on:
        return
    until = min(on + timedelta(days=1), terms.effective_to or date.max)
    open_now = queries.list_open_frequencies(session, closing.product_id, since=start, until=until)
    if any(rules.shortens_grace(present, terms, frequency) for frequency in open_now):
        raise ConflictError(
            "Premiums that are due and unpaid have a longer grace under the present rule."
            f" Let the shorter one start after {on:%Y/%m/%d}.",
            field="effective_from",
        )


def _refuse_rewriting(rule: LapseRule, changes: Mapping[str, Any], on: date) -> None:
    others = sorted(set(changes) - {"effective_to"})
    if others:
        raise ConflictError(
            "Premiums have fallen due under this rule, so it can only be ended. Add a new rule"
            " from a later date instead.",
            field=others[0],
            detail={"allowed": ["effective_to"]},
        )
    end = changes.get("effective_to")
    if end is not None and end < on:
        raise ConflictError(
            f"Premiums have fallen due under this rule: it can end on {on:%Y/%m/%d} at the earliest.",
            field="effective_to",
        )


def _close(session: Session, rule: LapseRule, end: date, now: datetime) -> None:
    before = snapshot(rule)
    rule.effective_to, rule.updated_at = end, now
    rule.version += 1
    session.flush()
    record(
        session,
        action="lapse_rules.edit",
        resource="lapse_rules",
        resource_id=rule.id,
        before=before,
        after=snapshot(rule),
        reason="A new rule follows",
    )


def _fill(rule: LapseRule, terms: LapseTerms) -> None:
    assign(
        rule,
        asdict(terms)
        | {
            "grace_period_type": GraceType(terms.grace_period_type),
            "reminder_schedule": list(terms.reminder_schedule),
        },
    )


def _flush(session: Session) -> None:
    try:
        session.flush()
    except IntegrityError as error:
        if constraint_of(error) == "lapse_rules_dates_excl":
            raise ConflictError(
                "Another rule of this product has some of these dates.", field="effective_from"
            ) from error
        raise


def place_hold(
    policy_id: UUID, *, reason: str, expires_on: date, on: date, now: datetime
) -> LapseHold:
    """Keep a policy from lapsing from today up to, not including, a day."""
    with transaction() as session:
        policy = queries.get_policy_facts(session, policy_id)
        if policy.status not in rules.LAPSABLE:
            raise ConflictError(f"This policy is {policy.status} and cannot lapse.")
        if not reason.strip():
            raise DomainError("Say why.", field="reason")
        if not on < expires_on <= on + _LONGEST_HOLD:
            raise DomainError("Choose a day after today, at most a year away.", field="expires_on")
        hold = LapseHold(
            policy_id=policy_id,
            reason=reason.strip(),
            placed_on=on,
            expires_on=expires_on,
            placed_by=current_actor().name,
            placed_at=now,
        )
        session.add(hold)
        session.flush()
        record(
            session,
            action="lapse_holds.place",
            resource="policies",
            resource_id=policy_id,
            after=snapshot(hold),
            reason=hold.reason,
        )
    return hold


def release_hold(hold_id: UUID, *, now: datetime) -> LapseHold:
    """Let a held policy lapse again."""
    with transaction() as session:
        hold = queries.get_hold(session, hold_id, lock=True)
        if hold.released_at is not None:
            raise ConflictError("This hold was released already.")
        before = snapshot(hold)
        hold.released_at, hold.released_by = now, current_actor().name
        session.flush()
        record(
            session,
            action="lapse_holds.release",
            resource="policies",
            resource_id=hold.policy_id,
            before=before,
            after=snapshot(hold),
        )
    return hold


def undo_hold(hold_id: UUID, *, now: datetime) -> LapseHold:
    """Undo a hold within a day: the policy is held by it no more.

    Raises ConflictError after a day, or where it was released.
    """
    with transaction() as session:
        hold = queries.get_hold(session, hold_id, lock=True)
        if hold.released_at is not None:
            raise ConflictError("This hold was released or undone already.")
        check_time(hold.placed_at, now=now, instead="To end the hold, release it.")
        before = snapshot(hold)
        hold.released_at, hold.released_by = now, current_actor().name
        _record_undo(session, "lapse_holds.undo_place", hold, before)
    return hold


def undo_release(hold_id: UUID, *, now: datetime) -> LapseHold:
    """Undo within a day that a hold was released: it holds the policy as it did.

    Raises ConflictError after a day, or where the policy cannot lapse any more.
    """
    with transaction() as session:
        hold = queries.get_hold(session, hold_id, lock=True)
        if hold.released_at is None:
            raise ConflictError("This was undone already: the policy is on hold.")
        policy = queries.get_policy_facts(session, hold.policy_id)
        if policy.status not in rules.LAPSABLE:
            raise ConflictError(f"The policy is {policy.status} since and cannot be held.")
        check_time(hold.released_at, now=now, instead="To hold the policy, place another hold.")
        before = snapshot(hold)
        hold.released_at = hold.released_by = None
        _record_undo(session, "lapse_holds.undo_release", hold, before)
    return hold


def _record_undo(session: Session, action: str, hold: LapseHold, before: dict[str, Any]) -> None:
    session.flush()
    record(
        session,
        action=action,
        resource="policies",
        resource_id=hold.policy_id,
        before=before,
        after=snapshot(hold) | {UNDOES: hold.id},
    )


@dataclass(frozen=True, slots=True)
class NoticeLetter:
    """The file that shows a letter: a scan of it, or the post office's slip."""

    name: str
    content: bytes


def record_notice(
    policy_id: UUID,
    *,
    recipient: str,
    sent_on: date,
    registered_number: str = "",
    letter: NoticeLetter | None = None,
    on: date,
    now: datetime,
) -> PremiumNotice:
    """Record that the notice of non-payment went by letter, on its true day, however late.

    Its registered-mail number or a file is the evidence; a day without either is none. Raises
    DomainError at the field, ConflictError where it is recorded or nothing is owed.
    """
    number = registered_number.strip()
    with transaction() as session:
        standing = queries.get_policy_standing(session, policy_id, on)
        due = standing.forecast.oldest_unpaid
        if due is None or standing.anchor_line_id is None:
            raise ConflictError("Nothing is owed on this policy.")
        if not recipient.strip():
            raise DomainError("Say to whom it was sent.", field="recipient")
        if not due < sent_on <= on:
            raise DomainError(
                f"The notice went out after the due date {due:%Y/%m/%d}, and not after today.",
                field="sent_on",
            )
        if not number and letter is None:
            raise DomainError(
                "Give the number of the registered letter, or a file of it: a day alone proves"
                " nothing.",
                field="registered_number",
            )
        notice = _find_unproven(session, standing.anchor_line_id, recipient.strip())
        before = snapshot(notice) if notice is not None else None
        if notice is None:
            notice = PremiumNotice(
                policy_id=policy_id,
                premium_line_id=standing.anchor_line_id,
                kind=NoticeKind.NON_PAYMENT,
                days_before=0,
                recipient=recipient.strip(),
            )
            session.add(notice)
        notice.sent_on, notice.registered_number = sent_on, number or None
        if letter is not None:
            kept = keep_file(letter.name, read_picture(letter.content))
            notice.file_key, notice.file_name, notice.sha256 = kept.key, kept.name, kept.sha256
        _flush_notice(session)
        record(
            session,
            action="premium_notices.record",
            resource="policies",
            resource_id=policy_id,
            before=before,
            after=snapshot(notice),
        )
    return notice


def _find_unproven(session: Session, line_id: UUID, recipient: str) -> PremiumNotice | None:
    """Return a letter to somebody that was recorded without evidence."""
    return session.scalars(
        select(PremiumNotice).where(
            PremiumNotice.org_id == current_org(),
            PremiumNotice.premium_line_id == line_id,
            PremiumNotice.kind == NoticeKind.NON_PAYMENT,
            PremiumNotice.recipient == recipient,
            PremiumNotice.mail_id.is_(None),
            PremiumNotice.registered_number.is_(None),
            PremiumNotice.file_key.is_(None),
        )
    ).one_or_none()


def _flush_notice(session: Session) -> None:
    try:
        session.flush()
    except IntegrityError as error:
        if constraint_of(error) == "premium_notices_once_key":
            raise ConflictError("This notice is recorded already.", field="recipient") from error
        raise


def send_notice(policy_id: UUID, *, on: date) -> PremiumNotice:
    """Send the notice of non-payment by e-mail today, also where the time for it has passed.

    It is proof once the mail has left; sent late, grace runs from it. Raises ConflictError where
    nothing is overdue, the holder has no address, or it went there already.
    """
    with transaction() as session:
        standing = queries.get_policy_standing(session, policy_id, on)
        due = queries.find_notice(session, standing.anchor_line_id, on=on)
        if due is None:
            raise ConflictError("No premium is overdue, so there is nothing to tell.")
        if not due.email:
            raise ConflictError("The holder has no e-mail address. Send a registered letter.")
        terms = queries.list_terms(session, [due.product_id])
        _send_chunk(session, [due], terms, NoticeKind.NON_PAYMENT, "non_payment_notice", on)
        notice = session.scalars(
            select(PremiumNotice).where(
                PremiumNotice.org_id == current_org(),
                PremiumNotice.premium_line_id == due.line_id,
                PremiumNotice.kind == NoticeKind.NON_PAYMENT,
                PremiumNotice.recipient == due.email,
            )
        ).one()
        if notice.sent_on != on:
            raise ConflictError(
                f"The notice went to {due.email} on {notice.sent_on:%Y/%m/%d} already."
            )
        record(
            session,
            action="premium_notices.send",
            resource="policies",
            resource_id=policy_id,
            after=snapshot(notice),
        )
    return notice


def send_due_notices(*, on: date) -> int:
    """Send today's reminders and notices of non-payment; a second run finds nothing to send.

    Each mail and the row that says so are written together, some hundreds in a transaction.
    """
    return _send_all(
        queries.list_due_reminders, NoticeKind.REMINDER, "premium_reminder", on
    ) + _send_all(queries.list_due_non_payments, NoticeKind.NON_PAYMENT, "non_payment_notice", on)


def _send_all(
    select_due: Callable[..., list[DueNotice]], kind: NoticeKind, mail: str, on: date
) -> int:
    sent = 0
    while True:
        with transaction() as session:
            terms = queries.list_terms(session)
            due = select_due(session, terms, on=on, limit=_CHUNK)
            sent += _send_chunk(session, due, terms, kind, mail, on)
        if len(due) < _CHUNK:
            return sent


def _send_chunk(
    session: Session,
    due: Sequence[DueNotice],
    terms: Mapping[UUID, Sequence[LapseTerms]],
    kind: NoticeKind,
    mail: str,
    on: date,
) -> int:
    claimed = _claim(session, due, kind, on)
    if not claimed:
        return 0
    organization = get_organization(session).name
    holidays = queries.holidays_around(session, on)
    for line in due:
        notice_id = claimed.get((line.line_id, line.email))
        if notice_id is None:
            continue
        told_on = on if kind is NoticeKind.NON_PAYMENT else None
        words: dict[str, Any] = _words(
            line, terms[line.product_id], organization, holidays, told_on
        )
        about = About("policies", line.policy_id, line.customer_id)
        mail_id = send_later(session, mail, to=line.email, about=about, **words)
        session.execute(
            update(PremiumNotice)
            .where(PremiumNotice.org_id == current_org(), PremiumNotice.id == notice_id)
            .values(mail_id=mail_id)
        )
    return len(claimed)


def _claim(
    session: Session, due: Sequence[DueNotice], kind: NoticeKind, on: date
) -> dict[tuple[UUID, str], UUID]:
    """Write the rows that say who is told; whoever wrote one first tells, a rival gets none."""
    if not due:
        return {}
    rows = [
        {
            "org_id": current_org(),
            "id": new_id(),
            "policy_id": line.policy_id,
            "premium_line_id": line.line_id,
            "kind": kind,
            "days_before": line.days_before(on) if kind is NoticeKind.REMINDER else 0,
            "recipient": line.email,
            "sent_on": on,
        }
        for line in due
    ]
    written = session.execute(
        insert(PremiumNotice)
        .values(rows)
        .on_conflict_do_nothing()
        .returning(PremiumNotice.premium_line_id, PremiumNotice.recipient, PremiumNotice.id)
    )
    return {(line_id, recipient): notice_id for line_id, recipient, notice_id in written}


def _words(
    line: DueNotice,
    spans: Sequence[LapseTerms],
    organization: str,
    holidays: Set[date],
    notice_sent_on: date | None,
) -> dict[str, str]:
    # Where an older premium is unpaid, cover ends with its grace and not with this one's.
    counted_from = line.grace_from or line.due_date
    terms = next(span for span in spans if span.applies(counted_from))
    since = counted_from
    if counted_from == line.due_date:
        since = rules.grace_start(counted_from, terms, notice_sent_on)
    end = rules.grace_end(since, terms, line.frequency, holidays)
    return {
        "name": line.holder,
        "number": line.policy_number,
        "product": line.product_name,
        "amount": format_money(line.left),
        "due_date": f"{line.due_date:%Y/%m/%d}",
        "grace_end": f"{end:%Y/%m/%d}",
        "law": _LAWS.get(line.category, _LAWS["LIFE"]),
        "organization": organization,
    }


_ENTRIES: Table = ArrearsEntry.__table__  # type: ignore[assignment]


def keep_arrears_list(*, on: date, now: datetime, collecting: Collection[UUID] = ()) -> int:
    """List the policies in arrears of a large book anew; return how many there are.

    `collecting` are the policies with a collection in flight.
    """
    with transaction() as session:
        found = queries.list_in_arrears(session, on, collecting=collecting)
        counts = Counter(
            state
            for _policy, lapse_date, is_blocked in found
            for state in queries.states_of(lapse_date, is_blocked, on)
        )
        kept = {
            "business_day": on,
            "taken_at": now,
            "counts": {state.value: counts[state] for state in queries.LapseState},
        }
        session.execute(
            insert(ArrearsList)
            .values(org_id=current_org(), **kept)
            .on_conflict_do_update(index_elements=["org_id"], set_=kept)
        )
        session.execute(delete(ArrearsEntry).where(ArrearsEntry.org_id == current_org()))
        write_rows(
            session,
            _ENTRIES,
            (
                {"policy_id": policy_id, "lapse_date": lapse_date, "is_blocked": is_blocked}
                for policy_id, lapse_date, is_blocked in found
            ),
        )
    return len(found)
