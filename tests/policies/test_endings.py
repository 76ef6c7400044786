"""Policies that end together end as they would have ended alone: the same rows, ids aside."""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from insurance.billing.queries import list_money_held
from insurance.core.db import db, finish_command, transaction
from insurance.core.errors import DomainError
from insurance.core.tenancy import current_org, tenant_scope
from insurance.lapses.services import place_hold
from insurance.ledger.periods import close_books
from insurance.month_end.models import StepCode
from insurance.policies.models import PolicyStatus
from insurance.policies.queries import get_policy
from insurance.policies.services import suspend_policy
from insurance.policies.services.lifecycle import expire, lapse
from insurance.policies.services.lifecycle_endings import end_policies
from insurance.policies.services.schedule_steps import keep_schedules
from insurance.products.models import ProjectionType
from tests.factories.lifecycle import at, pay, sell
from tests.factories.month_end import escalate_by, month_end
from tests.factories.organizations import OrganizationFacts
from tests.random_tries import by_chance, tries

DAY = date(2026, 11, 30)
REASON = "Month-end 2026/11/30"
_TABLES = {
    "policies": "p.id = ANY(:policies)",
    "policy_events": "p.policy_id = ANY(:policies)",
    "policy_versions": "p.policy_id = ANY(:policies)",
    "premium_lines": "p.policy_id = ANY(:policies)",
    "ledger_transfers": "p.policy_id = ANY(:policies)",
    "portfolio_counts": "p.policies <> 0",
    "audit_events": "p.resource_id = ANY(CAST(:policies AS text[]))",
    "mails": "TRUE",
    "jobs_outbox": "p.name = 'notifications.send_mail'",
}
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class _Rows:
    """The rows of policies by table, each new id named by the order in which it is met."""

    def __init__(self, session: Session, policies: list[UUID], known: set[str]) -> None:
        values = {"org": current_org(), "policies": policies}
        self.tables = {
            table: sorted(
                json.dumps(self._plain(dict(row), known), sort_keys=True, default=str)
                for row in session.execute(
                    text(f"SELECT p.* FROM ins.{table} p WHERE p.org_id = :org AND {mine}"), values
                ).mappings()
            )
            for table, mine in _TABLES.items()
        }

    @staticmethod
    def _plain(row: Mapping[str, Any], known: set[str]) -> dict[str, Any]:
        kept = {name: value for name, value in row.items() if name != "payload_hash"}
        told = json.dumps(kept, sort_keys=True, default=str)
        return json.loads(_ID.sub(lambda at: at[0] if at[0] in known else "new", told))


def _known(session: Session) -> set[str]:
    """Return every id there is before policies end."""
    found: set[str] = set()
    for table in _TABLES:
        rows = session.execute(
            text(f"SELECT p.* FROM ins.{table} p WHERE p.org_id = :org"), {"org": current_org()}
        )
        found |= {match[0] for match in _ID.finditer("\n".join(str(row) for row in rows))}
    rows = session.execute(
        text(
            "SELECT CAST(v.policy_snapshot AS text) FROM ins.policy_versions v WHERE v.org_id = :o"
        ),
        {"o": current_org()},
    )
    return found | {match[0] for match in _ID.finditer("\n".join(row[0] for row in rows))}


def _make_book(random: Random, policies: int, kinds: Sequence[str]) -> list[UUID]:
    """Return policies in all sorts of states, some with a term that is over."""
    made = []
    for number in range(policies):
        start = date(2025, random.choice((9, 10, 11)), random.choice((4, 11)))
        kind = random.choice(kinds)
        policy_id = sell(
            start,
            premium=f"{random.randint(90, 400)}.{random.randint(10, 99)}",
            product_type=kind,
            frequency=random.choice(("MONTHLY", "MONTHLY", "QUARTERLY")),
            term_years=1 if kind == "MOTOR" or (number and random.random() < 0.35) else 20,
            premium_projection_type=random.choice((ProjectionType.INDEXED, ProjectionType.LEVEL)),
        )
        _live(policy_id, start, random, is_held=number == 0)
        made.append(policy_id)
    return sorted(made)


def _live(policy_id: UUID, start: date, random: Random, *, is_held: bool) -> None:
    if random.random() < 0.5:
        pay(policy_id, f"{random.randint(50, 4000)}.00", start + timedelta(days=2))
    if random.random() < 0.3:
        with at(date(2026, 6, 1)) as now:
            suspend_policy(policy_id, reason="Asked for", on=date(2026, 6, 1), now=now)
    if is_held or random.random() < 0.15:
        with at(DAY) as now:
            place_hold(
                policy_id, reason="Dispute", expires_on=DAY + timedelta(days=9), on=DAY, now=now
            )


def _tell(session: Session, random: Random, share: float = 0.9) -> None:
    """Tell most holders of the premiums they owe."""
    rows = session.execute(
        text(
            "SELECT l.policy_id, l.id, l.due_date FROM ins.premium_lines l"
            " WHERE l.org_id = :org AND l.due_date <= :on ORDER BY l.policy_id, l.due_date, l.id"
        ),
        {"org": current_org(), "on": DAY},
    ).all()
    with transaction() as writing:
        for policy_id, line_id, due in rows:
            if random.random() < share:
                writing.execute(
                    text(
                        "INSERT INTO ins.premium_notices (org_id, id, policy_id, premium_line_id,"
                        " kind, days_before, recipient, sent_on, registered_number) VALUES (:org,"
                        " gen_random_uuid(), :policy, :line, 'NON_PAYMENT', 0, 'By post', :on,"
                        " 'RC 1')"
                    ),
                    {
                        "org": current_org(),
                        "policy": policy_id,
                        "line": line_id,
                        "on": due + timedelta(days=1),
                    },
                )


class _Undone(Exception):
    """Takes back what was done."""


def _alone(
    ids: list[UUID], known: set[str]
) -> tuple[_Rows, dict[UUID, tuple[str, date]], set[UUID]]:
    """End what can end one by one, look, and take it back."""
    days: dict[UUID, tuple[str, date]] = {}
    found: list[_Rows] = []
    with at(DAY) as now, suppress(_Undone), transaction() as session:
        for policy_id in ids:
            for kind in ("expiry", "lapse"):
                with suppress(DomainError), session.begin_nested():
                    if kind == "expiry":
                        outcome = expire(session, policy_id, on=DAY, now=now)
                    else:
                        outcome = lapse(session, policy_id, reason=REASON, on=DAY, now=now)
                    days[policy_id] = (kind, outcome.effective_date)
                    break
        finish_command(session)
        found.append(_Rows(session, ids, known))
        raise _Undone
    return found[0], days, set(ids) - set(days)


def _together(
    ids: list[UUID], days: Mapping[UUID, tuple[str, date]], known: set[str]
) -> tuple[_Rows, set[UUID]]:
    """End everything at once, what cannot end included, look, and take it back."""
    expiring = {one: day for one, (kind, day) in days.items() if kind == "expiry"}
    lapsing = {one: days[one][1] if one in days else DAY for one in ids if one not in expiring}
    found: list[tuple[_Rows, set[UUID]]] = []
    with at(DAY) as now, suppress(_Undone), transaction() as session:
        ended = end_policies(session, lapsing, expiring, reason=REASON, on=DAY, now=now)
        # Where money goes back a term ends alone, as a month-end does with what is left over.
        alone = expiring.keys() - ended
        assert alone == list_money_held(session, list(expiring), on=DAY) - ended
        for policy_id in sorted(alone):
            expire(session, policy_id, on=DAY, now=now)
        finish_command(session)
        found.append((_Rows(session, ids, known), ended | alone))
        raise _Undone
    return found[0]


@by_chance
@pytest.mark.parametrize("seed", range(tries(3, 12)))
def test_policies_end_together_as_they_end_alone(seed: int, session: Session) -> None:
    _compare(session, Random(seed), ("TERM_LIFE",))


def test_non_life_policies_end_together_as_they_end_alone(
    app: Flask, non_life_org: OrganizationFacts
) -> None:
    with app.app_context(), tenant_scope(non_life_org.id):
        _compare(db.session(), Random(5), ("MOTOR",))


def _compare(session: Session, random: Random, products: Sequence[str]) -> None:
    escalate_by("6")
    ids = _make_book(random, 18, products)
    ending = {StepCode.LAPSES, StepCode.EXPIRIES}
    if random.random() < 0.5:
        # What fell due is charged by the endings themselves, some of it into closed months.
        ending |= {StepCode.POST_PREMIUMS}
    month_end(date(2026, 10, 31), steps=frozenset(StepCode) - ending)
    if random.random() < 0.5:
        with at(DAY) as now:
            close_books(date(2026, 9, 30), reason="Audited", on=DAY, now=now)
    _tell(session, random)
    session.rollback()
    known = _known(session)

    alone, days, refused = _alone(ids, known)
    together, ended = _together(ids, days, known)

    assert ended == set(days)
    for table, rows in alone.tables.items():
        assert together.tables[table] == rows, table
    kinds = {kind for kind, _day in days.values()}
    assert "expiry" in kinds
    assert products == ("MOTOR",) or ("lapse" in kinds and refused)


def test_more_policies_take_no_more_statements(session: Session) -> None:
    policies = [sell(date(2026, 9, 4)) for _ in range(9)]
    with at(DAY) as now:
        keep_schedules(on=DAY, now=now)
    _tell(session, Random(1), 1)

    assert _statements(policies[:2]) == _statements(policies[2:])


def _statements(policies: Sequence[UUID]) -> int:
    """Return how many statements the lapses of policies take."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    days = dict.fromkeys(policies, date(2026, 9, 20))
    event.listen(db.engine, "before_cursor_execute", note)
    try:
        with at(DAY) as now, transaction() as session:
            ended = end_policies(session, days, {}, reason=REASON, on=DAY, now=now)
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    assert ended == set(policies)
    return len(seen)


def test_one_that_would_end_on_another_day_is_left_for_itself(session: Session) -> None:
    late, other = sell(date(2026, 9, 4)), sell(date(2026, 9, 4))
    with at(DAY) as now:
        keep_schedules(on=DAY, now=now)
    _tell(session, Random(1), 1)
    days = {late: date(2026, 9, 20), other: date(2026, 9, 21)}

    with at(DAY) as now, transaction() as writing:
        ended = end_policies(writing, days, {}, reason=REASON, on=DAY, now=now)

    assert ended == {late}
    assert get_policy(session, other).status is PolicyStatus.ACTIVE
