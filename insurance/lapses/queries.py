"""Reading lapse rules, what stops a lapse, and the book of policies in arrears.

The statements over the book decide grace in SQL, by the same terms as `rules.forecast`; a property
test holds the two together. They take the rules as one JSON parameter, with the statutory terms in
every gap, so that a proposed rule is judged by the same words as a saved one.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, select, text
from sqlalchemy.orm import Session

from insurance.billing.models import LineStatus, PremiumLine
from insurance.billing.queries import MONEY_HELD, list_money_held
from insurance.core.bulk import id_array
from insurance.core.business_days import public_holidays
from insurance.core.errors import NotFoundError
from insurance.core.money import ZERO
from insurance.core.paging import Page, page_of
from insurance.core.reading import constant, read_rows
from insurance.core.records import get_record
from insurance.core.tenancy import current_org
from insurance.lapses import rules
from insurance.lapses.models import LapseHold, LapseRule, NoticeKind, PremiumNotice
from insurance.lapses.rules import Block, Forecast, Hold, LapseTerms, Owed
from insurance.notifications.models import Mail

_NOW = "NOW"
_CHANGED = "CHANGED"


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """What lapses need to know of a policy and its holder."""

    id: UUID
    policy_number: str
    status: str
    frequency: str
    premium: Decimal
    product_id: UUID
    product_name: str
    class_code: str
    category: str
    customer_name: str
    customer_email: str | None

    @property
    def default_terms(self) -> LapseTerms:
        """Return what holds where the product has no rule."""
        return rules.default_terms(self.class_code, self.category)


_POLICY = text(
    """
    SELECT p.id, p.policy_number, p.status, p.frequency, p.premium, p.product_id, pr.name,
           pr.class_code, k.category, c.display_name, c.email
    FROM ins.policies p
    JOIN ins.customers c ON c.org_id = p.org_id AND c.id = p.customer_id
    JOIN ins.products pr ON pr.org_id = p.org_id AND pr.id = p.product_id
    JOIN ins.product_classes k ON k.code = pr.class_code
    WHERE p.org_id = :org AND p.id = :policy
    """
)
_TERMS = tuple(field.name for field in fields(LapseTerms))
_ALL_TERMS = "".join(
    [
        "SELECT pr.id, pr.class_code, k.category, ",
        ", ".join(f"r.{name}" for name in _TERMS),
        """
        FROM ins.products pr
        JOIN ins.product_classes k ON k.code = pr.class_code
        LEFT JOIN ins.lapse_rules r ON r.org_id = pr.org_id AND r.product_id = pr.id
        WHERE pr.org_id = %(org)s""",
    ]
)
_TERMS_OF = "".join([_ALL_TERMS, " AND pr.id = ANY(CAST(%(ids)s AS uuid[]))"])
_OWN_HOLIDAYS = "SELECT day, is_working FROM ins.tenant_holidays WHERE org_id = %(org)s"
_HAS_APPLIED = text(
    """
    SELECT EXISTS (
        SELECT 1 FROM ins.premium_lines l
        JOIN ins.policies p ON p.org_id = l.org_id AND p.id = l.policy_id
        WHERE l.org_id = :org AND p.product_id = :product AND l.status <> 'CANCELLED'
          AND l.due_date >= CAST(:since AS date) AND l.due_date < CAST(:until AS date)
    )
    """
)
_OPEN_FREQUENCIES = text(
    """
    SELECT DISTINCT p.frequency FROM ins.premium_lines l
    JOIN ins.policies p ON p.org_id = l.org_id AND p.id = l.policy_id
    WHERE l.org_id = :org AND p.product_id = :product AND p.status IN ('active', 'suspended')
      AND l.status IN ('PENDING', 'OVERDUE') AND l.amount > l.paid_amount
      AND l.due_date >= CAST(:since AS date) AND l.due_date < CAST(:until AS date)
    """
)


def get_policy_facts(session: Session, policy_id: UUID) -> PolicyFacts:
    """Return a policy as lapses see it. Raises NotFoundError."""
    row = session.execute(_POLICY, {"org": current_org(), "policy": policy_id}).one_or_none()
    if row is None:
        raise NotFoundError("There is no such policy.")
    return PolicyFacts(*row)


def get_lapse_rule(session: Session, lapse_rule_id: UUID) -> LapseRule:
    """Return a lapse rule of the organization in scope. Raises NotFoundError."""
    found = session.scalars(
        select(LapseRule).where(LapseRule.org_id == current_org(), LapseRule.id == lapse_rule_id)
    ).one_or_none()
    if found is None:
        raise NotFoundError("There is no such lapse rule.")
    return found


def list_lapse_rules(session: Session, product_id: UUID) -> Sequence[LapseRule]:
    """Return a product's lapse rules, the newest first."""
    return session.scalars(
        select(LapseRule)
        .where(LapseRule.org_id == current_org(), LapseRule.product_id == product_id)
        .order_by(LapseRule.effective_from.desc())
    ).all()


def terms_of(rule: LapseRule) -> LapseTerms:
    """Return a saved rule as the pure rules read it."""
    found = {field.name: getattr(rule, field.name) for field in fields(LapseTerms)}
    return LapseTerms(
        **found
        | {
            "grace_period_type": str(rule.grace_period_type),
            "reminder_schedule": tuple(rule.reminder_schedule),
        }
    )


def rule_on(session: Session, product_id: UUID, due_date: date) -> LapseTerms:
    """Return the terms in force for a product's premiums of a due date. Raises NotFoundError."""
    found = rules_on(session, [product_id], due_date)
    if product_id not in found:
        raise NotFoundError("There is no such product.")
    return found[product_id]


def rules_on(
    session: Session, product_ids: Collection[UUID] | None, due_date: date
) -> dict[UUID, LapseTerms]:
    """Return the terms in force on a due date by product; None asks for every product."""
    found = list_terms(session, product_ids)
    return {
        product_id: next(one for one in spans if one.applies(due_date))
        for product_id, spans in found.items()
    }


def list_ruled_products(session: Session, due_date: date) -> frozenset[UUID]:
    """Return the products that have a rule of their own for premiums due on a day."""
    return frozenset(
        session.scalars(
            select(LapseRule.product_id).where(
                LapseRule.org_id == current_org(),
                LapseRule.effective_from <= due_date,
                LapseRule.effective_to.is_(None) | (LapseRule.effective_to > due_date),
            )
        )
    )


def list_terms(
    session: Session, product_ids: Collection[UUID] | None = None
) -> dict[UUID, list[LapseTerms]]:
    """Return each product's terms over all time, with the statutory ones in the gaps."""
    values: dict[str, Any] = {"org": current_org()}
    if product_ids is not None:
        values["ids"] = id_array(product_ids)
    defaults: dict[UUID, LapseTerms] = {}
    saved: dict[UUID, list[LapseTerms]] = defaultdict(list)
    statement = _ALL_TERMS if product_ids is None else _TERMS_OF
    for product_id, class_code, category, *rule in read_rows(session, statement, values):
        defaults[product_id] = rules.default_terms(class_code, category)
        if any(rule):
            saved[product_id].append(_terms_read(rule))
    return {
        product_id: rules.cover_all_dates(saved[product_id], default)
        for product_id, default in defaults.items()
    }


def _terms_read(rule: Sequence[Any]) -> LapseTerms:
    found = dict(zip(_TERMS, rule, strict=True))
    return LapseTerms(**found | {"reminder_schedule": tuple(found["reminder_schedule"])})


def has_applied(session: Session, rule: LapseRule, *, on: date) -> bool:
    """Tell whether premiums that a rule covers have fallen due before a day."""
    until = min(on, rule.effective_to or on)
    values = {"product": rule.product_id, "since": rule.effective_from, "until": until}
    return bool(session.scalar(_HAS_APPLIED, {"org": current_org(), **values}))


def list_open_frequencies(
    session: Session, product_id: UUID, *, since: date, until: date
) -> list[str]:
    """Return the frequencies of a product's unpaid premiums due from one day before another."""
    values = {"org": current_org(), "product": product_id, "since": since, "until": until}
    return list(session.scalars(_OPEN_FREQUENCIES, values))


def holidays_around(session: Session, on: date) -> frozenset[date]:
    """Return the days off that any grace looked at on a day can meet, the tenant's own included."""
    own = read_rows(session, _OWN_HOLIDAYS, {"org": current_org()})
    working = {day for day, is_working in own if is_working}
    closed = {day for day, is_working in own if not is_working}
    return public_holidays(on.year - 10, on.year + 4) - working | closed


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """What a holder was told of a premium, and whether it has left."""

    notice: PremiumNotice
    due_date: date
    mail_sent: bool
    mail_error: str | None

    @property
    def is_proof(self) -> bool:
        """Tell whether it proves that the holder was told.

        The mail left, or a letter went that its registered number or a file of it shows.
        """
        if self.notice.mail_id is not None:
            return self.mail_sent
        return bool(self.notice.registered_number or self.notice.file_key)


@dataclass(frozen=True, slots=True)
class PolicyStanding:
    """Why and when a policy will lapse, with everything that the answer rests on."""

    policy: PolicyFacts
    forecast: Forecast
    terms: LapseTerms
    holds: Sequence[LapseHold]
    notices: Sequence[NoticeLine]
    anchor_line_id: UUID | None


def policy_forecast(
    session: Session, policy_id: UUID, on: date, *, collection_in_flight: bool = False
) -> Forecast:
    """Say when a policy will lapse and what stops it, as on a day."""
    return get_policy_standing(
        session, policy_id, on, collection_in_flight=collection_in_flight
    ).forecast


def get_policy_standing(
    session: Session, policy_id: UUID, on: date, *, collection_in_flight: bool = False
) -> PolicyStanding:
    """Return a policy's forecast with the terms, holds and notices behind it."""
    policy = get_policy_facts(session, policy_id)
    spans = list_terms(session, [policy.product_id])[policy.product_id]
    lines = _list_owed_lines(session, policy_id, on)
    holds = list_holds(session, policy_id)
    notices = list_notices(session, policy_id)
    seen = rules.standing(
        policy.status,
        policy.frequency,
        [Owed(line.due_date, line.amount - line.paid_amount) for line in lines],
        spans,
        policy.default_terms,
        holds=[_hold_of(hold) for hold in holds if hold.released_at is None],
        notices=_first_days(
            (line.due_date, line.notice.sent_on) for line in notices if _is_proof(line, on)
        ),
        collection_in_flight=collection_in_flight,
        money_held=bool(list_money_held(session, [policy_id], on=on)),
        on=on,
        holidays=holidays_around(session, on),
    )
    line_id = next((line.id for line in lines if line.due_date == seen.anchor), None)
    return PolicyStanding(policy, seen.forecast, seen.terms, holds, notices, line_id)


def _first_days(notices: Iterable[tuple[date, date]]) -> dict[date, date]:
    """Return the first day of the notices of each due date."""
    first: dict[date, date] = {}
    for due_date, sent_on in notices:
        first[due_date] = min(sent_on, first.get(due_date, sent_on))
    return first


_STANDING_OF = text(
    """
    SELECT p.id, p.status, p.frequency, p.product_id, pr.class_code, k.category
    FROM ins.policies p
    JOIN ins.products pr ON pr.org_id = p.org_id AND pr.id = p.product_id
    JOIN ins.product_classes k ON k.code = pr.class_code
    WHERE p.org_id = :org AND p.id = ANY(CAST(:policies AS uuid[]))
    """
)
_OWED_OF = text(
    """
    SELECT l.policy_id, l.due_date, l.amount - l.paid_amount AS owed FROM ins.premium_lines l
    WHERE l.org_id = :org AND l.policy_id = ANY(CAST(:policies AS uuid[]))
      AND l.status IN ('PENDING', 'OVERDUE') AND l.due_date <= :on AND l.amount > l.paid_amount
    ORDER BY l.policy_id, l.due_date, l.sequence
    """
)
_HOLDS_OF = text(
    """
    SELECT h.policy_id, h.reason, h.placed_on, h.expires_on FROM ins.lapse_holds h
    WHERE h.org_id = :org AND h.policy_id = ANY(CAST(:policies AS uuid[]))
      AND h.released_at IS NULL
    """
)
_TOLD_OF = text(
    """
    SELECT n.policy_id, l.due_date, n.sent_on
    FROM ins.premium_notices n
    JOIN ins.premium_lines l ON l.org_id = n.org_id AND l.id = n.premium_line_id
    LEFT JOIN ins.mails m ON m.org_id = n.org_id AND m.id = n.mail_id
    WHERE n.org_id = :org AND n.policy_id = ANY(CAST(:policies AS uuid[]))
      AND n.kind = 'NON_PAYMENT' AND n.sent_on <= :on
      AND (m.sent_at IS NOT NULL OR n.registered_number IS NOT NULL OR n.file_key IS NOT NULL)
    """
)


def list_forecasts(
    session: Session, policy_ids: Collection[UUID], on: date, *, collecting: Collection[UUID]
) -> dict[UUID, Forecast]:
    """Say when each of many policies will lapse and what stops it, as on a day.

    `collecting` are the policies with a collection under way.
    """
    values = {"org": current_org(), "policies": id_array(policy_ids), "on": on}
    policies = session.execute(_STANDING_OF, values).all()
    owed: dict[UUID, list[Owed]] = defaultdict(list)
    for policy_id, due_date, left in session.execute(_OWED_OF, values):
        owed[policy_id].append(Owed(due_date, left))
    holds: dict[UUID, list[Hold]] = defaultdict(list)
    for policy_id, *facts in session.execute(_HOLDS_OF, values):
        holds[policy_id].append(Hold(*facts))
    notices: dict[UUID, list[tuple[date, date]]] = defaultdict(list)
    for policy_id, due_date, sent_on in session.execute(_TOLD_OF, values):
        notices[policy_id].append((due_date, sent_on))
    with_money = list_money_held(session, policy_ids, on=on)
    spans = list_terms(session, {one.product_id for one in policies})
    holidays = holidays_around(session, on)
    return {
        one.id: rules.standing(
            one.status,
            one.frequency,
            owed[one.id],
            spans[one.product_id],
            rules.default_terms(one.class_code, one.category),
            holds=holds[one.id],
            notices=_first_days(notices[one.id]),
            collection_in_flight=one.id in collecting,
            money_held=one.id in with_money,
            on=on,
            holidays=holidays,
        ).forecast
        for one in policies
    }


def _list_owed_lines(session: Session, policy_id: UUID, on: date) -> Sequence[PremiumLine]:
    return session.scalars(
        select(PremiumLine)
        .where(
            PremiumLine.org_id == current_org(),
            PremiumLine.policy_id == policy_id,
            PremiumLine.status.in_([LineStatus.PENDING, LineStatus.OVERDUE]),
            PremiumLine.due_date <= on,
            PremiumLine.amount > PremiumLine.paid_amount,
        )
        .order_by(PremiumLine.due_date, PremiumLine.sequence)
    ).all()


def _hold_of(hold: LapseHold) -> Hold:
    return Hold(hold.reason, hold.placed_on, hold.expires_on)


def _is_proof(line: NoticeLine, on: date) -> bool:
    is_notice = line.notice.kind is NoticeKind.NON_PAYMENT and line.notice.sent_on <= on
    return is_notice and line.is_proof


def list_holds(session: Session, policy_id: UUID) -> Sequence[LapseHold]:
    """Return a policy's holds, the newest first."""
    return session.scalars(
        select(LapseHold)
        .where(LapseHold.org_id == current_org(), LapseHold.policy_id == policy_id)
        .order_by(LapseHold.id.desc())
    ).all()


def get_hold(session: Session, hold_id: UUID, *, lock: bool = False) -> LapseHold:
    """Return a hold of the organization in scope. Raises NotFoundError."""
    return get_record(session, LapseHold, hold_id, lock=lock, called="hold")


def get_notice(session: Session, policy_id: UUID, notice_id: UUID) -> PremiumNotice:
    """Return a notice of a policy. Raises NotFoundError."""
    notice = get_record(session, PremiumNotice, notice_id, called="notice")
    if notice.policy_id != policy_id:
        raise NotFoundError("There is no such notice.")
    return notice


def list_notices(session: Session, policy_id: UUID) -> list[NoticeLine]:
    """Return what a policy's holder was told of premiums, the newest first."""
    rows = session.execute(
        select(PremiumNotice, PremiumLine.due_date, Mail.sent_at, Mail.error)
        .join(
            PremiumLine,
            (PremiumLine.org_id == PremiumNotice.org_id)
            & (PremiumLine.id == PremiumNotice.premium_line_id),
        )
        .outerjoin(Mail, (Mail.org_id == PremiumNotice.org_id) & (Mail.id == PremiumNotice.mail_id))
        .where(PremiumNotice.org_id == current_org(), PremiumNotice.policy_id == policy_id)
        .order_by(PremiumNotice.id.desc())
    )
    return [
        NoticeLine(notice, due_date, sent_at is not None, error)
        for notice, due_date, sent_at, error in rows
    ]


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


_RULES = """
    WITH rules AS (
        SELECT * FROM jsonb_to_recordset(CAST(:rules AS jsonb)) AS r(
            scenario text, product_id uuid, valid_from date, valid_to date, monthly integer,
            quarterly integer, half_yearly integer, annual integer, business boolean,
            requires_notice boolean, tolerance numeric, email boolean, reminders jsonb)
    )
"""
_ANCHORED = """
    , owing AS MATERIALIZED (
        SELECT l.policy_id, min(l.due_date) AS oldest, sum(l.amount - l.paid_amount) AS arrears
        FROM ins.premium_lines l
        WHERE l.org_id = :org AND l.status IN ('PENDING', 'OVERDUE')
          AND l.due_date <= CAST(:on AS date) AND l.amount > l.paid_amount
        GROUP BY l.policy_id
    ), anchored AS MATERIALIZED (
        SELECT r.scenario, p.org_id, p.id AS policy_id, p.policy_number, p.status, p.product_id,
               p.customer_id, p.frequency, p.premium, o.arrears,
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
            SELECT CASE a.frequency WHEN 'MONTHLY' THEN t.monthly WHEN 'QUARTERLY' THEN t.quarterly
                   WHEN 'HALF_YEARLY' THEN t.half_yearly ELSE t.annual END AS days,
                   CASE WHEN t.requires_notice AND told.sent_on > a.anchor + CAST(:notice_days AS integer)
                   THEN told.sent_on ELSE a.anchor END AS since
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
        _ANCHORED,
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
_EVERY = text(
    "".join([_RULES, _BOOK, "SELECT b.policy_id, b.lapse_date, b.is_blocked FROM book b"])
)
_COUNTS = text(
    "".join(
        [
            _RULES,
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
            _RULES,
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
    return text("".join([_RULES, _BOOK, _LINES, _STATES[state], *after, _ORDER, _LIMIT]))


@cache
def _kept_statement(state: LapseState, is_later_page: bool, limit: int) -> str:
    after = [_AFTER] if is_later_page else []
    return constant("".join([_KEPT, _STATES[state], *after, _ORDER, f" LIMIT {limit:d}"]))


@cache
def _judged_statement(state: LapseState) -> str:
    book = _BOOK.replace(_OWED, _OWED_BY_THESE)
    return constant("".join([_RULES, book, _LINES, _STATES[state], _ORDER]))


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
    values = _values(session, _rows_of(list_terms(session)), on, collecting) | {"limit": limit + 1}
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
    values = _values(session, _rows_of(list_terms(session)), on, collecting)
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
    values = _values(session, _rows_of(list_terms(session)), on, collecting)
    values["ids"] = id_array(policy_id for _lapse_date, policy_id in listed.items)
    lines = [_arrears_line(row) for row in read_rows(session, _judged_statement(state), values)]
    return Page(lines, listed.next_cursor)


def count_lapse_states(
    session: Session, on: date, *, collecting: Collection[UUID] = ()
) -> dict[LapseState, int]:
    """Return how many policies in arrears stand where."""
    values = _values(session, _rows_of(list_terms(session)), on, collecting)
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
    rows = _rows_of(present) + _rows_of({product_id: [everywhere]}, _CHANGED)
    found = {row[0]: row for row in session.execute(_RISKS, _values(session, rows, on, collecting))}
    none = ("", 0, ZERO, 0, ZERO)
    now, changed = found.get(_NOW, none), found.get(_CHANGED, none)
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


def _rows_of(
    terms: Mapping[UUID, Iterable[LapseTerms]], scenario: str = _NOW
) -> list[dict[str, Any]]:
    return [
        {
            "scenario": scenario,
            "product_id": str(product_id),
            "valid_from": one.effective_from.isoformat(),
            "valid_to": one.effective_to.isoformat() if one.effective_to else None,
            "monthly": one.monthly_grace_days,
            "quarterly": one.quarterly_grace_days,
            "half_yearly": one.half_yearly_grace_days,
            "annual": one.annual_grace_days,
            "business": one.grace_period_type == rules.BUSINESS,
            "requires_notice": one.requires_notice,
            "tolerance": str(one.tolerance),
            "email": one.send_email_reminders,
            "reminders": list(one.reminder_schedule),
        }
        for product_id, spans in terms.items()
        for one in spans
    ]


@dataclass(frozen=True, slots=True)
class DueNotice:
    """A premium of which a holder is to be told today."""

    line_id: UUID
    policy_id: UUID
    due_date: date
    left: Decimal
    policy_number: str
    frequency: str
    product_id: UUID
    product_name: str
    category: str
    holder: str
    email: str
    grace_from: date | None

    def days_before(self, on: date) -> int:
        """Return how many days there are to the due date."""
        return (self.due_date - on).days


_TELL_ANYBODY = """
    SELECT l.id, l.policy_id, l.due_date, l.amount - l.paid_amount, p.policy_number, p.frequency,
           p.product_id, pr.name, k.category, c.display_name, coalesce(c.email, ''), (
               SELECT min(run.due_date) FROM (
                   SELECT o.due_date, sum(o.amount - o.paid_amount)
                          OVER (ORDER BY o.due_date, o.sequence) AS owed
                   FROM ins.premium_lines o
                   WHERE o.org_id = l.org_id AND o.policy_id = l.policy_id
                     AND o.status IN ('PENDING', 'OVERDUE') AND o.due_date < CAST(:on AS date)
               ) run WHERE run.owed > r.tolerance)
    FROM ins.premium_lines l
    JOIN ins.policies p ON p.org_id = l.org_id AND p.id = l.policy_id
    JOIN rules r ON r.product_id = p.product_id AND r.valid_from <= l.due_date
     AND (r.valid_to IS NULL OR l.due_date < r.valid_to)
    JOIN ins.customers c ON c.org_id = p.org_id AND c.id = p.customer_id
    JOIN ins.products pr ON pr.org_id = p.org_id AND pr.id = p.product_id
    JOIN ins.product_classes k ON k.code = pr.class_code
    WHERE l.org_id = :org AND l.status IN ('PENDING', 'OVERDUE') AND l.amount > l.paid_amount
"""
_TELL = "".join([_TELL_ANYBODY, " AND c.email <> ''"])
_REMINDERS = """
      AND p.status = 'active' AND r.email
      AND l.due_date = ANY(CAST(:due AS date[]))
      AND r.reminders @> to_jsonb(l.due_date - CAST(:on AS date))
      AND NOT EXISTS (
        SELECT 1 FROM ins.premium_notices n
        WHERE n.org_id = l.org_id AND n.premium_line_id = l.id AND n.kind = 'REMINDER'
          AND n.days_before = l.due_date - CAST(:on AS date) AND n.recipient = c.email)
"""
_NON_PAYMENTS = """
      AND p.status IN ('active', 'suspended')
      AND l.due_date BETWEEN CAST(:on AS date) - CAST(:days AS integer) AND CAST(:on AS date) - 1
      AND (SELECT sum(o.amount - o.paid_amount) FROM ins.premium_lines o
           WHERE o.org_id = l.org_id AND o.policy_id = l.policy_id
             AND o.status IN ('PENDING', 'OVERDUE') AND o.due_date <= l.due_date) > r.tolerance
      AND NOT EXISTS (
        SELECT 1 FROM ins.premium_notices n
        WHERE n.org_id = l.org_id AND n.premium_line_id = l.id AND n.kind = 'NON_PAYMENT')
"""
_TELL_ORDER = " ORDER BY l.due_date, l.id LIMIT :limit"
_DUE_REMINDERS = text("".join([_RULES, _TELL, _REMINDERS, _TELL_ORDER]))
_DUE_NON_PAYMENTS = text("".join([_RULES, _TELL, _NON_PAYMENTS, _TELL_ORDER]))


def list_due_reminders(
    session: Session, terms: Mapping[UUID, Sequence[LapseTerms]], *, on: date, limit: int
) -> list[DueNotice]:
    """Return the premiums whose holder is to be reminded today and was not."""
    steps = {step for spans in terms.values() for one in spans for step in one.reminder_schedule}
    values = {
        "org": current_org(),
        "on": on,
        "rules": json.dumps(_rows_of(terms)),
        "due": [on + timedelta(days=step) for step in sorted(steps)],
        "limit": limit,
    }
    return [DueNotice(*row) for row in session.execute(_DUE_REMINDERS, values)]


_ONE_NOTICE = text("".join([_RULES, _TELL_ANYBODY, " AND l.id = :line AND l.due_date < :on"]))


def find_notice(session: Session, line_id: UUID | None, *, on: date) -> DueNotice | None:
    """Return what the notice of non-payment of a premium says; None where it is not overdue."""
    if line_id is None:
        return None
    values = {
        "org": current_org(),
        "on": on,
        "rules": json.dumps(_rows_of(list_terms(session))),
        "line": line_id,
    }
    row = session.execute(_ONE_NOTICE, values).one_or_none()
    return DueNotice(*row) if row is not None else None


def list_due_non_payments(
    session: Session, terms: Mapping[UUID, Sequence[LapseTerms]], *, on: date, limit: int
) -> list[DueNotice]:
    """Return unpaid premiums whose holder is to be told by law and was not, while there is time."""
    values = {
        "org": current_org(),
        "on": on,
        "rules": json.dumps(_rows_of(terms)),
        "days": rules.NOTICE_DAYS,
        "limit": limit,
    }
    return [DueNotice(*row) for row in session.execute(_DUE_NON_PAYMENTS, values)]
