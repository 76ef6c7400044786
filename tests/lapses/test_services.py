"""Rules in dated versions, and why and when a policy lapses."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from insurance.audit_logs.models import AuditEvent
from insurance.core.db import constraint_of, transaction
from insurance.core.errors import (
    ConflictError,
    DomainError,
    DomainErrors,
    NotFoundError,
    StaleError,
)
from insurance.core.ids import new_id
from insurance.core.tenancy import current_org, tenant_scope
from insurance.lapses import queries, services
from insurance.lapses.models import LapseRule
from insurance.lapses.queries import LapseState
from insurance.lapses.rules import NOTHING_OWED, STATUTORY_TERMS, Block
from insurance.policies.services import reverse_payment
from insurance.products.queries import get_product
from tests.factories.book import make_product
from tests.factories.claims import PNG
from tests.factories.lapses import (
    DUE,
    RULE,
    Owing,
    make_owing,
    make_rule,
    noon,
    pay,
    premium_of,
    set_status,
    tell,
)
from tests.factories.organizations import OrganizationFacts
from tests.factories.products import make_draft

LAST_DAY = date(2026, 10, 19)
GONE = date(2026, 10, 20)
FUNERAL_RULE = RULE | {"reinstatement_requires_medical_after_days": None}


@pytest.fixture
def owing(session: Session) -> Iterator[Owing]:
    """Return a policy whose first premium fell due on 4 October and was not paid."""
    yield make_owing()


def _ready(session: Session, on: date) -> list[object]:
    found = queries.list_lapse_candidates(session, on, 50)
    session.rollback()
    return [line.policy_id for line in found.items]


def test_a_rule_is_kept_with_its_fields_and_audited(session: Session) -> None:
    product_id = make_product()
    rule = make_rule(product_id)

    (saved,) = queries.list_lapse_rules(session, product_id)
    assert saved.id == rule.id
    assert {name: getattr(saved, name) for name in RULE} == RULE
    assert saved.half_yearly_grace_days == 45
    assert (saved.requires_notice, saved.tolerance, saved.version) == (True, Decimal(0), 1)
    event = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()
    assert (event.action, event.resource_id) == ("lapse_rules.create", str(rule.id))
    assert event.after and event.after["monthly_grace_days"] == 30


def test_what_is_left_out_follows_the_grace_period_and_the_statutory_minimum(
    session: Session,
) -> None:
    rule = services.create_lapse_rule(
        make_product(),
        {"grace_period_days": 20, "effective_from": date(2026, 1, 1)},
        on=DUE,
        now=noon(DUE),
    )

    assert (rule.monthly_grace_days, rule.quarterly_grace_days) == (20, 31)
    assert (rule.half_yearly_grace_days, rule.annual_grace_days) == (31, 31)
    assert rule.reinstatement_requires_medical_after_days == 90


def test_a_rule_below_the_minimum_is_refused_with_every_fault(session: Session) -> None:
    with pytest.raises(DomainErrors) as refused:
        make_rule(make_product(), monthly_grace_days=14, annual_grace_days=30)

    assert {one.field for one in refused.value.errors} == {
        "monthly_grace_days",
        "annual_grace_days",
    }
    assert "15A" in refused.value.message
    assert session.scalars(select(LapseRule)).all() == []


def test_a_funeral_product_takes_no_medical_clearance(session: Session) -> None:
    product_id = make_draft("Funeral", product_type="FUNERAL").id

    with pytest.raises(DomainError, match="without medical clearance"):
        make_rule(product_id)
    assert make_rule(product_id, **FUNERAL_RULE)
    assert (
        queries.rule_on(
            session, product_id, date(2025, 6, 1)
        ).reinstatement_requires_medical_after_days
        is None
    )


def test_a_new_rule_ends_the_open_one_the_day_before(session: Session) -> None:
    product_id = make_product()
    first = make_rule(product_id)
    second = make_rule(product_id, effective_from=date(2027, 3, 1), monthly_grace_days=40)

    newest, oldest = queries.list_lapse_rules(session, product_id)
    assert (newest.id, oldest.id) == (second.id, first.id)
    assert oldest.effective_to == date(2027, 3, 1)
    assert queries.rule_on(session, product_id, date(2027, 2, 28)).monthly_grace_days == 30
    assert queries.rule_on(session, product_id, date(2027, 3, 1)).monthly_grace_days == 40
    actions = session.scalars(select(AuditEvent.action).where(AuditEvent.resource == "lapse_rules"))
    assert sorted(actions) == ["lapse_rules.create", "lapse_rules.create", "lapse_rules.edit"]


def test_dates_that_another_rule_has_are_refused_with_both(session: Session) -> None:
    product_id = make_product()
    make_rule(product_id, effective_to=date(2026, 7, 1))

    with pytest.raises(ConflictError) as refused:
        make_rule(product_id, effective_from=date(2026, 6, 30))
    assert "from 2026/06/30 on" in refused.value.message
    assert "from 2026/01/01 to 2026/06/30" in refused.value.message
    with pytest.raises(ConflictError):
        make_rule(product_id, effective_from=date(2025, 1, 1))
    make_rule(product_id, effective_from=date(2025, 1, 1), effective_to=date(2026, 1, 1))
    assert len(queries.list_lapse_rules(session, product_id)) == 2


def test_two_rules_from_the_same_day_are_refused(session: Session) -> None:
    product_id = make_product()
    make_rule(product_id)

    with pytest.raises(ConflictError):
        make_rule(product_id)


def test_the_database_itself_refuses_overlapping_rules(session: Session) -> None:
    product_id = make_product()
    rule = make_rule(product_id)
    columns = {
        column.key: getattr(rule, column.key) for column in LapseRule.__mapper__.column_attrs
    }

    with pytest.raises(IntegrityError) as refused, transaction() as writing:
        later = {"id": new_id(), "effective_from": date(2026, 5, 1)}
        writing.execute(insert(LapseRule), [columns | later])
    assert constraint_of(refused.value) == "lapse_rules_dates_excl"


def test_a_rule_that_nothing_fell_due_under_can_be_changed(session: Session) -> None:
    rule = make_rule(make_product())

    changed = services.edit_lapse_rule(
        rule.id, {"monthly_grace_days": 45}, version=1, on=DUE, now=noon(DUE)
    )

    assert (changed.monthly_grace_days, changed.version) == (45, 2)


def test_a_stale_change_is_refused_with_both_values(session: Session) -> None:
    rule = make_rule(make_product())
    services.edit_lapse_rule(rule.id, {"monthly_grace_days": 45}, on=DUE, now=noon(DUE))

    with pytest.raises(StaleError) as refused:
        services.edit_lapse_rule(
            rule.id, {"monthly_grace_days": 40}, version=1, on=DUE, now=noon(DUE)
        )
    assert refused.value.theirs["monthly_grace_days"] == 45
    assert refused.value.yours["monthly_grace_days"] == 40


def test_a_rule_that_premiums_fell_due_under_can_only_be_ended(
    session: Session, owing: Owing
) -> None:
    rule = make_rule(owing.product_id)
    later = DUE + timedelta(days=1)

    with pytest.raises(ConflictError) as refused:
        services.edit_lapse_rule(rule.id, {"monthly_grace_days": 45}, on=later, now=noon(later))
    assert refused.value.detail == {"allowed": ["effective_to"]}
    with pytest.raises(ConflictError, match="can end on 2026/10/05 at the earliest"):
        services.edit_lapse_rule(rule.id, {"effective_to": DUE}, on=later, now=noon(later))
    unchanged = RULE | {"effective_to": later}
    ended = services.edit_lapse_rule(rule.id, unchanged, on=later, now=noon(later))
    assert ended.effective_to == later


def test_an_edit_cannot_reach_into_another_rules_dates(session: Session) -> None:
    product_id = make_product()
    first = make_rule(product_id, effective_to=date(2026, 7, 1))
    make_rule(product_id, effective_from=date(2026, 7, 1))

    with pytest.raises(ConflictError, match="overlaps"):
        services.edit_lapse_rule(
            first.id, {"effective_to": date(2026, 7, 2)}, on=DUE, now=noon(DUE)
        )


def test_grace_that_has_begun_is_not_shortened(session: Session, owing: Owing) -> None:
    make_rule(owing.product_id)
    today = DUE + timedelta(days=10)

    with pytest.raises(ConflictError, match="longer grace"):
        make_rule(owing.product_id, today, effective_from=DUE, monthly_grace_days=20)
    longer = make_rule(owing.product_id, today, effective_from=DUE, monthly_grace_days=40)
    assert longer.effective_from == DUE


def test_a_shorter_grace_may_start_tomorrow(session: Session, owing: Owing) -> None:
    make_rule(owing.product_id)
    today = DUE + timedelta(days=10)
    make_rule(
        owing.product_id, today, effective_from=today + timedelta(days=1), monthly_grace_days=20
    )

    forecast = queries.policy_forecast(session, owing.policy_id, today)
    assert forecast.grace_end == DUE + timedelta(days=30)


def test_without_a_rule_the_statutory_minimum_holds(session: Session, owing: Owing) -> None:
    assert queries.rule_on(session, owing.product_id, DUE).monthly_grace_days == 15
    assert queries.rules_on(session, None, DUE).keys() == {owing.product_id}
    assert STATUTORY_TERMS.monthly_grace_days == 15


def test_due_on_4_october_lapses_on_the_20th_once_notice_was_given(
    session: Session, owing: Owing
) -> None:
    tell(owing.policy_id)

    covered = queries.policy_forecast(session, owing.policy_id, LAST_DAY)
    assert (covered.oldest_unpaid, covered.grace_end, covered.lapse_date) == (DUE, LAST_DAY, GONE)
    assert (covered.arrears, covered.blocked_by) == (Decimal("100.00"), ())
    assert not covered.is_candidate
    assert queries.policy_forecast(session, owing.policy_id, GONE).is_candidate
    assert _ready(session, LAST_DAY) == []
    assert _ready(session, GONE) == [owing.policy_id]


def test_without_proof_of_notice_a_candidate_is_blocked_with_the_reason(
    session: Session, owing: Owing
) -> None:
    forecast = queries.policy_forecast(session, owing.policy_id, GONE)

    assert forecast.blocked_by == (Block.NO_NOTICE,)
    assert _ready(session, GONE) == []
    (line,) = queries.list_lapse_candidates(session, GONE, 50, state=LapseState.BLOCKED).items
    assert (line.policy_id, line.blocked_by) == (owing.policy_id, (Block.NO_NOTICE,))


def test_paying_the_older_premium_anchors_the_clock_on_the_younger(
    session: Session, owing: Owing
) -> None:
    tell(owing.policy_id)
    november = date(2026, 11, 4)
    assert queries.policy_forecast(session, owing.policy_id, november).lapse_date == GONE

    pay(owing.policy_id, 1, on=november)

    forecast = queries.policy_forecast(session, owing.policy_id, november)
    assert (forecast.oldest_unpaid, forecast.lapse_date) == (november, date(2026, 11, 20))
    assert forecast.blocked_by == (Block.NO_NOTICE,)
    assert forecast.arrears == Decimal("100.00")


def test_reversing_the_payment_puts_the_clock_back_as_if_it_had_never_come(
    session: Session, owing: Owing
) -> None:
    before = queries.policy_forecast(session, owing.policy_id, GONE)
    pay(owing.policy_id, 1)
    assert queries.policy_forecast(session, owing.policy_id, GONE) == NOTHING_OWED
    session.rollback()
    line_id = premium_of(owing.policy_id, 1)
    reverse_payment(owing.policy_id, line_id, reason_code="02", on=GONE, now=noon(GONE))

    assert queries.policy_forecast(session, owing.policy_id, GONE) == before


def test_arrears_within_the_tolerance_do_not_lapse(session: Session, owing: Owing) -> None:
    make_rule(owing.product_id, monthly_grace_days=15, tolerance=Decimal(5), requires_notice=False)
    pay(owing.policy_id, 1, "95.00")

    forecast = queries.policy_forecast(session, owing.policy_id, GONE)
    assert forecast.blocked_by == (Block.WITHIN_TOLERANCE,)
    assert _ready(session, GONE) == []
    in_november = queries.policy_forecast(session, owing.policy_id, date(2026, 11, 5))
    assert in_november.oldest_unpaid == date(2026, 11, 4)
    assert in_november.arrears == Decimal("105.00")


def test_a_collection_in_flight_stops_the_lapse(session: Session, owing: Owing) -> None:
    tell(owing.policy_id)

    forecast = queries.policy_forecast(session, owing.policy_id, GONE, collection_in_flight=True)
    assert forecast.blocked_by == (Block.COLLECTION_IN_FLIGHT,)
    found = queries.list_lapse_candidates(session, GONE, 50, collecting=[owing.policy_id])
    assert found.items == []


def test_a_hold_stops_the_lapse_until_it_expires_or_is_released(
    session: Session, owing: Owing
) -> None:
    tell(owing.policy_id)
    hold = services.place_hold(
        owing.policy_id,
        reason="Employer pays late",
        expires_on=date(2026, 10, 25),
        on=LAST_DAY,
        now=noon(LAST_DAY),
    )

    assert queries.policy_forecast(session, owing.policy_id, GONE).blocked_by == (Block.HOLD,)
    assert _ready(session, GONE) == []
    assert _ready(session, date(2026, 10, 24)) == []
    assert _ready(session, date(2026, 10, 25)) == [owing.policy_id]
    services.release_hold(hold.id, now=noon(GONE))
    assert _ready(session, GONE) == [owing.policy_id]
    with pytest.raises(ConflictError, match="released already"):
        services.release_hold(hold.id, now=noon(GONE))
    actions = session.scalars(
        select(AuditEvent.action).where(AuditEvent.action.startswith("lapse_holds"))
    )
    assert sorted(actions) == ["lapse_holds.place", "lapse_holds.release"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reason": "  "}, "reason"),
        ({"expires_on": GONE}, "expires_on"),
        ({"expires_on": GONE + timedelta(days=367)}, "expires_on"),
    ],
)
def test_a_hold_needs_a_reason_and_an_end(
    session: Session, owing: Owing, changes: dict[str, object], field: str
) -> None:
    facts = {"reason": "Dispute", "expires_on": GONE + timedelta(days=9)} | changes

    with pytest.raises(DomainError) as refused:
        services.place_hold(owing.policy_id, on=GONE, now=noon(GONE), **facts)  # type: ignore[arg-type]
    assert refused.value.field == field


def test_a_policy_that_is_over_cannot_be_held_and_has_no_forecast(
    session: Session, owing: Owing
) -> None:
    set_status(owing.policy_id, "cancelled")

    with pytest.raises(ConflictError, match="cancelled"):
        services.place_hold(
            owing.policy_id, reason="x", expires_on=GONE, on=LAST_DAY, now=noon(LAST_DAY)
        )
    forecast = queries.policy_forecast(session, owing.policy_id, GONE)
    assert (forecast.lapse_date, forecast.is_candidate) == (None, False)
    assert forecast.arrears == Decimal("100.00")
    for state in LapseState:
        assert queries.list_lapse_candidates(session, GONE, 50, state=state).items == []


def test_a_letter_is_proof_with_evidence_only_and_recorded_once(
    session: Session, owing: Owing
) -> None:
    letter = {"recipient": "Box 1", "on": GONE, "now": noon(GONE)}
    number = {"registered_number": "RC 123 456 789 ZA"}
    for wrong, field in (
        ({"sent_on": DUE, **number}, "sent_on"),
        ({"sent_on": GONE + timedelta(days=1), **number}, "sent_on"),
        ({"sent_on": DUE + timedelta(days=5)}, "registered_number"),
    ):
        with pytest.raises(DomainError) as refusal:
            services.record_notice(owing.policy_id, **letter, **wrong)  # type: ignore[arg-type]
        assert refusal.value.field == field
    tell(owing.policy_id)
    with pytest.raises(ConflictError, match="recorded already"):
        tell(owing.policy_id)


def test_a_letter_recorded_without_evidence_proves_nothing_until_some_is_added(
    session: Session, owing: Owing
) -> None:
    tell(owing.policy_id)
    session.execute(text("UPDATE ins.premium_notices SET registered_number = NULL"))
    session.commit()
    assert queries.policy_forecast(session, owing.policy_id, GONE).blocked_by == (Block.NO_NOTICE,)
    session.rollback()

    tell(owing.policy_id)

    assert queries.policy_forecast(session, owing.policy_id, GONE).is_candidate


def test_a_late_letter_lets_grace_run_from_its_day_in_every_list(
    session: Session, owing: Owing
) -> None:
    late = DUE + timedelta(days=20)
    services.record_notice(
        owing.policy_id,
        recipient="Box 1",
        sent_on=late,
        letter=services.NoticeLetter("slip.png", PNG),
        on=late,
        now=noon(late),
    )
    ends = late + timedelta(days=15)

    assert queries.policy_forecast(session, owing.policy_id, ends).grace_end == ends
    assert queries.list_lapse_candidates(session, ends, 9).items == []
    found = queries.list_lapse_candidates(session, ends + timedelta(days=1), 9).items
    assert [line.grace_end for line in found] == [ends]


def test_states_are_counted_as_they_are_listed(session: Session, owing: Owing) -> None:
    tell(owing.policy_id)
    fresh = make_owing(
        product_id=owing.product_id, customer_id=owing.customer_id, due=date(2026, 10, 15)
    )

    counts = queries.count_lapse_states(session, LAST_DAY)
    assert counts == {
        LapseState.DUE: 0,
        LapseState.TOMORROW: 1,
        LapseState.IN_GRACE: 2,
        LapseState.BLOCKED: 0,
    }
    in_grace = queries.list_lapse_candidates(session, LAST_DAY, 1, state=LapseState.IN_GRACE)
    assert [line.policy_id for line in in_grace.items] == [owing.policy_id]
    rest = queries.list_lapse_candidates(
        session, LAST_DAY, 1, (GONE, owing.policy_id), state=LapseState.IN_GRACE
    )
    assert [line.policy_id for line in rest.items] == [fresh.policy_id]
    assert rest.next_cursor is None


def test_the_impact_of_a_rule_is_counted_before_it_is_saved(session: Session, owing: Owing) -> None:
    tell(owing.policy_id)
    make_owing(product_id=owing.product_id, customer_id=owing.customer_id, due=date(2026, 10, 15))
    product = get_product(session, owing.product_id)
    longer = services.propose_terms(session, product, RULE)

    impact = queries.count_rule_impact(session, owing.product_id, longer, GONE)

    assert (impact.in_arrears.policies, impact.in_arrears.monthly_premium) == (2, Decimal(200))
    assert (impact.now.policies, impact.now.monthly_premium) == (1, Decimal("100.00"))
    assert impact.changed.policies == 0
    assert queries.list_lapse_rules(session, owing.product_id) == []


def test_another_insurers_rules_policies_and_holds_are_not_there(
    session: Session, owing: Owing, other_org: OrganizationFacts
) -> None:
    rule = make_rule(owing.product_id)
    hold = services.place_hold(
        owing.policy_id, reason="x", expires_on=GONE, on=LAST_DAY, now=noon(LAST_DAY)
    )

    with tenant_scope(other_org.id):
        for ask in (
            lambda: queries.get_lapse_rule(session, rule.id),
            lambda: services.release_hold(hold.id, now=noon(GONE)),
            lambda: queries.policy_forecast(session, owing.policy_id, GONE),
            lambda: services.edit_lapse_rule(rule.id, {}, on=GONE, now=noon(GONE)),
            lambda: make_rule(owing.product_id),
            lambda: queries.rule_on(session, owing.product_id, DUE),
        ):
            with pytest.raises(NotFoundError):
                ask()
        assert queries.list_lapse_candidates(session, GONE, 50).items == []


def test_a_tenants_own_day_off_lengthens_a_grace_of_business_days(
    session: Session, owing: Owing
) -> None:
    make_rule(owing.product_id, grace_period_type="BUSINESS", monthly_grace_days=15)
    before = queries.policy_forecast(session, owing.policy_id, GONE).grace_end
    session.rollback()
    with transaction() as writing:
        writing.execute(
            text(
                "INSERT INTO ins.tenant_holidays (org_id, id, day, name, is_working)"
                " VALUES (:org, :id, '2026-10-12', 'Founders', false)"
            ),
            {"org": current_org(), "id": new_id()},
        )

    assert before == date(2026, 10, 23)
    assert queries.policy_forecast(session, owing.policy_id, GONE).grace_end == date(2026, 10, 26)
    (line,) = queries.list_lapse_candidates(session, GONE, 9, state=LapseState.IN_GRACE).items
    assert line.grace_end == date(2026, 10, 26)
