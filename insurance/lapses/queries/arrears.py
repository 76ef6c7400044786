"""The arrears list: who lapses when, and what stops it."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cache
from string import Template
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from insurance.billing.queries import MONEY_HELD
from insurance.core.bulk import id_array
from insurance.core.errors import NotFoundError
from insurance.core.money import ZERO
from insurance.core.paging import Page, page_of
from insurance.core.reading import constant, read_rows
from insurance.core.tenancy import current_org
from insurance.lapses import rules
from insurance.lapses.queries.terms import (
    CHANGED,
    NOW,
    frequency_of,
    frequency_on,
    holidays_around,
    list_terms,
)
from insurance.lapses.rules import Block, LapseTerms


class LapseState(StrEnum):
    """Where a policy in arrears stands."""

    DUE = "DUE"
    TOMORROW = "TOMORROW"
    IN_GRACE = "IN_GRACE"
    BLOCKED = "BLOCKED"


@dataclass(frozen=True, slots=True)
class ArrearsLine:
    """A policy in arrears as a list shows it."""

    policy_id: UUID
    policy_number: str
    status: str
    customer_name: str
    product_name: str
    premium: Decimal
    oldest_unpaid: date
    grace_end: date
    lapse_date: date
    arrears: Decimal
    hold_reason: str | None
    blocked_by: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class KeptArrears:
    """When a large book's policies in arrears were last listed, and how many stood where."""

    taken_at: datetime
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Risk:
    """How many policies would lapse, and their monthly premium."""

    policies: int = 0
    monthly_premium: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class RuleImpact:
    """What today's arrears come to under the present rules and under a changed one."""

    in_arrears: Risk
    now: Risk
    changed: Risk


RULES = """
    WITH rules AS (
        SELECT * FROM jsonb_to_recordset(CAST(:rules AS jsonb)) AS r(
            scenario text, product_id uuid, valid_from date, valid_to date, monthly integer,
            quarterly integer, half_yearly integer, annual integer, business boolean,
            requires_notice boolean, tolerance numeric, email boolean, reminders jsonb)
    )
"""
_ANCHORED = """
    , owing AS MATERIALIZED (
        SELECT l.policy_id, min(l.due_date) AS oldest, sum(l.amount - l.paid_amount) AS arrears,
               min(l.due_date) FILTER (WHERE l.kind = 'PREMIUM') AS premium_due,
               (array_agg(coalesce(l.whole_days, l.period_end - l.due_date) ORDER BY l.due_date)
                FILTER (WHERE l.kind = 'PREMIUM'))[1] AS premium_days
        FROM ins.premium_lines l
        WHERE l.org_id = :org AND l.status IN ('PENDING', 'OVERDUE')
          AND l.due_date <= CAST(:on AS date) AND l.amount > l.paid_amount
        GROUP BY l.policy_id
    ), anchored AS MATERIALIZED (
        SELECT r.scenario, p.org_id, p.id AS policy_id, p.policy_number, p.status, p.product_id,
               p.customer_id, p.frequency, p.premium, o.arrears,
               o.premium_due, o.premium_days,
               CASE WHEN r.tolerance = 0 THEN o.oldest ELSE coalesce((
                   SELECT min(run.due_date) FROM (
                       SELECT l.due_date, sum(l.amount - l.paid_amount)
                              OVER (ORDER BY l.due_date, l.sequence) AS owed
                       FROM ins.premium_lines l
                       WHERE l.org_id = p.org_id AND l.policy_id = p.id
                         AND l.status IN ('PENDING', 'OVERDUE')
                         AND l.due_date <= CAST(:on AS date) AND l.amount > l.paid_amount
                   ) run WHERE run.owed > r.tolerance), o.oldest) END AS anchor
        FROM owing o
        JOIN ins.policies p ON p.org_id = :org AND p.id = o.policy_id
         AND p.status IN ('active', 'suspended')
        JOIN rules r ON r.product_id = p.product_id AND r.valid_from <= o.oldest
         AND (r.valid_to IS NULL OR o.oldest < r.valid_to)
    ), told AS MATERIALIZED (
        SELECT l.policy_id, l.due_date, min(n.sent_on) AS sent_on
        FROM ins.premium_lines l
        JOIN ins.premium_notices n ON n.org_id = l.org_id AND n.premium_line_id = l.id
         AND n.kind = 'NON_PAYMENT' AND n.sent_on <= CAST(:on AS date)
        LEFT JOIN ins.mails m ON m.org_id = n.org_id AND m.id = n.mail_id
        WHERE l.org_id = :org AND l.status IN ('PENDING', 'OVERDUE')
          AND l.due_date <= CAST(:on AS date) AND l.amount > l.paid_amount
          AND (m.sent_at IS NOT NULL OR n.registered_number IS NOT NULL OR n.file_key IS NOT NULL)
        GROUP BY l.policy_id, l.due_date
    ), dated AS MATERIALIZED (
        SELECT a.*, t.tolerance, t.requires_notice, told.sent_on,
               CASE WHEN t.business THEN (
                   SELECT g.since + n FROM generate_series(1, 2 * g.days + 60) AS n
                   WHERE extract(isodow FROM g.since + n) < 6
                     AND g.since + n <> ALL(CAST(:holidays AS date[]))
                   ORDER BY n OFFSET g.days - 1 LIMIT 1)
               ELSE g.since + g.days END AS grace_end
        FROM anchored a
        JOIN rules t ON t.scenario = a.scenario AND t.product_id = a.product_id
         AND t.valid_from <= a.anchor AND (t.valid_to IS NULL OR a.anchor < t.valid_to)
        LEFT JOIN told ON told.policy_id = a.policy_id AND told.due_date = a.anchor
        CROSS JOIN LATERAL (
            SELECT CASE f.frequency WHEN 'MONTHLY' THEN t.monthly WHEN 'QUARTERLY' THEN t.quarterly
                   WHEN 'HALF_YEARLY' THEN t.half_yearly ELSE t.annual END AS days,
                   CASE WHEN t.requires_notice AND told.sent_on > a.anchor + CAST(:notice_days AS integer)
                   THEN told.sent_on ELSE a.anchor END AS since
            -- The premium that the grace runs from mostly is at hand: no other is looked for.
            FROM (SELECT CASE a.premium_due WHEN a.anchor THEN $known ELSE $looked_up END
                         AS frequency) f
        ) g
    ), held AS MATERIALIZED (
        SELECT DISTINCT ON (h.policy_id) h.policy_id, h.reason FROM ins.lapse_holds h
        WHERE h.org_id = :org AND h.released_at IS NULL
          AND h.placed_on <= CAST(:on AS date) AND CAST(:on AS date) < h.expires_on
        ORDER BY h.policy_id, h.expires_on DESC, h.id
    ), judged AS (
        SELECT d.*, d.grace_end + 1 AS lapse_date, held.reason AS hold_reason,
               held.reason IS NOT NULL AS is_held,
               d.policy_id = ANY(CAST(:collecting AS uuid[])) AS is_collecting,
               d.arrears <= d.tolerance AS is_within_tolerance,
               d.requires_notice AND d.sent_on IS NULL AS lacks_notice,
               """
_BOOK = "".join(
    [
        Template(_ANCHORED).substitute(
            known=frequency_of("a.premium_days"),
            looked_up=frequency_on("a.policy_id", "a.anchor", "a.frequency"),
        ),
        MONEY_HELD,
        """ AS has_money
        FROM dated d
        LEFT JOIN held ON held.policy_id = d.policy_id
    ), book AS (
        SELECT j.*, is_held OR is_collecting OR is_within_tolerance OR lacks_notice
               OR has_money AS is_blocked
        FROM judged j
    )
""",
    ]
)
_LINES = """
    SELECT b.policy_id, b.policy_number, b.status, c.display_name, pr.name, b.premium, b.anchor,
           b.grace_end, b.lapse_date, b.arrears, b.hold_reason, b.is_held, b.is_collecting,
           b.is_within_tolerance, b.lacks_notice, b.has_money
    FROM book b
    JOIN ins.customers c ON c.org_id = b.org_id AND c.id = b.customer_id
    JOIN ins.products pr ON pr.org_id = b.org_id AND pr.id = b.product_id
    WHERE """
_STATES = {
    LapseState.DUE: "b.lapse_date <= CAST(:on AS date) AND NOT b.is_blocked",
    LapseState.TOMORROW: "b.lapse_date = CAST(:on AS date) + 1 AND NOT b.is_blocked",
    LapseState.IN_GRACE: "b.lapse_date > CAST(:on AS date)",
    LapseState.BLOCKED: "b.lapse_date <= CAST(:on AS date) AND b.is_blocked",
}
_AFTER = " AND (b.lapse_date, b.policy_id) > (CAST(:after_date AS date), CAST(:after_id AS uuid))"
_ORDER = " ORDER BY b.lapse_date, b.policy_id"
_LIMIT = " LIMIT :limit"
_KEPT_ON = """
    SELECT taken_at, counts FROM ins.arrears_lists
    WHERE org_id = %(org)s AND business_day = %(on)s"""
_KEPT = """
    SELECT b.lapse_date, b.policy_id FROM ins.arrears_entries b WHERE b.org_id = :org AND """
_OWED = "WHERE l.org_id = :org AND l.status IN ('PENDING', 'OVERDUE')"
_OWED_BY_THESE = f"{_OWED} AND l.policy_id = ANY(CAST(:ids AS uuid[]))"
_EVERY = text("".join([RULES, _BOOK, "SELECT b.policy_id, b.lapse_date, b.is_blocked FROM book b"]))
_COUNTS = text(
    "".join(
        [
            RULES,
            _BOOK,
            "SELECT ",
            ", ".join(f"count(*) FILTER (WHERE {_STATES[state]})" for state in LapseState),
            " FROM book b",
        ]
    )
)
_RISKS = text(
    "".join(
        [
            RULES,
            _BOOK,
            """
            SELECT b.scenario, count(*), coalesce(sum(b.premium), 0),
                   count(*) FILTER (WHERE would_lapse),
                   coalesce(sum(b.premium) FILTER (WHERE would_lapse), 0)
            FROM book b CROSS JOIN LATERAL (
                SELECT b.lapse_date <= CAST(:on AS date) AND NOT b.is_blocked AS would_lapse
            ) w
            GROUP BY b.scenario
            """,
        ]
    )
)


@cache
def _lines_statement(state: LapseState, is_later_page: bool) -> TextClause:
    after = [_AFTER] if is_later_page else []
    return text("".join([RULES, _BOOK, _LINES, _STATES[state], *after, _ORDER, _LIMIT]))


@cache
def _kept_statement(state: LapseState, is_later_page: bool, limit: int) -> str:
    after = [_AFTER] if is_later_page else []
    return constant("".join([_KEPT, _STATES[state], *after, _ORDER, f" LIMIT {limit:d}"]))


@cache
def _judged_statement(state: LapseState) -> str:
    book = _BOOK.replace(_OWED, _OWED_BY_THESE)
    return constant("".join([RULES, book, _LINES, _STATES[state], _ORDER]))


def list_lapse_candidates(
    session: Session,
    on: date,
    limit: int,
    after: tuple[date, UUID] | None = None,
    *,
    state: LapseState = LapseState.DUE,
    collecting: Collection[UUID] = (),
) -> Page[ArrearsLine]:
    """Return policies whose grace has run out and that nothing stops, the longest lapsed first.

    `after` is the lapse date and policy id of the last one seen, `collecting` the policies with a
    collection in flight. Another `state` lists what lapses tomorrow, is in grace, or is blocked.
    """
    values = _values(session, rows_of(list_terms(session)), on, collecting) | {"limit": limit + 1}
    if after is not None:
        values |= {"after_date": after[0], "after_id": after[1]}
    found = session.execute(_lines_statement(state, after is not None), values)
    lines = [_arrears_line(row) for row in found]
    return page_of(lines, limit, lambda line: (line.lapse_date, line.policy_id))


def list_in_arrears(
    session: Session, on: date, *, collecting: Collection[UUID] = ()
) -> list[tuple[UUID, date, bool]]:
    """Return every policy in arrears with the day it lapses and whether anything stops that.

    This reads all that is owed: a job does it for the list of a large book, no page.
    """
    values = _values(session, rows_of(list_terms(session)), on, collecting)
    return [(row[0], row[1], row[2]) for row in session.execute(_EVERY, values)]


def states_of(lapse_date: date, is_blocked: bool, on: date) -> set[LapseState]:
    """Return the lists in which a policy in arrears stands on a day."""
    if lapse_date <= on:
        return {LapseState.BLOCKED if is_blocked else LapseState.DUE}
    is_tomorrow = lapse_date == on + timedelta(days=1) and not is_blocked
    return {LapseState.IN_GRACE, LapseState.TOMORROW} if is_tomorrow else {LapseState.IN_GRACE}


def find_arrears_list(session: Session, on: date) -> KeptArrears | None:
    """Return when a large book's policies in arrears were listed on a day; None where they are not."""
    values = {"org": current_org(), "on": on}
    return next((KeptArrears(*row) for row in read_rows(session, _KEPT_ON, values)), None)


def list_kept_arrears(
    session: Session,
    on: date,
    limit: int,
    after: tuple[date, UUID] | None = None,
    *,
    state: LapseState = LapseState.DUE,
    collecting: Collection[UUID] = (),
) -> Page[ArrearsLine]:
    """Return a page of `list_lapse_candidates` from the kept list of a large book.

    Each policy on it is judged anew: one that no longer stands there is left out of its page.
    """
    at: dict[str, Any] = {"org": current_org(), "on": on}
    if after is not None:
        at |= {"after_date": after[0], "after_id": after[1]}
    kept = read_rows(session, _kept_statement(state, after is not None, limit + 1), at)
    listed = page_of(kept, limit, lambda entry: entry)
    values = _values(session, rows_of(list_terms(session)), on, collecting)
    values["ids"] = id_array(policy_id for _lapse_date, policy_id in listed.items)
    lines = [_arrears_line(row) for row in read_rows(session, _judged_statement(state), values)]
    return Page(lines, listed.next_cursor)


def count_lapse_states(
    session: Session, on: date, *, collecting: Collection[UUID] = ()
) -> dict[LapseState, int]:
    """Return how many policies in arrears stand where."""
    values = _values(session, rows_of(list_terms(session)), on, collecting)
    return dict(zip(LapseState, session.execute(_COUNTS, values).one(), strict=True))


def count_rule_impact(
    session: Session,
    product_id: UUID,
    rule: LapseTerms,
    on: date,
    *,
    collecting: Collection[UUID] = (),
) -> RuleImpact:
    """Return how many policies would lapse on a day now, and were a rule to cover all they owe.

    The changed rule is read as if it applied to every premium owed, also where it starts later.
    """
    present = list_terms(session, [product_id])
    if not present:
        raise NotFoundError("There is no such product.")
    everywhere = replace(rule, effective_from=date.min, effective_to=None)
    rows = rows_of(present) + rows_of({product_id: [everywhere]}, CHANGED)
    found = {row[0]: row for row in session.execute(_RISKS, _values(session, rows, on, collecting))}
    none = ("", 0, ZERO, 0, ZERO)
    now, changed = found.get(NOW, none), found.get(CHANGED, none)
    return RuleImpact(Risk(*now[1:3]), Risk(*now[3:5]), Risk(*changed[3:5]))


def _arrears_line(row: Sequence[Any]) -> ArrearsLine:
    stands = row[11:16]
    blocked_by = tuple(block for block, does in zip(Block, stands, strict=True) if does)
    return ArrearsLine(*(*row[:11], blocked_by))


def _values(
    session: Session, rows: list[dict[str, Any]], on: date, collecting: Iterable[UUID]
) -> dict[str, Any]:
    counts_business_days = any(row["business"] for row in rows)
    return {
        "org": current_org(),
        "on": on,
        "rules": json.dumps(rows),
        "holidays": sorted(holidays_around(session, on)) if counts_business_days else [],
        "collecting": list(collecting),
        "notice_days": rules.NOTICE_DAYS,
    }


def rows_of(
    terms: Mapping[UUID, Iterable[LapseTerms]], scenario: str = NOW
) -> list[dict[str, Any]]:
    return [
        {
            "scenario": scenario,
            "product_id": str(product_id),
            "valid_from": span.effective_from.isoformat(),
            "valid_to": span.effective_to.isoformat() if span.effective_to else None,
            "monthly": span.monthly_grace_days,
            "quarterly": span.quarterly_grace_days,
            "half_yearly": span.half_yearly_grace_days,
            "annual": span.annual_grace_days,
            "business": span.grace_period_type == rules.BUSINESS,
            "requires_notice": span.requires_notice,
            "tolerance": str(span.tolerance),
            "email": span.send_email_reminders,
            "reminders": list(span.reminder_schedule),
        }
        for product_id, spans in terms.items()
        for span in spans
    ]
