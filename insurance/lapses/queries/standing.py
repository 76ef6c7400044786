"""Where a policy stands: its arrears, grace, holds and notices."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from insurance.billing.models import PremiumLine
from insurance.billing.queries import list_money_held
from insurance.core.bulk import id_array
from insurance.core.errors import NotFoundError
from insurance.core.records import get_record
from insurance.core.tenancy import current_org
from insurance.lapses import rules
from insurance.lapses.models import LapseHold, NoticeKind, PremiumNotice
from insurance.lapses.queries.terms import (
    PolicyFacts,
    frequency_on,
    get_policy_facts,
    holidays_around,
    list_terms,
)
from insurance.lapses.rules import Forecast, Hold, LapseTerms, Owed
from insurance.notifications.models import Mail


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
    lines = _list_owed_lines(session, [policy_id], on)
    holds = list_holds(session, policy_id)
    notices = list_notices(session, policy_id)
    seen = rules.standing(
        policy.status,
        [_owed_of(line) for line in lines],
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
    SELECT p.id, p.status, p.product_id, pr.class_code, k.category
    FROM ins.policies p
    JOIN ins.products pr ON pr.org_id = p.org_id AND pr.id = p.product_id
    JOIN ins.product_classes k ON k.code = pr.class_code
    WHERE p.org_id = :org AND p.id = ANY(CAST(:policies AS uuid[]))
    """
)
_OWED_OF = text(
    "".join(
        [
            "SELECT l.id, l.policy_id, l.due_date, l.amount - l.paid_amount AS owed, ",
            frequency_on("l.policy_id", "l.due_date", "p.frequency"),
            """ AS frequency
    FROM ins.premium_lines l
    JOIN ins.policies p ON p.org_id = l.org_id AND p.id = l.policy_id
    WHERE l.org_id = :org AND l.policy_id = ANY(CAST(:policies AS uuid[]))
      AND l.status IN ('PENDING', 'OVERDUE') AND l.due_date <= :on AND l.amount > l.paid_amount
    ORDER BY l.policy_id, l.due_date, l.sequence
    """,
        ]
    )
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
    for line in _list_owed_lines(session, policy_ids, on):
        owed[line.policy_id].append(_owed_of(line))
    holds: dict[UUID, list[Hold]] = defaultdict(list)
    for policy_id, *facts in session.execute(_HOLDS_OF, values):
        holds[policy_id].append(Hold(*facts))
    notices: dict[UUID, list[tuple[date, date]]] = defaultdict(list)
    for policy_id, due_date, sent_on in session.execute(_TOLD_OF, values):
        notices[policy_id].append((due_date, sent_on))
    with_money = list_money_held(session, policy_ids, on=on)
    spans = list_terms(session, {policy.product_id for policy in policies})
    holidays = holidays_around(session, on)
    return {
        policy.id: rules.standing(
            policy.status,
            owed[policy.id],
            spans[policy.product_id],
            rules.default_terms(policy.class_code, policy.category),
            holds=holds[policy.id],
            notices=_first_days(notices[policy.id]),
            collection_in_flight=policy.id in collecting,
            money_held=policy.id in with_money,
            on=on,
            holidays=holidays,
        ).forecast
        for policy in policies
    }


def list_owed(session: Session, policy_id: UUID, on: date) -> list[Owed]:
    """Return what is left of each premium of a policy that has fallen due, the oldest first."""
    return [_owed_of(line) for line in _list_owed_lines(session, [policy_id], on)]


def _list_owed_lines(
    session: Session, policy_ids: Collection[UUID], on: date
) -> Sequence[Row[Any]]:
    values = {"org": current_org(), "policies": id_array(policy_ids), "on": on}
    return session.execute(_OWED_OF, values).all()


def _owed_of(line: Row[Any]) -> Owed:
    return Owed(line.due_date, line.owed, line.frequency)


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
