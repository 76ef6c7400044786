"""Funeral cover that comes back or rises is held to the cap of a life over all policies."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalRequest
from insurance.approvals.services import approve_request
from insurance.claims.services import undo_death
from insurance.core.errors import ConflictError, DomainError
from insurance.lapses.services import record_notice
from insurance.policies import queries
from insurance.policies.models import EndorsementType, PolicyStatus
from insurance.policies.services import (
    Answers,
    lapse_policy,
    list_proofs,
    receive_payment,
    reinstate_policy,
    set_lapse_aside,
    suspend_policy,
)
from insurance.policies.services.endorsements import (
    EndorsementRequest,
    endorse_policy,
    undo_endorsement,
)
from insurance.policies.services.life_cover import LifeQuestionsError
from insurance.products.models import ProjectionType
from insurance.quotes.rules import Life
from tests.factories.claims import assess, claim, complete
from tests.factories.claims import pay as settle
from tests.factories.funeral import make_funeral_product, sell_funeral
from tests.factories.identity import TestClient
from tests.factories.lifecycle import CHECKER, at, pay
from tests.factories.month_end import escalate_by, month_end, plan

D = Decimal
START, LAPSE, TODAY = date(2026, 10, 4), date(2026, 10, 20), date(2026, 11, 20)
SIPHO = Life("SPOUSE", None, "MALE", date(1985, 5, 15), "Sipho", "Dlamini")
SHORT = Life("SPOUSE", None, "MALE", date(1985, 5, 15), "S", "Dlamini")
OVER = "Sipho Dlamini would have R\u00a0120\u00a0000,00 of funeral cover over all policies"


@pytest.fixture
def product_id(session: Session) -> UUID:
    """Return a funeral product whose cover rises each year."""
    return make_funeral_product(premium_projection_type=ProjectionType.INDEXED)


def _lapsed(product_id: UUID, life: Life = SIPHO) -> UUID:
    """Return a lapsed policy that insured a spouse for R60 000."""
    policy_id = sell_funeral(product_id, START, 60_000, life, holder=1)
    sent = START + timedelta(days=5)
    with at(sent) as now:
        record_notice(
            policy_id,
            recipient="12 Kloof Street",
            registered_number="RC 123 456 789 ZA",
            sent_on=sent,
            on=sent,
            now=now,
        )
    with at(LAPSE) as now:
        lapse_policy(policy_id, reason="Unpaid", on=LAPSE, now=now)
    return policy_id


def _reinstate(policy_id: UUID, answers: dict[str, bool] | None = None) -> None:
    with at(TODAY) as now:
        reinstate_policy(
            policy_id,
            arrears_paid=False,
            recommence=True,
            reason="Wants it back",
            life_answers=answers,
            on=TODAY,
            now=now,
        )


def _benefit(session: Session, policy_id: UUID, code: str = "SPOUSE") -> UUID:
    found = queries.list_benefits(session, policy_id)
    return next(one.benefit.id for one in found if one.benefit.benefit_code == code)


def _cover(session: Session, policy_id: UUID, code: str = "SPOUSE") -> Decimal:
    session.rollback()
    session.expire_all()
    found = queries.list_benefits(session, policy_id)
    return next(one.benefit.sum_assured for one in found if one.benefit.benefit_code == code)


def _change(
    session: Session,
    policy_id: UUID,
    amount: int,
    effective: date = TODAY,
    *,
    on: date = TODAY,
    code: str = "SPOUSE",
) -> UUID:
    wanted = EndorsementRequest(
        type=EndorsementType.CHANGE_COVER,
        data={
            "policy_benefit_id": _benefit(session, policy_id, code),
            "new_sum_assured": D(amount),
        },
        effective_date=effective,
    )
    session.rollback()
    with at(on) as now:
        return endorse_policy(policy_id, wanted, on=on, now=now).endorsement.id


def test_a_lapsed_policy_comes_back_while_its_lives_are_below_their_caps(
    session: Session, product_id: UUID
) -> None:
    policy_id = _lapsed(product_id)
    sell_funeral(product_id, TODAY, 40_000, SIPHO, holder=2)

    _reinstate(policy_id)

    session.rollback()
    assert queries.get_policy(session, policy_id).status is PolicyStatus.ACTIVE


def test_a_lapsed_policy_does_not_come_back_above_the_cap_of_a_life(
    session: Session, product_id: UUID
) -> None:
    policy_id = _lapsed(product_id)
    sell_funeral(product_id, TODAY, 60_000, SIPHO, holder=2)

    with pytest.raises(DomainError, match=OVER):
        _reinstate(policy_id)

    session.rollback()
    assert queries.get_policy(session, policy_id).status is PolicyStatus.LAPSED


def test_a_suspended_policy_never_ceased_to_count_and_comes_back(
    session: Session, product_id: UUID
) -> None:
    policy_id = sell_funeral(product_id, TODAY, 60_000, SIPHO, holder=1)
    with at(TODAY) as now:
        suspend_policy(policy_id, reason="Asked to", on=TODAY, now=now)
    with pytest.raises(DomainError, match=OVER):
        sell_funeral(product_id, TODAY, 60_000, SIPHO, holder=2)
    session.rollback()

    pay(policy_id, "100.00", TODAY)
    with at(TODAY) as now:
        reinstate_policy(policy_id, arrears_paid=True, reason="Paid", on=TODAY, now=now)


def test_reinstating_asks_who_a_life_is_and_remembers_the_answer(
    session: Session, product_id: UUID
) -> None:
    policy_id = _lapsed(product_id, SHORT)
    sell_funeral(product_id, TODAY, 60_000, SIPHO, holder=2)

    with pytest.raises(LifeQuestionsError) as asked:
        _reinstate(policy_id)
    (question,) = asked.value.questions
    with pytest.raises(DomainError, match="over all policies"):
        _reinstate(policy_id, {question.key: True})
    _reinstate(policy_id, {question.key: False})

    session.rollback()
    assert queries.get_policy(session, policy_id).status is PolicyStatus.ACTIVE


def test_the_page_of_a_reinstatement_asks_who_a_life_is(
    session: Session, product_id: UUID, sign_in: Callable[..., TestClient]
) -> None:
    policy_id = _lapsed(product_id, SHORT)
    sell_funeral(product_id, TODAY, 60_000, SIPHO, holder=2)
    client = sign_in()
    url = client.url(f"/policies/{policy_id}/reinstate")
    said = {"way": "RECOMMENCE", "reason": "Wants it back"}

    asked = client.post(url, data=said)

    assert asked.status_code == 409
    assert "Is S Dlamini the Sipho Dlamini" in asked.text
    (name,) = set(re.findall(r'name="(life-[^"]+)"', asked.text))
    assert client.post(url, data=said | {name: "other"}).status_code in (302, 303)


def test_the_api_of_a_reinstatement_asks_who_a_life_is(
    session: Session, product_id: UUID, api: Callable[..., TestClient]
) -> None:
    policy_id = _lapsed(product_id, SHORT)
    sell_funeral(product_id, TODAY, 60_000, SIPHO, holder=2)
    client, path = api(), f"/api/v1/policies/{policy_id}/reinstate"
    said = {"recommence": True, "reason": "Wants it back"}

    asked = client.put(path, json=said)

    assert asked.status_code == 409
    (question,) = asked.json["life_questions"]
    answer = {"life": question["life"], "other_member_id": question["other_member_id"]}
    unclear = client.put(path, json=said | {"life_answers": [answer | {"is_same": "no"}]})
    assert unclear.status_code == 422
    back = client.put(path, json=said | {"life_answers": [answer | {"is_same": False}]})
    assert (back.status_code, back.json["status"]) == (200, "active")


@pytest.mark.parametrize("is_sold_before_asking", [True, False])
def test_a_lapse_is_not_set_aside_above_the_cap_of_a_life(
    session: Session, product_id: UUID, is_sold_before_asking: bool
) -> None:
    """Neither when it is asked for nor when, before the second person agreed, another was sold."""
    policy_id = _lapsed(product_id)
    with at(TODAY) as now:
        receive_payment(
            policy_id,
            amount=D("100.00"),
            reference="LATE",
            paid_on=date(2026, 10, 15),
            on=TODAY,
            now=now,
            answers=Answers(amount_is_right=True),
        )
    (proof,) = list_proofs(session, queries.get_policy(session, policy_id))
    proof_id = proof.id
    session.rollback()
    if is_sold_before_asking:
        sell_funeral(product_id, TODAY, 60_000, SIPHO, holder=2)
        with at(TODAY) as now, pytest.raises(DomainError, match=OVER):
            set_lapse_aside(policy_id, proof_id, reason="Paid in time", on=TODAY, now=now)
        return
    with at(TODAY) as now:
        asked = set_lapse_aside(policy_id, proof_id, reason="Paid in time", on=TODAY, now=now)
    sell_funeral(product_id, TODAY, 60_000, SIPHO, holder=2)
    assert asked.approval_id is not None

    with at(TODAY, CHECKER) as now, pytest.raises(DomainError, match=OVER):
        approve_request(asked.approval_id, on=TODAY, now=now)

    session.rollback()
    assert queries.get_policy(session, policy_id).status is PolicyStatus.LAPSED
    assert session.get(ApprovalRequest, (proof.org_id, asked.approval_id)) is not None


def test_a_policy_that_a_death_ended_by_mistake_is_not_restored_above_the_cap(
    session: Session, product_id: UUID
) -> None:
    policy_id = sell_funeral(product_id, START, 60_000, holder=1)
    died = claim(policy_id, "60000.00", claim_type="FUNERAL")
    complete(died.id)
    assess(died.id, "60000.00")
    settle(died.id, "60000.00")
    session.rollback()
    (main,) = queries.list_members(session, policy_id)
    herself = Life("SPOUSE", None, main.gender, main.date_of_birth, main.first_name, main.last_name)
    session.rollback()
    sell_funeral(product_id, TODAY, 60_000, herself, holder=2)

    with at(TODAY) as now, pytest.raises(DomainError, match="of funeral cover over all policies"):
        undo_death(died.id, reason="A namesake died", on=TODAY, now=now)

    session.rollback()
    assert queries.get_policy(session, policy_id).status is PolicyStatus.CANCELLED


def test_undoing_a_decrease_does_not_bring_cover_back_above_the_cap(
    session: Session, product_id: UUID
) -> None:
    policy_id = sell_funeral(product_id, TODAY, 60_000, SIPHO, holder=1)
    decrease = _change(session, policy_id, 30_000)
    sell_funeral(product_id, TODAY, 60_000, SIPHO, holder=2)

    with at(TODAY) as now, pytest.raises(DomainError, match=OVER):
        undo_endorsement(decrease, on=TODAY, now=now)

    assert _cover(session, policy_id) == D("30000.00")


def test_undoing_a_decrease_that_is_still_to_come_is_held_to_the_cap_too(
    session: Session, product_id: UUID
) -> None:
    policy_id = sell_funeral(product_id, TODAY, 60_000, SIPHO, holder=1)
    decrease = _change(session, policy_id, 30_000, TODAY + timedelta(days=40))
    sell_funeral(product_id, TODAY, 40_000, SIPHO, holder=2)

    with at(TODAY) as now:
        undo_endorsement(decrease, on=TODAY, now=now)

    assert _cover(session, policy_id) == D("60000.00")


def test_the_page_of_an_undo_asks_who_a_life_is(
    session: Session, product_id: UUID, sign_in: Callable[..., TestClient]
) -> None:
    policy_id = sell_funeral(product_id, TODAY, 60_000, SHORT, holder=1)
    decrease = _change(session, policy_id, 30_000)
    sell_funeral(product_id, TODAY, 60_000, SIPHO, holder=2)
    client = sign_in()
    url = client.url(f"/policies/{policy_id}/endorsements/{decrease}/undo")

    asked = client.post(url, data={})

    assert asked.status_code == 409
    assert "Is S Dlamini the Sipho Dlamini" in asked.text
    (name,) = set(re.findall(r'name="(life-[^"]+)"', asked.text))
    assert client.post(url, data={name: "other"}).status_code in (302, 303)
    assert _cover(session, policy_id) == D("60000.00")


def test_the_api_of_an_undo_takes_an_answer(
    session: Session, product_id: UUID, api: Callable[..., TestClient]
) -> None:
    policy_id = sell_funeral(product_id, TODAY, 60_000, SHORT, holder=1)
    decrease = _change(session, policy_id, 30_000)
    sell_funeral(product_id, TODAY, 60_000, SIPHO, holder=2)
    client, path = api(), f"/api/v1/endorsements/{decrease}/undo"

    asked = client.post(path)

    assert asked.status_code == 409
    (question,) = asked.json["life_questions"]
    answer = {"life": question["life"], "other_member_id": question["other_member_id"]}
    undone = client.post(path, json={"life_answers": [answer | {"is_same": False}]})
    assert (undone.status_code, undone.json["status"]) == (200, "UNDONE")


def test_cover_that_is_to_rise_on_a_day_to_come_counts_from_when_it_is_issued(
    session: Session, product_id: UUID
) -> None:
    policy_id = sell_funeral(product_id, TODAY, 30_000, SIPHO, holder=1)
    _change(session, policy_id, 60_000, TODAY + timedelta(days=40))

    with pytest.raises(DomainError, match=OVER):
        sell_funeral(product_id, TODAY, 60_000, SIPHO, holder=2)


def test_a_life_that_is_to_be_added_on_a_day_to_come_counts_from_when_that_is_issued(
    session: Session, product_id: UUID
) -> None:
    policy_id = sell_funeral(product_id, TODAY, 60_000, SIPHO, holder=1)
    wanted = EndorsementRequest(
        type=EndorsementType.ADD_MEMBER,
        data={
            "member_role": "CHILD",
            "first_name": "Neo",
            "last_name": "Nkosi",
            "date_of_birth": date(2022, 1, 5),
            "gender": "MALE",
        },
        effective_date=TODAY + timedelta(days=40),
    )
    with at(TODAY) as now:
        endorse_policy(policy_id, wanted, on=TODAY, now=now)
    neo = Life("CHILD", None, None, date(2022, 1, 5), "Neo", "Nkosi")

    with pytest.raises(DomainError, match="Neo Nkosi would have R\u00a030\u00a0000,00"):
        sell_funeral(product_id, TODAY, 60_000, neo, holder=2)


def test_an_answer_about_a_life_that_is_added_is_taken(session: Session, product_id: UUID) -> None:
    sell_funeral(product_id, TODAY, 60_000, SIPHO, holder=1)
    policy_id = sell_funeral(product_id, TODAY, 60_000, holder=2)
    wanted = EndorsementRequest(
        type=EndorsementType.ADD_MEMBER,
        data={
            "member_role": "SPOUSE",
            "first_name": "S",
            "last_name": "Dlamini",
            "date_of_birth": date(1985, 5, 15),
            "gender": "MALE",
        },
        effective_date=TODAY,
    )
    with at(TODAY) as now, pytest.raises(LifeQuestionsError) as asked:
        endorse_policy(policy_id, wanted, on=TODAY, now=now)
    (question,) = asked.value.questions
    answered = EndorsementRequest(
        type=wanted.type,
        data=wanted.data,
        effective_date=TODAY,
        life_answers={question.key: False},
    )

    with at(TODAY) as now:
        endorse_policy(policy_id, answered, on=TODAY, now=now)

    assert _cover(session, policy_id) == D("60000.00")


def test_details_that_make_another_person_of_a_life_bring_its_cover_there(
    session: Session, product_id: UUID
) -> None:
    """A life is not covered above its cap by giving it a wrong birth date first."""
    sell_funeral(product_id, TODAY, 60_000, SIPHO, holder=1)
    wrong = Life("SPOUSE", None, "MALE", date(1986, 6, 16), "Sipho", "Dlamini")
    policy_id = sell_funeral(product_id, TODAY, 60_000, wrong, holder=2)
    member = next(one for one in queries.list_members(session, policy_id) if one.role == "SPOUSE")
    wanted = EndorsementRequest(
        type=EndorsementType.CORRECT_DETAILS,
        data={"policy_member_id": member.id, "date_of_birth": date(1985, 5, 15)},
        effective_date=TODAY,
    )

    with at(TODAY) as now, pytest.raises(DomainError, match=OVER):
        endorse_policy(policy_id, wanted, on=TODAY, now=now)


# Anniversaries


def _rise(year: int = 2027, month: int = 10) -> None:
    month_end(date(year, month, 31 if month == 10 else 30))


def test_the_rise_of_an_anniversary_stops_at_the_cap_over_all_policies(
    session: Session, product_id: UUID
) -> None:
    escalate_by("6", cover_rate=D(10))
    rising = sell_funeral(product_id, START, 60_000, SIPHO, holder=1)
    sell_funeral(product_id, TODAY, 38_000, SIPHO, holder=2)
    for month in range(12):
        pay(rising, "100.00", date(2026, 10, 5) + timedelta(days=30 * month))

    _rise()

    # Sipho is insured for 38 000 elsewhere, by a policy whose anniversary is in November.
    assert _cover(session, rising) == D("62000.00")
    assert _cover(session, rising, "MAIN_MEMBER") == D("66000.00")


def test_of_two_policies_that_rise_together_neither_takes_the_room_of_the_other(
    session: Session, product_id: UUID
) -> None:
    escalate_by("6", cover_rate=D(10))
    both = [
        sell_funeral(product_id, START, amount, SIPHO, holder=holder)
        for holder, amount in ((1, 60_000), (2, 36_000))
    ]
    for policy_id in both:
        for month in range(12):
            pay(policy_id, "100.00", date(2026, 10, 5) + timedelta(days=30 * month))

    _rise()

    one, two = (_cover(session, policy_id) for policy_id in both)
    # The second counts to the first as 39 600, the first to the second as 66 000.
    assert (one, two) == (D("60400.00"), D("36000.00"))
    assert one + two <= D("100000.00")


def test_a_month_end_says_how_many_benefits_the_cap_held(
    session: Session, product_id: UUID, sign_in: Callable[..., TestClient]
) -> None:
    escalate_by("6", cover_rate=D(10))
    rising = sell_funeral(product_id, START, 60_000, SIPHO, holder=1)
    sell_funeral(product_id, TODAY, 38_000, SHORT, holder=2)

    run = plan(date(2027, 10, 31))

    client = sign_in()
    shown = client.get(client.url(f"/month-end/{run.id}/policies/{rising}")).text
    assert "Benefits held to cap" in shown


def test_a_life_that_is_somebody_else_does_not_hold_a_rise(
    session: Session, product_id: UUID
) -> None:
    escalate_by("6", cover_rate=D(10))
    sell_funeral(product_id, START, 60_000, SIPHO, holder=1)
    with pytest.raises(LifeQuestionsError) as asked:
        sell_funeral(product_id, TODAY, 60_000, SHORT, holder=2)
    (question,) = asked.value.questions
    session.rollback()
    policy_id = sell_funeral(
        product_id, TODAY, 60_000, SHORT, holder=3, life_answers={question.key: False}
    )
    for month in range(12):
        pay(policy_id, "100.00", TODAY + timedelta(days=30 * month))

    month_end(date(2027, 11, 30))

    assert _cover(session, policy_id) == D("66000.00")


def test_a_refused_answer_names_what_is_wrong(session: Session, product_id: UUID) -> None:
    policy_id = _lapsed(product_id)

    with pytest.raises(DomainError, match="This was not asked") as refusal:
        _reinstate(policy_id, {f"1:{UUID(int=7)}": True})

    assert refusal.value.field == "life_answers"
    assert not isinstance(refusal.value, ConflictError)
