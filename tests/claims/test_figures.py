"""Reports on claims from kept sums say what the claims say, at every moment and for any period."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from threading import Barrier
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.claims.models import Assignment
from insurance.claims.reports import REPORTS, ReportRequest, run_report
from insurance.claims.services import (
    HandlingSettings,
    change_settings,
    close_claim,
    count_claims,
    reopen_claim,
    void_payment,
    watch_deadlines,
)
from insurance.core.db import db, transaction
from insurance.core.errors import DomainError
from insurance.core.tenancy import current_org, tenant_scope
from insurance.policies.replay import find_differences
from tests.factories.book import TODAY
from tests.factories.claims import ASSESSOR, MANAGER, account, acting, assess, claim, complete, pay
from tests.factories.lifecycle import sell
from tests.random_tries import by_chance, tries

START = date(2026, 9, 20)
PERIOD = " WHERE c.org_id = :org AND c.submitted_on BETWEEN :start AND :end"
MONEY = """
    FROM ins.claims c JOIN ins.products p ON p.org_id = c.org_id AND p.id = c.product_id
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount) FILTER (WHERE kind = 'RESERVE'), 0) AS reserve,
               coalesce(sum(amount) FILTER (WHERE kind = 'PAID'), 0) AS paid,
               coalesce(sum(amount) FILTER (WHERE kind IN ('PAID', 'APPROVED')), 0) AS approved
        FROM ins.claim_entries e WHERE e.org_id = c.org_id AND e.claim_id = c.id) m"""
PLAIN = {
    "causes": f"""
        SELECT p.name, c.claim_type, c.cause, count(*), sum(c.total_claimed), sum(m.approved),
               sum(m.paid)
        {MONEY} {PERIOD} GROUP BY 1, 2, 3, p.id ORDER BY 1, 2, 3, p.id""",
    "reserves": f"""
        SELECT p.name, c.status, count(*), sum(m.reserve)
        {MONEY} {PERIOD} AND m.reserve <> 0 GROUP BY 1, 2, p.id ORDER BY 1, 2, p.id""",
    "ageing": f"""
        SELECT age, count(*), sum(claimed), sum(reserve), sum(overdue) FROM (
            SELECT CASE WHEN :on - c.submitted_on <= 7 THEN '0 to 7 days'
                        WHEN :on - c.submitted_on <= 30 THEN '8 to 30 days'
                        WHEN :on - c.submitted_on <= 90 THEN '31 to 90 days'
                        ELSE 'over 90 days' END AS age, :on - c.submitted_on AS days,
                   c.total_claimed AS claimed, m.reserve,
                   CASE WHEN c.breached_at IS NULL THEN 0 ELSE 1 END AS overdue
            {MONEY} {PERIOD}
              AND c.status IN ('SUBMITTED', 'PENDING_DOCUMENTS', 'UNDER_ASSESSMENT')) o
        GROUP BY age ORDER BY min(days)""",
    "turnaround": f"""
        SELECT p.name, count(*), round(avg(extract(epoch FROM documents_complete_at - submitted_at))
                   / 86400, 9),
               round(avg(extract(epoch FROM decided_at - documents_complete_at)) / 86400, 9),
               round(avg(extract(epoch FROM paid_at - decided_at)) / 86400, 9),
               count(*) FILTER (WHERE decided_at <= due_at),
               count(*) FILTER (WHERE decided_at > due_at)
        FROM ins.claims c JOIN ins.products p ON p.org_id = c.org_id AND p.id = c.product_id
        LEFT JOIN (SELECT claim_id, min(paid_at) AS paid_at FROM ins.claim_payments
                   WHERE org_id = :org AND status = 'PAID' GROUP BY claim_id) y ON y.claim_id = c.id
        {PERIOD} GROUP BY 1, p.id ORDER BY 1, p.id""",
    "large": f"""
        SELECT c.claim_number, y.policy_number, p.name, c.status, c.event_date, c.total_claimed,
               m.paid, m.reserve
        {MONEY} JOIN ins.policies y ON y.org_id = c.org_id AND y.id = c.policy_id
        {PERIOD} AND c.total_claimed >= 60000 ORDER BY c.total_claimed DESC, c.id DESC""",
}  # fmt: skip
"""Each report as a plain statement over the rows."""


@pytest.fixture(autouse=True)
def _large_losses(session: Session) -> None:
    """Call losses from 60 000 on large."""
    change_settings(
        HandlingSettings(
            days_by_class={},
            other_days=10,
            payee_change_days=0,
            early_claim_days=0,
            large_loss=Decimal("60000.00"),
            assignment=Assignment.BY_HAND,
        )
    )


def _change(random: Random, policies: list[UUID], made: list[UUID], day: date) -> None:
    """Do anything to claims; what is refused changes nothing."""
    if len(made) < 2 or random.random() < 0.2:
        amount = random.choice(("100.00", "59999.99", "60000.00", "100000.00"))
        cause = random.choice(("ACCIDENT", "NATURAL"))
        to = [account(f"62{random.randint(10**8, 10**9 - 1)}")]
        one = claim(random.choice(policies), amount, day=day, cause=cause, payees=to)
        made.append(one.id)
        return
    one = random.choice(made)
    act = random.randint(0, 9)
    if act in (0, 1):
        complete(one, day)
    elif act in (2, 3):
        complete(one, day)
        assess(one, random.choice(("0", "100.00", "40.00")), day=day)
    elif act in (4, 5, 6):
        complete(one, day)
        with suppress(DomainError):
            assess(one, "100.00", day=day)
        pay(one, random.choice(("40.00", "60.00")), reference=f"PAY-{random.random()}", day=day)
    elif act == 7:
        with acting(MANAGER, day) as now:
            watch_deadlines(now=now)
    elif act == 8:
        with acting(MANAGER, day) as now:
            close = random.choice((close_claim, reopen_claim))
            close(one, reason="Told otherwise", on=day, now=now)
    else:
        paid = text("SELECT id FROM ins.claim_payments WHERE org_id = :org AND status = 'PAID'")
        found = db.session().scalars(paid, {"org": current_org()}).all()
        db.session().rollback()
        if found:
            with acting(ASSESSOR, day) as now:
                void_payment(random.choice(found), reason="Wrong account", on=day, now=now)


def _compare(random: Random, on: date) -> None:
    session = db.session()
    start = START + timedelta(days=random.randint(-30, 60))
    end = random.choice((on, start + timedelta(days=random.randint(0, 130))))
    wanted = ReportRequest(start=start, end=end, on=on)
    values = {"org": current_org(), "start": start, "end": end, "on": on}
    for code, statement in PLAIN.items():
        names = {name: value for name, value in values.items() if f":{name}" in statement}
        expected = [tuple(row) for row in session.execute(text(statement), names)]
        found = [row.cells for row in run_report(session, REPORTS[code], wanted, limit=100)]
        places = [n for n, one in enumerate(REPORTS[code].columns) if one.kind == "number"]
        assert all(type(row[place]) is int for row in found for place in places)
        if code == "turnaround":
            found = [tuple(_rounded(cell) for cell in row) for row in found]
        assert found == expected, code
    session.rollback()


def _rounded(cell: object) -> object:
    return round(cell, 9) if isinstance(cell, Decimal) and cell % 1 else cell


@by_chance
@pytest.mark.parametrize("seed", range(tries(2, 12)))
def test_reports_say_what_the_claims_say_counted_or_not(session: Session, seed: int) -> None:
    random, day = Random(seed), START
    policies = [sell(START) for _ in range(4)]
    made: list[UUID] = []
    for _ in range(18):
        day += timedelta(days=random.randint(0, 6))
        with suppress(DomainError):
            _change(random, policies, made, day)
        if random.random() < 0.3:
            count_claims(most=random.choice((1, None)))
        _compare(random, day)
    assert find_differences()[1] == []
    count_claims()
    _compare(random, day)

    assert count_claims() == 0


def test_a_page_of_large_losses_goes_on_where_the_last_ended(session: Session) -> None:
    policies = [sell(START) for _ in range(3)]
    amounts = ("60000.00", "70000.00", "80000.00")
    for policy_id, amount in zip(policies, amounts, strict=True):
        claim(policy_id, amount)
    claim(sell(START), "59999.99")
    wanted = ReportRequest(start=START, end=TODAY, on=TODAY)

    first = run_report(session, REPORTS["large"], wanted, limit=1)
    last = run_report(session, REPORTS["large"], wanted, limit=5, offset=1)

    assert [row.cells[5] for row in first] == [Decimal(amounts[2]), Decimal(amounts[1])]
    assert [row.cells[5] for row in last] == [Decimal(amounts[1]), Decimal(amounts[0])]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("UPDATE ins.claim_figures SET paid = paid + 1 WHERE org_id = :org", "claims of "),
        ("UPDATE ins.claims_counted SET late = late + 1 WHERE org_id = :org", "claim CLM-"),
        ("UPDATE ins.claims SET total_claimed = 1 WHERE org_id = :org", "claim CLM-"),
    ],
)
def test_a_wrong_sum_is_named_by_the_proof(session: Session, change: str, named: str) -> None:
    claim(sell(START))
    count_claims()
    assert find_differences()[1] == []
    session.rollback()

    session.execute(text(change), {"org": current_org()})
    found = find_differences()[1]
    session.rollback()

    assert any(one.startswith(named) for one in found)


def test_nothing_is_counted_twice_while_others_change_count_and_read(
    app: Flask, session: Session
) -> None:
    org_id, policies = current_org(), [sell(START) for _ in range(3)]
    session.rollback()
    together = Barrier(3)

    def work(place: int) -> None:
        with app.app_context(), tenant_scope(org_id):
            random, made = Random(place), list[UUID]()
            together.wait()
            for _ in range(6):
                with suppress(DomainError):
                    _change(random, [policies[place]], made, TODAY)
                count_claims()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))

    assert find_differences()[1] == []
    count_claims()
    assert find_differences()[1] == []
    _compare(Random(1), TODAY)


def test_a_claim_that_is_noted_twice_is_counted_once(session: Session) -> None:
    one = claim(sell(START))
    with transaction() as writing:
        writing.execute(
            text(
                "INSERT INTO ins.claims_uncounted (org_id, id, claim_ids)"
                " VALUES (:org, gen_random_uuid(), ARRAY[CAST(:id AS uuid), CAST(:id AS uuid)])"
            ),
            {"org": current_org(), "id": one.id},
        )
    _compare(Random(2), TODAY)
    count_claims()
    _compare(Random(2), TODAY)
