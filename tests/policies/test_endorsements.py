"""Changing a policy in force."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from insurance.approvals.queries import get_request
from insurance.approvals.services import approve_request
from insurance.billing.models import LineKind
from insurance.billing.queries import list_premium_lines, list_receipts, unapplied_credit
from insurance.core.context import acting_as
from insurance.core.errors import ConflictError, DomainError, ForbiddenError
from insurance.core.ids import new_id
from insurance.core.tenancy import tenant_scope
from insurance.customers.queries import list_customers
from insurance.policies import queries
from insurance.policies.models import EndorsementStatus, EndorsementType
from insurance.policies.replay import find_differences
from insurance.policies.services import (
    accept_quote,
    pay_premium,
    pay_refund,
    receive_payment,
    reverse_payment,
)
from insurance.policies.services.as_at import policy_as_at
from insurance.policies.services.endorsements import (
    EndorsementRequest,
    discard_endorsement,
    draft_endorsement,
    endorse_policy,
    issue_endorsement,
    preview_endorsement,
    reprice_endorsement,
    undo_endorsement,
)
from insurance.policies.services.held_money import settle_before_lapse
from insurance.policies.services.schedule_steps import keep_schedules
from tests.factories.book import NOW, TODAY, make_customer, make_quote
from tests.factories.identity import TestClient
from tests.factories.lifecycle import CHECKER, MAKER, at
from tests.factories.organizations import OrganizationFacts
from tests.factories.products import make_family_product
from tests.random_tries import by_chance, tries

D = Decimal
START = date(2026, 11, 1)


def _family_policy(customer_id: UUID | None = None, start: date = START) -> UUID:
    """Return a policy of 500 000 for a woman: 200.00 for death, 50.00 for accidental death."""
    product_id = make_family_product(f"Family {new_id().hex[-8:]}").id
    quote_id = make_quote(
        product_id,
        customer_id or make_customer(),
        sum_assured=D(500_000),
    )
    return accept_quote(quote_id, effective_date=start, on=TODAY, now=NOW).policy.id


@pytest.fixture
def policy_id(session: Session) -> UUID:
    """Return the family policy, begun on 1 November; today is the 20th."""
    return _family_policy()


def _benefit(session: Session, policy_id: UUID, code: str = "DEATH_MAIN") -> Any:
    views = queries.list_benefits(session, policy_id)
    return next(one for one in views if one.benefit.benefit_code == code)


def _cover(
    session: Session, policy_id: UUID, amount: int, on: date = TODAY, **more: Any
) -> EndorsementRequest:
    benefit_id = _benefit(session, policy_id).benefit.id
    return EndorsementRequest(
        type=EndorsementType.CHANGE_COVER,
        data={"policy_benefit_id": benefit_id, "new_sum_assured": D(amount)},
        effective_date=on,
        reason="Asked for it",
        **more,
    )


def _spouse(on: date = TODAY) -> EndorsementRequest:
    return EndorsementRequest(
        type=EndorsementType.ADD_MEMBER,
        data={
            "member_role": "SPOUSE",
            "first_name": "Sipho",
            "last_name": "Dlamini",
            "date_of_birth": date(1985, 5, 15),
            "gender": "MALE",
        },
        effective_date=on,
    )


def _issue(policy_id: UUID, wanted: EndorsementRequest) -> Any:
    return endorse_policy(policy_id, wanted, on=TODAY, now=NOW)


def test_more_cover_costs_its_days_now_and_the_full_premium_from_the_next_debit(
    policy_id: UUID, session: Session
) -> None:
    wanted = _cover(session, policy_id, 750_000)
    preview = preview_endorsement(policy_id, wanted, on=TODAY)

    issued = _issue(policy_id, wanted)

    # 750 000 at 0.40 per mille is 300.00, 100.00 more; 11 of November's 30 days are left.
    assert (preview.current_premium, preview.new_premium) == (D("250.00"), D("350.00"))
    assert (preview.days_left, preview.days_in_period) == (11, 30)
    assert preview.adjustment == D("36.67")
    assert list(preview.next_debits) == [
        (date(2026, 12, 1), D("386.67")),
        (date(2027, 1, 1), D("350.00")),
        (date(2027, 2, 1), D("350.00")),
    ]
    assert issued.preview == preview
    policy = queries.get_policy(session, policy_id)
    assert (policy.premium, policy.coverage_amount) == (D("350.00"), D("750000.00"))
    lines = list_premium_lines(session, policy_id)
    assert [(one.kind, one.amount) for one in lines if one.due_date == date(2026, 12, 1)] == [
        (LineKind.PREMIUM, D("350.00")),
        (LineKind.ADJUSTMENT, D("36.67")),
    ]


def test_an_increase_is_a_layer_with_its_own_waiting(policy_id: UUID, session: Session) -> None:
    issued = _issue(policy_id, _cover(session, policy_id, 750_000))

    layers = _benefit(session, policy_id).layers
    assert [(one.number, one.amount) for one in layers] == [(1, D(500_000)), (2, D(250_000))]
    assert layers[1].waiting_until == TODAY + timedelta(days=180)
    assert [(one[1], one[2]) for one in issued.preview.waiting] == [
        (D("250000.00"), TODAY + timedelta(days=180))
    ]


def test_a_decrease_takes_the_newest_layer_first_and_credits_its_days(
    policy_id: UUID, session: Session
) -> None:
    _issue(policy_id, _cover(session, policy_id, 750_000, START))
    issued = _issue(policy_id, _cover(session, policy_id, 400_000))

    layers = _benefit(session, policy_id).layers
    assert [(one.number, one.amount) for one in layers] == [(1, D(400_000))]
    assert issued.preview.adjustment == D("-51.33")  # (160 - 300) x 11 / 30
    assert queries.get_policy(session, policy_id).premium == D("210.00")


def test_a_new_member_costs_what_the_product_asks_and_leaves_again(
    policy_id: UUID, session: Session
) -> None:
    added = _issue(policy_id, _spouse())
    assert added.preview.new_premium > added.preview.current_premium
    spouse = next(one for one in queries.list_members(session, policy_id) if one.role == "SPOUSE")
    removal = EndorsementRequest(
        type=EndorsementType.REMOVE_MEMBER,
        data={"policy_member_id": spouse.id},
        effective_date=TODAY,
    )

    removed = _issue(policy_id, removal)

    assert removed.preview.new_premium == added.preview.current_premium
    assert removed.preview.adjustment == -added.preview.adjustment
    session.refresh(spouse)
    assert spouse.end_date == TODAY
    assert [one.event_type for one in queries.list_events(session, policy_id, limit=2)] == [
        "REMOVE_MEMBER",
        "ADD_MEMBER",
    ]
    assert queries.get_policy(session, policy_id).current_version == 3


def test_beneficiaries_share_the_whole(policy_id: UUID, session: Session) -> None:
    def named(*shares: str, **more: Any) -> EndorsementRequest:
        rows = [
            {
                "kind": "PRIMARY",
                "first_name": f"Heir {n}",
                "last_name": "Dlamini",
                "share": D(share),
                **more,
            }
            for n, share in enumerate(shares)
        ]
        return EndorsementRequest(
            type=EndorsementType.CHANGE_BENEFICIARIES,
            data={"beneficiaries": rows},
            effective_date=TODAY,
        )

    with pytest.raises(DomainError, match=r"add up to 99\.99; they must be 100\.00"):
        _issue(policy_id, named("66.66", "33.33"))
    with pytest.raises(DomainError, match="born in the future"):
        _issue(policy_id, named("100.00", date_of_birth=TODAY + timedelta(days=1)))
    with pytest.raises(DomainError, match="name a guardian"):
        _issue(policy_id, named("100.00", date_of_birth=date(2020, 1, 1)))

    issued = _issue(policy_id, named("66.67", "33.33"))

    assert (issued.preview.adjustment, issued.preview.new_premium) == (0, D("250.00"))
    assert [one.share for one in queries.list_beneficiaries(session, policy_id)] == [
        D("66.67"),
        D("33.33"),
    ]


def test_a_new_due_day_bridges_the_days_between(policy_id: UUID, session: Session) -> None:
    wanted = EndorsementRequest(
        type=EndorsementType.CHANGE_PREMIUM_DUE_DAY, data={"due_day": 25}, effective_date=TODAY
    )
    issued = _issue(policy_id, wanted)

    assert issued.preview.effective_date == date(2026, 12, 1)
    assert list(issued.preview.next_debits) == [
        (date(2026, 12, 1), D("200.00")),  # 24 of 30 days of 250.00
        (date(2026, 12, 25), D("250.00")),
        (date(2027, 1, 25), D("250.00")),
    ]


def test_another_frequency_starts_with_the_next_premium(policy_id: UUID, session: Session) -> None:
    wanted = EndorsementRequest(
        type=EndorsementType.CHANGE_FREQUENCY, data={"frequency": "QUARTERLY"}, effective_date=TODAY
    )
    issued = _issue(policy_id, wanted)

    assert [one[0] for one in issued.preview.next_debits] == [
        date(2026, 12, 1),
        date(2027, 3, 1),
        date(2027, 6, 1),
    ]
    assert issued.preview.adjustment == 0


def test_cover_that_changes_on_the_way_to_a_new_due_day_costs_its_days(
    policy_id: UUID, session: Session
) -> None:
    _issue(policy_id, _due_day(25))
    on = date(2026, 12, 13)
    with at(on) as now:
        keep_schedules(on=on, now=now)
        wanted = _cover(session, policy_id, 1_000_000, on)
        issued = endorse_policy(policy_id, wanted, on=on, now=now)

    # 200.00 more for the 12 days to the 25th, of the 30 that a whole month has.
    assert issued.preview.adjustment == D("80.00")
    assert (issued.preview.days_left, issued.preview.days_in_period) == (12, 30)


def test_another_frequency_starts_where_nothing_is_charged_yet_also_late(
    policy_id: UUID, session: Session
) -> None:
    on = date(2026, 12, 10)  # December's premium fell due and has not been charged
    with at(on) as now:
        issued = endorse_policy(policy_id, _frequency("QUARTERLY"), on=on, now=now)

    assert issued.preview.effective_date == date(2026, 12, 1)
    session.expire_all()
    lines = list_premium_lines(session, policy_id)
    assert [(one.due_date, one.amount) for one in lines[1:3]] == [
        (date(2026, 12, 1), D("750.00")),
        (date(2027, 3, 1), D("750.00")),
    ]


def test_a_premium_that_fell_due_keeps_its_rhythm_also_where_no_job_charged_it(
    policy_id: UUID, session: Session
) -> None:
    on = date(2026, 12, 10)
    wanted = replace(_frequency("QUARTERLY"), effective_date=on)
    with at(on) as now:
        issued = endorse_policy(policy_id, wanted, on=on, now=now)

    assert issued.preview.effective_date == date(2027, 1, 1)
    session.expire_all()
    lines = list_premium_lines(session, policy_id)
    assert [(one.due_date, one.amount) for one in lines[1:4]] == [
        (date(2026, 12, 1), D("250.00")),
        (date(2027, 1, 1), D("750.00")),
        (date(2027, 4, 1), D("750.00")),
    ]


def test_a_rhythm_of_a_day_to_come_starts_with_the_premium_due_then(
    policy_id: UUID, session: Session
) -> None:
    wanted = replace(_frequency("QUARTERLY"), effective_date=date(2027, 2, 1))
    _issue(policy_id, wanted)
    # What is changed meanwhile lays the lines before that day as they were.
    issued = _issue(policy_id, _cover(session, policy_id, 1_000_000, TODAY))

    session.expire_all()
    lines = list_premium_lines(session, policy_id)
    premium = issued.preview.new_premium
    assert [
        (one.due_date, one.amount)
        for one in lines
        if one.due_date > TODAY and one.kind == "PREMIUM"
    ][:4] == [
        (date(2026, 12, 1), premium),
        (date(2027, 1, 1), premium),
        (date(2027, 2, 1), 3 * premium),
        (date(2027, 5, 1), 3 * premium),
    ]
    with pytest.raises(ConflictError, match="rhythm on 2027/02/01 already"):
        _issue(policy_id, _due_day(25))


def test_a_schedule_on_which_was_paid_is_not_undone(policy_id: UUID, session: Session) -> None:
    issued = _issue(policy_id, _frequency("QUARTERLY"))
    quarter = list_premium_lines(session, policy_id)[1].id
    session.rollback()
    pay_premium(policy_id, quarter, amount=D(750), reference="Q1", paid_on=TODAY, on=TODAY, now=NOW)

    with pytest.raises(ConflictError, match="charged or paid on the new schedule"):
        undo_endorsement(issued.endorsement.id, on=TODAY, now=NOW)

    assert unapplied_credit(session, policy_id) == 0


def _frequency(name: str) -> EndorsementRequest:
    return EndorsementRequest(
        type=EndorsementType.CHANGE_FREQUENCY, data={"frequency": name}, effective_date=TODAY
    )


def _due_day(day: int) -> EndorsementRequest:
    return EndorsementRequest(
        type=EndorsementType.CHANGE_PREMIUM_DUE_DAY, data={"due_day": day}, effective_date=TODAY
    )


@pytest.mark.parametrize("kind", ["sooner", "due day", "member"])
def test_the_last_endorsement_can_be_undone_and_everything_returns_exactly(
    kind: str, policy_id: UUID, session: Session
) -> None:
    receive_payment(
        policy_id, amount=D("250.00"), reference="NOV", paid_on=TODAY, on=TODAY, now=NOW
    )
    before = _state(session, policy_id)
    wanted = {
        "sooner": _cover(session, policy_id, 100_000, START),
        "due day": EndorsementRequest(
            type=EndorsementType.CHANGE_PREMIUM_DUE_DAY, data={"due_day": 25}, effective_date=TODAY
        ),
        "member": _spouse(),
    }[kind]
    issued = _issue(policy_id, wanted)
    assert _state(session, policy_id) != before

    undo_endorsement(issued.endorsement.id, on=TODAY, now=NOW)

    assert _state(session, policy_id) == before
    with pytest.raises(ConflictError, match="Only an issued"):
        undo_endorsement(issued.endorsement.id, on=TODAY, now=NOW)


def _state(session: Session, policy_id: UUID) -> dict[str, Any]:
    """Return contract and money as numbers, without what history adds."""
    session.rollback()
    session.expire_all()
    policy = queries.get_policy(session, policy_id)
    ids = {}
    members = [
        (one.role, one.first_name, one.end_date) for one in queries.list_members(session, policy_id)
    ]
    benefits = sorted(
        (
            one.benefit.benefit_code,
            one.member_name,
            str(one.benefit.status),
            one.benefit.sum_assured,
            one.benefit.premium,
            tuple((layer.amount, layer.starts_on, layer.waiting_until) for layer in one.layers),
        )
        for one in queries.list_benefits(session, policy_id)
    )
    lines = list_premium_lines(session, policy_id)
    return {
        "policy": (policy.premium, policy.coverage_amount, policy.due_day, str(policy.frequency)),
        "members": sorted(members, key=str),
        "benefits": benefits,
        "schedule": [
            (one.due_date, one.period_end, one.amount, one.paid_amount, one.status.value)
            for one in lines
            if one.kind is LineKind.PREMIUM
        ],
        "owed": sum(one.outstanding for one in lines if one.posted_at and one.status != "CANCELLED")
        - unapplied_credit(session, policy_id),
        **ids,
    }


def test_a_backdated_change_finds_its_place_among_the_issued_ones(
    policy_id: UUID, session: Session
) -> None:
    _issue(policy_id, _spouse(date(2026, 11, 15)))
    session.rollback()

    _issue(policy_id, _cover(session, policy_id, 750_000, date(2026, 11, 10)))

    kinds = [one.event_type for one in queries.list_events(session, policy_id, limit=10)]
    assert kinds == [
        "ENDORSEMENT_REAPPLIED",
        "CHANGE_COVER",
        "ENDORSEMENT_REVERSED",
        "ADD_MEMBER",
        "POLICY_ISSUED",
    ]
    versions = queries.list_versions(session, policy_id)
    premiums = [one.policy_snapshot["policy"]["premium"] for one in reversed(versions)]
    assert premiums[0] == "250.00"
    assert premiums[2] == "350.00", "the cover changed before the spouse joined"
    assert len(versions[0].policy_snapshot["members"]) == 2


def _pay_february(session: Session, policy_id: UUID) -> UUID:
    """Pay the premium of February ahead, before any other; return its line."""
    fourth = list_premium_lines(session, policy_id)[3].id
    session.rollback()
    pay_premium(
        policy_id,
        fourth,
        amount=D("250.00"),
        reference="FEBRUARY",
        paid_on=TODAY,
        on=TODAY,
        now=NOW,
    )
    return fourth


def test_premiums_before_one_that_was_paid_ahead_are_still_asked_for(
    policy_id: UUID, session: Session
) -> None:
    _pay_february(session, policy_id)

    issued = _issue(policy_id, _cover(session, policy_id, 750_000, date(2026, 12, 1)))

    session.expire_all()
    lines = list_premium_lines(session, policy_id)
    premiums = [one for one in lines if one.kind is LineKind.PREMIUM]
    assert [(one.due_date.month, one.amount) for one in premiums[:5]] == [
        (11, D("250.00")),
        (12, D("350.00")),
        (1, D("350.00")),
        (2, D("350.00")),
        (3, D("350.00")),
    ]
    assert premiums[3].outstanding == D("100.00"), "what was paid ahead stays paid"
    assert issued.preview.adjustment == 0
    assert issued.preview.next_debits[:3] == [
        (date(2026, 12, 1), D("350.00")),
        (date(2027, 1, 1), D("350.00")),
        (date(2027, 2, 1), D("100.00")),
    ]


def test_what_a_premium_paid_ahead_costs_less_is_credit_and_no_credit_note(
    policy_id: UUID, session: Session
) -> None:
    _pay_february(session, policy_id)

    issued = _issue(policy_id, _cover(session, policy_id, 250_000, date(2026, 12, 1)))

    session.expire_all()
    november, *_others, february = list_premium_lines(session, policy_id)[:4]
    assert (february.amount, february.status) == (D("150.00"), "PAID")
    assert issued.preview.adjustment == 0
    assert november.paid_amount == D("100.00"), "the rest settles what is due"
    assert [one.kind for one in list_receipts(session, policy_id)] == ["PAYMENT"]
    assert find_differences()[1] == []


def test_what_was_paid_ahead_is_there_again_when_the_change_is_undone(
    policy_id: UUID, session: Session
) -> None:
    receive_payment(
        policy_id, amount=D("250.00"), reference="NOV", paid_on=TODAY, on=TODAY, now=NOW
    )
    _pay_february(session, policy_id)
    issued = _issue(policy_id, _cover(session, policy_id, 250_000, date(2026, 12, 1)))
    assert unapplied_credit(session, policy_id) == D("100.00")
    session.rollback()

    undo_endorsement(issued.endorsement.id, on=TODAY, now=NOW)

    session.expire_all()
    february = list_premium_lines(session, policy_id)[3]
    assert (february.amount, february.paid_amount, february.status) == (
        D("250.00"),
        D("250.00"),
        "PAID",
    )
    assert unapplied_credit(session, policy_id) == 0
    assert find_differences()[1] == []


def _bounces(policy_id: UUID, line_id: UUID) -> None:
    reverse_payment(policy_id, line_id, reason_code="02", on=TODAY, now=NOW)


def _is_used_before_a_lapse(policy_id: UUID, _line_id: UUID) -> None:
    settle_before_lapse(policy_id, on=date(2026, 12, 20), now=NOW)


@pytest.mark.parametrize("loses_its_payment", [_bounces, _is_used_before_a_lapse])
def test_a_premium_paid_ahead_that_is_paid_no_more_has_the_price_of_its_day(
    loses_its_payment: Callable[[UUID, UUID], None], policy_id: UUID, session: Session
) -> None:
    february = _pay_february(session, policy_id)
    _issue(policy_id, _cover(session, policy_id, 750_000, date(2026, 12, 1)))

    loses_its_payment(policy_id, february)

    session.expire_all()
    lines = list_premium_lines(session, policy_id)
    premiums = [one for one in lines if one.kind is LineKind.PREMIUM]
    assert [one.amount for one in premiums[:5]] == [D("250.00"), *[D("350.00")] * 4]
    assert {one.kind for one in lines} == {LineKind.PREMIUM}
    again = preview_endorsement(policy_id, _heirs(), on=TODAY)
    assert again.adjustment == D("0.00")


def _heirs() -> EndorsementRequest:
    row = {"kind": "PRIMARY", "first_name": "A", "last_name": "B", "share": D(100)}
    data = {"beneficiaries": [row]}
    return EndorsementRequest(
        type=EndorsementType.CHANGE_BENEFICIARIES, data=data, effective_date=TODAY
    )


def test_a_credit_note_is_no_money_that_could_be_paid_back(
    policy_id: UUID, session: Session
) -> None:
    receive_payment(
        policy_id, amount=D("250.00"), reference="NOV", paid_on=TODAY, on=TODAY, now=NOW
    )
    _issue(policy_id, _cover(session, policy_id, 5_000_000, START))
    _issue(policy_id, _cover(session, policy_id, 500_000, START))
    assert unapplied_credit(session, policy_id) == D("1800.00")
    session.rollback()

    with pytest.raises(ConflictError, match="250,00 can be paid back"), acting_as(MAKER):
        pay_refund(policy_id, amount=D("250.01"), reference="R1", reason="Asked", on=TODAY, now=NOW)


def test_two_changes_of_the_same_cover_wait_for_a_choice(policy_id: UUID, session: Session) -> None:
    later = _issue(policy_id, _cover(session, policy_id, 750_000, date(2026, 11, 15)))
    session.rollback()
    earlier = _cover(session, policy_id, 600_000, date(2026, 11, 10))

    preview = preview_endorsement(policy_id, earlier, on=TODAY)

    (conflict,) = preview.conflicts
    assert (conflict.endorsement_id, conflict.this, conflict.later) == (
        later.endorsement.id,
        "600000",
        "750000",
    )
    assert preview.new_premium == preview.current_premium, "nothing is priced before the choice"
    session.rollback()
    with pytest.raises(ConflictError, match="choose which"):
        _issue(policy_id, earlier)

    chosen = {later.endorsement.id: "USE_THIS"}
    issued = _issue(
        policy_id, _cover(session, policy_id, 600_000, date(2026, 11, 10), resolutions=chosen)
    )

    assert issued.preview.new_cover == D("600000.00")
    session.rollback()
    assert queries.find_endorsement(session, later.endorsement.id).status == "SUPERSEDED"
    session.rollback()
    undo_endorsement(issued.endorsement.id, on=TODAY, now=NOW)
    assert queries.get_policy(session, policy_id).coverage_amount == D("750000.00")


def test_a_choice_does_not_touch_what_is_in_no_conflict(policy_id: UUID, session: Session) -> None:
    spouse = _issue(policy_id, _spouse()).endorsement
    session.rollback()
    wanted = _cover(session, policy_id, 600_000, resolutions={spouse.id: "USE_THIS"})

    _issue(policy_id, wanted)

    session.expire_all()
    assert queries.find_endorsement(session, spouse.id).status is EndorsementStatus.ISSUED
    assert [one.role for one in queries.list_members(session, policy_id)] == [
        "MAIN_MEMBER",
        "SPOUSE",
    ]


def test_what_a_change_gives_back_settles_arrears_before_it_lowers_a_debit(
    policy_id: UUID, session: Session
) -> None:
    issued = _issue(policy_id, _cover(session, policy_id, 400_000))

    # 40.00 less for 11 of 30 days is 14.67, and November's 250.00 is not paid.
    assert issued.preview.adjustment == D("-14.67")
    assert issued.preview.next_debits[0] == (date(2026, 12, 1), D("210.00"))
    session.expire_all()
    assert list_premium_lines(session, policy_id)[0].outstanding == D("235.33")


def test_of_two_open_drafts_the_first_issued_wins_and_the_other_is_priced_again(
    policy_id: UUID, session: Session
) -> None:
    first = draft_endorsement(policy_id, _cover(session, policy_id, 750_000), on=TODAY, now=NOW)
    second = draft_endorsement(policy_id, _spouse(), on=TODAY, now=NOW)

    issue_endorsement(first.id, on=TODAY, now=NOW)

    session.expire_all()
    assert queries.find_endorsement(session, second.id).status is EndorsementStatus.STALE
    session.rollback()
    with pytest.raises(ConflictError, match="Price it again"):
        issue_endorsement(second.id, on=TODAY, now=NOW)
    reprice_endorsement(second.id, on=TODAY, now=NOW)
    assert issue_endorsement(second.id, on=TODAY, now=NOW).endorsement.status == "ISSUED"


def test_a_discarded_draft_cannot_be_issued(policy_id: UUID, session: Session) -> None:
    draft = draft_endorsement(policy_id, _spouse(), on=TODAY, now=NOW)
    discard_endorsement(draft.id, now=NOW)

    with pytest.raises(ConflictError, match="discarded already"):
        issue_endorsement(draft.id, on=TODAY, now=NOW)


def test_what_was_known_before_an_undo_is_known_of_that_time(
    policy_id: UUID, session: Session
) -> None:
    def at_hour(hours: int) -> Any:
        return NOW + timedelta(hours=hours)

    first = endorse_policy(
        policy_id,
        _cover(session, policy_id, 600_000, date(2026, 11, 15)),
        on=TODAY,
        now=at_hour(1),
    ).endorsement.id
    session.rollback()
    second = endorse_policy(
        policy_id,
        _cover(session, policy_id, 700_000, date(2026, 11, 10), resolutions={first: "USE_THIS"}),
        on=TODAY,
        now=at_hour(3),
    ).endorsement.id
    undo_endorsement(second, on=TODAY, now=at_hour(5))

    covers = [
        policy_as_at(session, policy_id, effective=TODAY, known=at_hour(hours)).policy_snapshot[
            "policy"
        ]["coverage_amount"]
        for hours in (0, 2, 4, 6)
    ]
    assert covers == ["500000.00", "600000.00", "700000.00", "600000.00"]


def test_a_policy_is_known_as_it_was_on_two_axes(policy_id: UUID, session: Session) -> None:
    later = NOW + timedelta(days=1)
    endorse_policy(
        policy_id,
        _cover(session, policy_id, 750_000, date(2026, 11, 10)),
        on=TODAY + timedelta(days=1),
        now=later,
    )

    def cover(effective: date, known: Any) -> str:
        found = policy_as_at(session, policy_id, effective=effective, known=known)
        return str(found.policy_snapshot["policy"]["coverage_amount"])

    assert cover(date(2026, 11, 9), later) == "500000.00"
    assert D(cover(date(2026, 11, 10), later)) == D("750000")
    assert cover(date(2026, 11, 10), NOW) == "500000.00"
    with pytest.raises(DomainError):
        policy_as_at(session, policy_id, effective=date(2026, 10, 31), known=later)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"new_sum_assured": D("500000.00")}, "new_sum_assured"),
        ({"new_sum_assured": D("0.00")}, "new_sum_assured"),
        ({"new_sum_assured": D("6000000.00")}, "new_sum_assured"),
        ({"policy_benefit_id": new_id()}, "policy_benefit_id"),
        ({"due_day": 3}, "due_day"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(
    change: dict[str, Any], field: str, policy_id: UUID, session: Session
) -> None:
    good = _cover(session, policy_id, 750_000)
    wanted = EndorsementRequest(type=good.type, data={**good.data, **change}, effective_date=TODAY)

    with pytest.raises(DomainError) as refusal:
        _issue(policy_id, wanted)

    assert refusal.value.field == field
    assert queries.list_endorsements(session, policy_id) == []


def test_all_that_is_missing_of_a_change_is_said_at_once(policy_id: UUID) -> None:
    wanted = EndorsementRequest(
        type=EndorsementType.ADD_MEMBER, data={"member_role": "SPOUSE"}, effective_date=TODAY
    )

    with pytest.raises(DomainError) as refusal:
        _issue(policy_id, wanted)

    assert [one.field for one in refusal.value.errors] == ["last_name", "date_of_birth"]


@pytest.mark.parametrize("on", [date(2026, 10, 31), date(2046, 11, 1), TODAY + timedelta(days=366)])
def test_a_change_outside_the_term_is_refused(on: date, policy_id: UUID, session: Session) -> None:
    with pytest.raises(DomainError) as refusal:
        _issue(policy_id, _cover(session, policy_id, 750_000, on))

    assert refusal.value.field == "effective_date"


def test_nobody_is_corrected_to_be_born_after_cover_started(
    policy_id: UUID, session: Session
) -> None:
    member = queries.list_members(session, policy_id)[0]
    wanted = EndorsementRequest(
        type=EndorsementType.CORRECT_DETAILS,
        data={"policy_member_id": member.id, "date_of_birth": START + timedelta(days=1)},
        effective_date=TODAY,
    )

    with pytest.raises(DomainError, match="Born after cover started") as refusal:
        _issue(policy_id, wanted)

    assert refusal.value.field == "date_of_birth"


def test_the_main_member_stays(policy_id: UUID, session: Session) -> None:
    main = queries.list_members(session, policy_id)[0]
    removal = EndorsementRequest(
        type=EndorsementType.REMOVE_MEMBER,
        data={"policy_member_id": main.id},
        effective_date=TODAY,
    )

    with pytest.raises(DomainError, match="cancel the policy instead"):
        _issue(policy_id, removal)


def test_a_change_that_reaches_back_beyond_thirty_days_waits_for_a_second_person(
    session: Session,
) -> None:
    policy_id = _family_policy(start=date(2026, 10, 22))
    later = date(2026, 12, 21)
    with acting_as(MAKER):
        asked = endorse_policy(
            policy_id, _cover(session, policy_id, 750_000, date(2026, 11, 20)), on=later, now=NOW
        )
        assert (asked.endorsement.status, asked.approval_id is not None) == ("PRICED", True)
        session.expire_all()
        assert queries.get_policy(session, policy_id).coverage_amount == D("500000.00")
        session.rollback()
        with pytest.raises(ForbiddenError):
            approve_request(asked.approval_id, on=later, now=NOW)

    with acting_as(CHECKER):
        approve_request(asked.approval_id, on=later, now=NOW)

    session.expire_all()
    assert queries.get_policy(session, policy_id).coverage_amount == D("750000.00")


def test_what_would_cost_something_else_by_now_is_asked_for_again(session: Session) -> None:
    policy_id = _family_policy(start=date(2026, 10, 22))
    asked_on, agreed_on = date(2026, 12, 21), date(2026, 12, 22)
    with at(asked_on, MAKER) as now:
        asked = endorse_policy(
            policy_id,
            _cover(session, policy_id, 750_000, date(2026, 11, 20)),
            on=asked_on,
            now=now,
        )
    with at(agreed_on, CHECKER) as now:
        keep_schedules(on=agreed_on, now=now)  # charges premiums at the old price
        with pytest.raises(ConflictError, match="money has changed since"):
            approve_request(asked.approval_id, on=agreed_on, now=now)

    session.expire_all()
    assert queries.get_policy(session, policy_id).coverage_amount == D("500000.00")
    assert get_request(session, asked.approval_id).status == "VOID"


_KINDS = st.sampled_from(["cover", "spouse", "child", "beneficiary", "less"])


@by_chance
@given(
    days=st.dictionaries(_KINDS, st.integers(1, 20), min_size=2, max_size=3).filter(
        lambda days: len(set(days.values())) == len(days) and not {"cover", "less"} <= set(days)
    ),
    order=st.randoms(use_true_random=False),
)
@settings(
    max_examples=tries(5, 60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_order_of_the_same_endorsements_gives_the_same_policy_and_balance(
    app: Flask, org: OrganizationFacts, days: dict[str, int], order: Any
) -> None:
    with app.app_context(), tenant_scope(org.id):
        from insurance.core.db import db

        session = db.session()
        known = list_customers(session, limit=1).items
        customer_id = known[0].id if known else make_customer()
        shuffled = list(days)
        order.shuffle(shuffled)
        found = []
        for sequence in (sorted(days, key=days.__getitem__), shuffled):
            policy_id = _family_policy(customer_id)
            for kind in sequence:
                session.rollback()
                _issue(policy_id, _of_kind(session, policy_id, kind, date(2026, 11, days[kind])))
            state = _state(session, policy_id)
            # Which premium a credit settles follows the order; what is owed in all does not.
            state["schedule"] = [line[:3] for line in state["schedule"]]
            found.append(state)
        assert found[0] == found[1]
        assert find_differences()[1] == []


def _of_kind(session: Session, policy_id: UUID, kind: str, on: date) -> EndorsementRequest:
    if kind == "cover":
        return _cover(session, policy_id, 833_333, on)
    if kind == "less":
        return _cover(session, policy_id, 111_111, on)
    if kind == "spouse":
        return _spouse(on)
    if kind == "child":
        data = {
            "member_role": "CHILD",
            "first_name": "Nandi",
            "last_name": "Dlamini",
            "date_of_birth": date(2015, 1, 2),
            "gender": "FEMALE",
        }
        return EndorsementRequest(type=EndorsementType.ADD_MEMBER, data=data, effective_date=on)
    row = {"kind": "PRIMARY", "first_name": "A", "last_name": "B", "share": D(100)}
    return EndorsementRequest(
        type=EndorsementType.CHANGE_BENEFICIARIES,
        data={"beneficiaries": [row]},
        effective_date=on,
    )


def test_an_endorsement_over_the_api_does_what_its_preview_said(
    api: Callable[..., TestClient], policy_id: UUID, session: Session
) -> None:
    client = api()
    body = {
        "endorsement_type": "CHANGE_COVER",
        "policy_benefit_id": str(_benefit(session, policy_id).benefit.id),
        "new_sum_assured": 750000,
        "effective_date": "2026-11-20",
        "reason": "Customer requested increase",
    }
    path = f"/api/v1/policies/{policy_id}"

    preview = client.post(f"{path}/endorse/preview", json=body)
    issued = client.post(f"{path}/endorse", json=body)

    assert preview.status_code == 200, preview.text
    assert issued.status_code == 201, issued.text
    assert {name: issued.json[name] for name in preview.json} == preview.json
    assert (issued.json["version_number"], issued.json["status"]) == (2, "ISSUED")
    events = client.get(f"{path}/events?category=ENDORSEMENT").json
    assert [one["event_type"] for one in events] == ["CHANGE_COVER"]
    as_at = client.get(f"{path}/as-at?effective=2026-11-19").json
    assert as_at["policy_snapshot"]["policy"]["coverage_amount"] == "500000.00"
    missing = client.post(f"{path}/endorse", json={"endorsement_type": "ADD_MEMBER"})
    assert (missing.status_code, missing.json["errors"][0]["pointer"]) == (422, "/member_role")
