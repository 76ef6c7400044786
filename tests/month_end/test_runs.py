"""Planning, approving and applying a month-end."""

import json
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.billing.models import LineStatus
from insurance.billing.queries import list_premium_lines
from insurance.claims.queries import get_claim
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError, ForbiddenError
from insurance.core.ids import new_id
from insurance.core.period import add_years
from insurance.core.tenancy import current_org
from insurance.jobs.claims import watch_deadlines
from insurance.lapses.services import record_notice
from insurance.ledger.periods import close_books
from insurance.ledger.queries import closed_through, list_policy_transfers
from insurance.month_end import queries
from insurance.month_end.models import ExceptionKind, RunStatus, StepCode
from insurance.month_end.services import (
    WantedRun,
    amount_of,
    apply_run,
    approve_run,
    cancel_run,
    counts_of,
    effects_of,
    finish_now,
    record_escalation_notice,
    record_refusal,
    request_run,
    retry_run,
    withdraw_refusal,
)
from insurance.month_end.services.effects import Effect, Work
from insurance.month_end.services.escalations import load_escalations
from insurance.month_end.services.steps import apply_steps
from insurance.policies.models import PolicyStatus
from insurance.policies.queries import get_policy, list_benefits, list_versions
from insurance.policies.replay import find_differences
from insurance.policies.services import expire_policy, suspend_policy
from insurance.policies.services.schedule_steps import keep_schedules
from insurance.products.models import ProjectionType
from tests.factories.claims import claim, complete
from tests.factories.lifecycle import MAKER, at, pay, sell
from tests.factories.month_end import (
    EVERYTHING,
    carry_out,
    escalate_by,
    make_index,
    month_end,
    plan,
)

D = Decimal
INDEXED = {"premium_projection_type": ProjectionType.INDEXED}
START = date(2025, 11, 5)
DAY = date(2026, 11, 30)


def _premium(session: Session, policy_id: UUID) -> Decimal:
    session.rollback()
    session.expire_all()
    return get_policy(session, policy_id).premium


def _told_to_lapse(policy_id: UUID, due: date) -> None:
    told = due + timedelta(days=2)
    with at(told) as now:
        record_notice(
            policy_id,
            recipient="By post",
            registered_number="RC 123 456 789 ZA",
            sent_on=told,
            on=told,
            now=now,
        )


def test_a_plan_says_what_would_happen_and_changes_nothing(session: Session) -> None:
    policy_id = sell(START, premium="310.00", **INDEXED)
    escalate_by("6")

    run = plan(DAY)

    assert run.status is RunStatus.PLANNED
    assert (effects_of(run, StepCode.ANNIVERSARIES), amount_of(run, StepCode.ANNIVERSARIES)) == (
        1,
        D("18.60"),
    )
    assert effects_of(run, StepCode.POST_PREMIUMS) == 1
    assert _premium(session, policy_id) == D("310.00")
    assert len(list_premium_lines(session, policy_id)) == 12
    rise = queries.list_effects(session, run.id, limit=9, step=StepCode.ANNIVERSARIES).items[0]
    assert (rise.before["premium"], rise.after["premium"]) == ("310.00", "328.60")
    assert rise.status == "PLANNED"


def test_applying_does_exactly_what_was_planned(session: Session) -> None:
    policy_id = sell(START, premium="310.00", **INDEXED)
    escalate_by("6")
    planned = plan(DAY)

    run = carry_out(planned)

    assert run.status is RunStatus.COMPLETED
    assert run.hash == planned.hash
    assert _premium(session, policy_id) == D("328.60")
    lines = list_premium_lines(session, policy_id)
    assert [one.amount for one in lines[11:14]] == [D("310.00"), D("328.60"), D("328.60")]
    assert lines[12].due_date == date(2026, 11, 5)
    assert lines[12].posted_at is not None
    assert lines[12].status is LineStatus.OVERDUE
    assert {one.status for one in queries.list_effects(session, run.id, limit=50).items} <= {
        "APPLIED",
        "LISTED",
        "BLOCKED",
    }


def test_three_runs_are_one_increase(session: Session) -> None:
    policy_id = sell(START, premium="310.00", **INDEXED)
    escalate_by("6")

    first, second, third = month_end(DAY), month_end(DAY), month_end(DAY)

    assert effects_of(first, StepCode.ANNIVERSARIES) == 1
    changing = set(StepCode) - {StepCode.LAPSE_CANDIDATES}
    assert all(effects_of(run, step) == 0 for run in (second, third) for step in changing)
    assert _premium(session, policy_id) == D("328.60")


def test_the_chain_of_rises_is_on_the_billed_premium(session: Session) -> None:
    policy_id = sell(date(2021, 11, 5), premium="310.00", **INDEXED)
    escalate_by("6")

    billed = []
    for year in range(2022, 2027):
        month_end(date(year, 11, 30), steps=EVERYTHING - {StepCode.LAPSES})
        billed.append(_premium(session, policy_id))

    assert billed == [D("328.60"), D("348.32"), D("369.22"), D("391.37"), D("414.85")]


def test_months_that_were_missed_are_caught_up(session: Session) -> None:
    done, missed = (sell(date(2025, 1, 31), **INDEXED) for _ in range(2))
    escalate_by("10")
    steps = EVERYTHING - {StepCode.LAPSES}
    with at(date(2026, 1, 31)) as now:
        keep_schedules(on=date(2026, 1, 31), now=now)
    month_end(date(2026, 1, 31), steps=steps)
    month_end(date(2026, 6, 30), steps=steps)

    for policy_id in (done, missed):
        assert _premium(session, policy_id) == D("110.00")
    dues = [one.due_date for one in list_premium_lines(session, done) if one.kind == "PREMIUM"]
    assert dues[12:18] == [
        date(2026, 1, 31),
        date(2026, 2, 28),
        date(2026, 3, 31),
        date(2026, 4, 30),
        date(2026, 5, 31),
        date(2026, 6, 30),
    ]


def test_a_rise_of_a_period_that_was_charged_is_charged_on_top(session: Session) -> None:
    policy_id = sell(START, premium="310.00", **INDEXED)
    escalate_by("6")
    with at(date(2026, 11, 10)) as now:
        keep_schedules(on=date(2026, 11, 10), now=now)

    month_end(DAY)

    extra = [one for one in list_premium_lines(session, policy_id) if one.kind == "ADJUSTMENT"]
    assert [one.amount for one in extra] == [D("18.60")]
    posted = list_policy_transfers(session, policy_id, limit=50).items
    assert D("18.60") in {one.amount for one in posted}


def test_credit_pays_what_month_end_charges_as_planned(session: Session) -> None:
    policy_id = sell(START, premium="310.00", **INDEXED)
    escalate_by("6")
    pay(policy_id, "4048.60", date(2026, 10, 31))

    run = month_end(DAY)

    assert run.status is RunStatus.COMPLETED
    assert effects_of(run, StepCode.MARK_OVERDUE) == 0
    assert list_premium_lines(session, policy_id)[12].status is LineStatus.PAID


_LEFT_BY_A_MONTH = {
    "policy": """
        SELECT premium, coverage_amount, current_version, rating, status FROM ins.policies
        WHERE org_id = :org AND id = :policy
    """,
    "history": """
        SELECT event_type, category, effective_date, description,
               (payload - ARRAY['endorsement_id', 'line_id', 'state']), payload -> 'state' -> 'premium',
               payload -> 'state' -> 'coverage_amount', actor
        FROM ins.policy_events
        WHERE org_id = :org AND policy_id = :policy
          AND event_type IN ('ANNIVERSARY', 'PREMIUM_DUE', 'PREMIUM_OVERDUE') ORDER BY sequence
    """,
    "versions": """
        SELECT version_number, effective_date, snapshot_date, change_reason, change_description,
               policy_snapshot #> '{policy,premium}', policy_snapshot #> '{policy,due_day}',
               policy_snapshot #> '{benefits,0,sum_assured}',
               jsonb_array_length(policy_snapshot #> '{benefits,0,layers}')
        FROM ins.policy_versions
        WHERE org_id = :org AND policy_id = :policy AND change_reason = 'Anniversary'
    """,
    "endorsements": """
        SELECT type, status, effective_date, change, reason, priced_on_version, priced, created_at,
               created_by, issued_at, applied_at, version_number
        FROM ins.endorsements WHERE org_id = :org AND policy_id = :policy
    """,
    "benefits": """
        SELECT b.premium, b.sum_assured, l.number, l.amount, l.starts_on, l.waiting_days,
               l.waiting_until, l.reason
        FROM ins.policy_benefits b
        JOIN ins.policy_benefit_layers l ON l.org_id = b.org_id AND l.policy_benefit_id = b.id
        WHERE b.org_id = :org AND b.policy_id = :policy ORDER BY b.display_order, l.number
    """,
    "lines": """
        SELECT kind, sequence, due_date, period_end, amount, whole_days, posted_at IS NULL,
               paid_amount, status
        FROM ins.premium_lines WHERE org_id = :org AND policy_id = :policy
        ORDER BY kind, sequence
    """,
    "ledger": """
        SELECT type, effective_date, debit_account, credit_account, amount
        FROM ins.ledger_transfers
        WHERE org_id = :org AND policy_id = :policy
        ORDER BY type, effective_date, debit_account, credit_account, amount
    """,
    "audit": """
        SELECT action, user_label, before, after FROM ins.audit_events
        WHERE org_id = :org AND resource_id = CAST(:policy AS text)
          AND action = 'policies.anniversary'
    """,
}
_STEPS_WITH_ROWS = text(
    """
    SELECT step, has_rows FROM ins.month_end_effects
    WHERE run_id = :run AND policy_id = :policy
      AND step IN ('ANNIVERSARIES', 'EXTEND_SCHEDULES', 'POST_PREMIUMS', 'MARK_OVERDUE')
    """
)
_PLANNED_VERSIONS = text(
    """
    SELECT CAST(items AS uuid[]) FROM ins.month_end_rows
    WHERE run_id = :run AND target = 'versions' AND name = 'policy_id'
    """
)


@pytest.mark.parametrize(
    ("paid", "paid_on"),
    [
        pytest.param("4030.00", date(2026, 11, 4), id="all that was due"),
        pytest.param("4030.01", date(2026, 11, 4), id="a cent more"),
        pytest.param("4340.00", date(2026, 11, 4), id="a premium ahead"),
        pytest.param("3820.00", date(2026, 10, 4), id="credit for a part of what falls due"),
        pytest.param("4100.00", date(2026, 10, 4), id="credit for more than falls due"),
        pytest.param("3600.50", date(2026, 11, 4), id="too little"),
        pytest.param("310.00", date(2026, 11, 4), id="one premium of thirteen"),
    ],
)
def test_a_month_whose_rows_are_planned_leaves_what_one_written_at_once_leaves(
    session: Session, paid: str, paid_on: date
) -> None:
    planned, at_once = (sell(START, premium="310.00", **INDEXED) for _ in range(2))
    escalate_by("6", cover_rate=D("5"))
    with at(date(2026, 10, 20)) as now:
        keep_schedules(on=date(2026, 10, 20), now=now)
    for policy_id in (planned, at_once):
        pay(policy_id, paid, paid_on)
    with at(DAY) as now, transaction() as writing:
        work = Work(
            steps=EVERYTHING,
            on=DAY,
            now=now,
            since=add_years(DAY, -1),
            escalations=load_escalations(writing, DAY, [at_once]),
        )
        apply_steps(writing, [at_once], work)

    run = month_end(DAY)

    # Whatever writes to it does so from rows of the plan, which has the version of its rise.
    effects = session.execute(_STEPS_WITH_ROWS, {"run": run.id, "policy": planned}).all()
    assert ("ANNIVERSARIES", True) in effects
    assert all(has_rows for _step, has_rows in effects)
    assert list(session.scalars(_PLANNED_VERSIONS, {"run": run.id})) == [[planned]]
    for what, statement in _LEFT_BY_A_MONTH.items():
        by_plan, directly = (
            session.execute(text(statement), {"org": current_org(), "policy": policy_id}).all()
            for policy_id in (planned, at_once)
        )
        assert by_plan == directly, what
    assert find_differences()[1] == []


def test_cover_rises_by_its_own_rate_in_a_layer_that_does_not_wait(session: Session) -> None:
    policy_id = sell(START, premium="310.00", **INDEXED)
    escalate_by("6", cover_rate=D("5"))

    month_end(DAY)

    session.rollback()
    (benefit,) = list_benefits(session, policy_id)
    assert benefit.benefit.sum_assured == D("105000.00")
    assert benefit.layers[-1].waiting_until == date(2026, 11, 5)
    assert get_policy(session, policy_id).coverage_amount == D("105000.00")


def test_cpi_of_three_months_before_decides_within_floor_and_cap(session: Session) -> None:
    policy_id = sell(START, premium="260.00", **INDEXED)
    escalate_by("", floor=D("5"), cap=D("10"))
    make_index(date(2026, 8, 1), "7.45")

    month_end(DAY)

    assert _premium(session, policy_id) == D("279.37")


def test_without_cpi_for_the_month_the_plan_is_refused_with_what_to_do(session: Session) -> None:
    sell(START, **INDEXED)
    escalate_by("", floor=D("5"), cap=D("10"))

    with pytest.raises(DomainError, match="no CPI for August 2026. Add it"):
        plan(DAY)

    run = plan(DAY, steps=EVERYTHING - {StepCode.ANNIVERSARIES})
    assert run.status is RunStatus.PLANNED


def test_a_holder_who_refuses_keeps_the_premium(session: Session) -> None:
    policy_id, level = (sell(START, premium="310.00", **INDEXED) for _ in range(2))
    escalate_by("6")
    escalate_by("9", policy_id=policy_id)
    escalate_by("", type=ProjectionType.LEVEL, policy_id=level)
    with at(date(2026, 10, 2)) as now:
        record_refusal(policy_id, refused_from=date(2026, 11, 5), reason="Letter", now=now)

    run = month_end(DAY)

    assert effects_of(run, StepCode.ANNIVERSARIES) == 0
    assert {_premium(session, one) for one in (policy_id, level)} == {D("310.00")}


def test_a_refusal_that_was_withdrawn_lets_later_rises_through(session: Session) -> None:
    policy_id = sell(date(2024, 11, 5), premium="310.00", **INDEXED)
    escalate_by("6")
    with at(date(2025, 10, 2)) as now:
        record_refusal(policy_id, refused_from=date(2025, 11, 5), reason="Letter", now=now)
    month_end(date(2025, 11, 30), steps=EVERYTHING - {StepCode.LAPSES})
    assert _premium(session, policy_id) == D("310.00")
    with at(date(2026, 10, 2)) as now:
        withdraw_refusal(policy_id, withdrawn_from=date(2026, 11, 5), reason="Call", now=now)

    month_end(DAY, steps=EVERYTHING - {StepCode.LAPSES})

    assert _premium(session, policy_id) == D("328.60")


def test_a_refusal_since_the_plan_leaves_the_policy_out(session: Session) -> None:
    policy_id = sell(START, premium="310.00", **INDEXED)
    escalate_by("6")
    planned = plan(DAY)
    with at(DAY) as now:
        record_refusal(policy_id, refused_from=date(2026, 11, 5), reason="Letter", now=now)

    run = carry_out(planned)

    assert run.status is RunStatus.COMPLETED_WITH_EXCEPTIONS
    assert _premium(session, policy_id) == D("310.00")


def test_a_rise_that_needs_notice_waits_for_its_proof(session: Session) -> None:
    told, untold = (sell(START, premium="310.00", **INDEXED) for _ in range(2))
    escalate_by("6", requires_notice=True)
    with at(date(2026, 10, 2)) as now:
        record_escalation_notice(
            told,
            date(2026, 11, 5),
            recipient="palesa@example.org",
            sent_on=date(2026, 10, 2),
            evidence="RE123456785ZA",
            on=date(2026, 10, 2),
            now=now,
        )

    run = month_end(DAY)

    assert (_premium(session, told), _premium(session, untold)) == (D("328.60"), D("310.00"))
    blocked = queries.list_effects(
        session, run.id, limit=9, policy_id=untold, step=StepCode.ANNIVERSARIES
    ).items
    assert [one.status for one in blocked] == ["BLOCKED"]


def test_a_notice_that_was_kept_without_evidence_proves_nothing_until_it_has_some(
    session: Session,
) -> None:
    policy_id = sell(START, premium="310.00", **INDEXED)
    escalate_by("6", requires_notice=True)
    sent = date(2026, 10, 2)
    told = {"recipient": "palesa@example.org", "sent_on": sent, "on": sent}
    with at(sent) as now:
        with pytest.raises(DomainError, match="a day alone proves nothing"):
            record_escalation_notice(policy_id, date(2026, 11, 5), evidence=" ", now=now, **told)
        kept = record_escalation_notice(
            policy_id, date(2026, 11, 5), evidence="RE1", now=now, **told
        )
        kept.evidence = None
        session.commit()

    assert month_end(DAY).status is RunStatus.COMPLETED
    assert _premium(session, policy_id) == D("310.00")
    with at(sent) as now:
        again = record_escalation_notice(
            policy_id, date(2026, 11, 5), evidence="RE123456785ZA", now=now, **told
        )

    assert (again.id, again.evidence) == (kept.id, "RE123456785ZA")


def test_a_rise_without_proof_is_named_once_also_where_credit_pays(session: Session) -> None:
    policy_id = sell(START, premium="310.00", **INDEXED)
    escalate_by("6", requires_notice=True)
    pay(policy_id, "4100.00", date(2026, 10, 31))

    run = month_end(DAY)

    assert run.status is RunStatus.COMPLETED
    assert effects_of(run, StepCode.ANNIVERSARIES) == 1
    assert _premium(session, policy_id) == D("310.00")


def test_an_effect_is_hashed_as_the_json_of_all_it_says() -> None:
    policy_id, product_id = new_id(), new_id()
    known = {"premium": D("310.00"), "since": START, "listed": ['a "word"', "é"], "event": 3}
    effect = Effect(policy_id, "P-1", product_id, StepCode.POST_PREMIUMS, DAY, known, {}, D("1.50"))

    assert json.loads(effect.text) == [
        str(policy_id),
        "POST_PREMIUMS",
        "2026-11-30",
        "1.50",
        {"premium": "310.00", "since": "2025-11-05", "listed": ['a "word"', "é"], "event": 3},
        {},
    ]


def test_a_claim_out_of_time_is_named_by_the_claims_clocks(session: Session) -> None:
    late, early = sell(date(2026, 1, 5)), sell(date(2026, 1, 5))
    steps = frozenset({StepCode.CLAIMS_CLOCKS, StepCode.EXPIRIES})
    made = claim(late, day=date(2026, 3, 2))
    complete(made.id, date(2026, 3, 2))
    number = made.claim_number
    claim(early, day=date(2026, 3, 2))
    session.rollback()

    in_time = plan(date(2026, 3, 3), steps=steps)
    run = month_end(date(2026, 6, 30), steps=steps)

    assert effects_of(in_time, StepCode.CLAIMS_CLOCKS) == 0
    (named,) = queries.list_effects(session, run.id, limit=9).items
    assert (named.policy_id, named.after) == (late, {"listed": [number]})
    asked = text("SELECT name FROM ins.jobs_outbox WHERE org_id = :org ORDER BY id DESC")
    assert "claims.watch_deadlines" in set(session.scalars(asked, {"org": current_org()}))
    with at(date(2026, 6, 30)):
        watch_deadlines()
    session.rollback()
    assert get_claim(session, made.id).breached_at is not None


def test_one_does_not_approve_ones_own_plan(session: Session) -> None:
    sell(START)
    run = plan(DAY)

    with at(DAY, MAKER) as now, pytest.raises(ForbiddenError, match="somebody else must decide"):
        approve_run(run.id, comment=None, now=now)


def test_only_an_approved_plan_is_applied_and_only_once(session: Session) -> None:
    sell(START)
    run = plan(DAY)
    with at(DAY) as now, pytest.raises(ConflictError, match="only an approved plan"):
        apply_run(run.id, on=DAY, now=now)
    carry_out(run)

    with at(DAY) as now, pytest.raises(ConflictError, match="completed"):
        apply_run(run.id, on=DAY, now=now)


def test_a_policy_changed_since_the_plan_is_left_out_named_and_followed_up(
    session: Session,
) -> None:
    changed, kept = sell(START), sell(START)
    planned = plan(DAY)
    with at(DAY) as now:
        suspend_policy(changed, reason="asked", on=DAY, now=now)

    run = carry_out(planned)

    assert run.status is RunStatus.COMPLETED_WITH_EXCEPTIONS
    (left,) = queries.list_exceptions(session, run.id)
    assert (left.policy_id, left.kind) == (changed, ExceptionKind.CHANGED)
    assert len(list_premium_lines(session, kept)) > 12
    session.rollback()
    with at(DAY) as now:
        follow_up = finish_now(retry_run(run.id, on=DAY, now=now).id, now=now)
    assert (follow_up.policies, follow_up.follows_id) == (1, run.id)
    carry_out(follow_up)
    session.rollback()
    assert len(list_premium_lines(session, changed)) > 12


def test_a_policy_that_ended_since_the_plan_is_named(session: Session) -> None:
    ended, kept = sell(START, term_years=1), sell(START)
    planned = plan(date(2026, 11, 4), today=date(2026, 11, 4))
    with at(date(2026, 11, 5)) as now:
        expire_policy(ended, on=date(2026, 11, 5), now=now)

    run = carry_out(planned, today=date(2026, 11, 5))

    assert [one.policy_id for one in queries.list_exceptions(session, run.id)] == [ended]
    assert len(list_premium_lines(session, kept)) > 12


def test_a_policy_that_fails_is_quarantined_and_the_rest_finish(
    session: Session, admin_connection
) -> None:
    sick, well = sell(START), sell(START)
    session.rollback()
    _break(admin_connection, sick, "NaN")

    run = month_end(DAY)

    assert run.status is RunStatus.COMPLETED_WITH_EXCEPTIONS
    (left,) = queries.list_exceptions(session, run.id)
    assert (left.policy_id, left.kind) == (sick, ExceptionKind.FAILED)
    assert len(list_premium_lines(session, well)) > 12
    session.rollback()
    _break(admin_connection, sick, "100.00")
    with at(DAY) as now:
        again = finish_now(retry_run(run.id, on=DAY, now=now).id, now=now)
    carry_out(again)
    assert len(list_premium_lines(session, sick)) > 12


def _break(connection, policy_id: UUID, instalment: str) -> None:
    connection.execute(
        text("UPDATE ins.policies SET instalment = CAST(:instalment AS numeric) WHERE id = :id"),
        {"id": policy_id, "instalment": instalment},
    )
    connection.commit()


def test_a_limit_says_n_of_m_and_does_not_close_the_month(session: Session) -> None:
    for _ in range(3):
        sell(START)

    run = month_end(DAY, limit_policies=2, close_month=True)

    assert (run.policies, run.book) == (2, 3)
    assert closed_through(session) is None


def test_a_whole_month_end_can_close_the_books(session: Session) -> None:
    sell(START)
    today = date(2026, 12, 1)
    run = carry_out(plan(DAY, today=today, close_month=True), today=today)

    assert run.status is RunStatus.COMPLETED
    assert closed_through(session) == DAY


def test_lapses_take_effect_on_their_own_day(session: Session) -> None:
    policy_id = sell(START)
    pay(policy_id, "1100.00", date(2026, 9, 30))
    with at(date(2026, 10, 5)) as now:
        keep_schedules(on=date(2026, 10, 5), now=now)
    _told_to_lapse(policy_id, date(2026, 10, 5))

    run = month_end(DAY)

    session.rollback()
    policy = get_policy(session, policy_id)
    assert (policy.status, policy.ended_on) == (PolicyStatus.LAPSED, date(2026, 10, 21))
    assert counts_of(run, {})["lapsed"] == 1


def test_without_auto_lapse_candidates_are_only_named(session: Session) -> None:
    policy_id = sell(date(2026, 10, 5))
    _told_to_lapse(policy_id, date(2026, 10, 5))

    run = month_end(DAY, steps=EVERYTHING - {StepCode.LAPSES})

    assert counts_of(run, {})["lapse_candidates"] == 1
    assert get_policy(session, policy_id).status is PolicyStatus.ACTIVE


def test_one_who_pays_between_plan_and_application_does_not_lapse(session: Session) -> None:
    policy_id = sell(date(2026, 10, 5))
    _told_to_lapse(policy_id, date(2026, 10, 5))
    planned = plan(DAY)
    pay(policy_id, "200.00", DAY)

    run = carry_out(planned)

    assert run.status is RunStatus.COMPLETED_WITH_EXCEPTIONS
    assert get_policy(session, policy_id).status is PolicyStatus.ACTIVE


def test_a_term_that_is_over_expires_on_its_day(session: Session) -> None:
    policy_id = sell(START, term_years=1)

    month_end(DAY)

    policy = get_policy(session, policy_id)
    assert (policy.status, policy.ended_on) == (PolicyStatus.EXPIRED, date(2026, 11, 5))


def test_another_run_waits_and_is_told_for_whom_and_since_when(session: Session) -> None:
    sell(START)
    with at(DAY) as now:
        wanted = WantedRun(process_date=DAY, steps=EVERYTHING)
        first = request_run(wanted, on=DAY, now=now)
        with pytest.raises(ConflictError, match="maker@insurer.example has had") as refused:
            request_run(wanted, on=DAY, now=now)
        assert refused.value.detail["run_id"] == str(first.id)
        cancel_run(first.id, now=now)
        assert request_run(wanted, on=DAY, now=now).status is RunStatus.PLANNING


def test_a_cancelled_run_is_not_applied(session: Session) -> None:
    sell(START)
    run = plan(DAY)
    with at(DAY) as now:
        assert cancel_run(run.id, now=now).status is RunStatus.CANCELLED
        with pytest.raises(ConflictError, match="nothing to cancel"):
            cancel_run(run.id, now=now)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"limit_policies": 0}, "at least one policy"),
        ({"steps": frozenset()}, "at least one step"),
        ({"day": date(2027, 2, 1)}, "31 days ahead"),
        ({"day": date(2026, 10, 31)}, "books are closed to 31 October 2026"),
    ],
)
def test_bad_requests_are_refused_with_what_to_do(
    session: Session, wanted: dict, words: str
) -> None:
    with at(DAY) as now:
        close_books(date(2026, 10, 31), reason="Closed", on=DAY, now=now)
    asked = dict(wanted)
    day = asked.pop("day", DAY)

    with pytest.raises(DomainError, match=words):
        plan(day, today=DAY, **asked)


def test_a_run_goes_on_from_the_last_one(session: Session) -> None:
    sell(START)
    month_end(DAY)

    with pytest.raises(DomainError, match="Month-end was done for 30 November 2026"):
        plan(date(2026, 10, 31), today=DAY)


def test_applying_at_once_needs_the_organizations_leave(session: Session) -> None:
    sell(START)
    with pytest.raises(ConflictError, match="second person"):
        plan(DAY, dry_run=False)


def test_an_anniversary_is_a_version_of_the_policy(session: Session) -> None:
    policy_id = sell(START, premium="310.00", **INDEXED)
    escalate_by("6")
    month_end(DAY)

    session.rollback()
    newest = list_versions(session, policy_id)[0]
    assert newest.version_number == 2
    assert newest.policy_snapshot["policy"]["premium"] == "328.60"
    assert newest.effective_date == date(2026, 11, 5)
