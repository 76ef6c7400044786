"""Funeral cover of one life over all of the insurer's policies, through the commands and screens."""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.core.errors import DomainError
from insurance.policies import queries
from insurance.policies.models import EndorsementType, LifeMatch
from insurance.policies.services import accept_quote
from insurance.policies.services.endorsements import (
    EndorsementRequest,
    draft_endorsement,
    endorse_policy,
    issue_endorsement,
    preview_endorsement,
)
from insurance.policies.services.life_cover import LifeQuestionsError
from insurance.quotes.rules import Life
from tests.factories.book import NOW, TODAY, make_customer, make_quote
from tests.factories.funeral import make_funeral_product
from tests.factories.identity import TestClient

D = Decimal


@pytest.fixture
def product_id(session: Session) -> UUID:
    """Return the funeral product."""
    return make_funeral_product()


def _quote(product_id: UUID, amount: int, *lives: Life, holder: int = 1, **more: Any) -> UUID:
    names = {1: ("Palesa", "Nkosi"), 2: ("Zanele", "Botha")}
    customer = make_customer(holder, first_name=names[holder][0], last_name=names[holder][1])
    return make_quote(product_id, customer, sum_assured=D(amount), lives=lives, **more)


SIPHO = Life("SPOUSE", None, "MALE", date(1985, 5, 15), "Sipho", "Dlamini")
SHORT = Life("SPOUSE", None, "MALE", date(1985, 5, 15), "S", "Dlamini")


def test_another_spelling_of_a_name_is_asked_about_and_not_passed(
    session: Session, product_id: UUID
) -> None:
    accept_quote(_quote(product_id, 60_000, SIPHO), on=TODAY, now=NOW)
    second = _quote(product_id, 50_000, SHORT, holder=2)

    with pytest.raises(LifeQuestionsError) as asked:
        accept_quote(second, on=TODAY, now=NOW)

    (question,) = asked.value.questions
    assert (question.life.name, question.other.name) == ("S Dlamini", "Sipho Dlamini")
    with pytest.raises(DomainError, match="over all policies"):
        accept_quote(second, life_answers={question.key: True}, on=TODAY, now=NOW)
    accept_quote(second, life_answers={question.key: False}, on=TODAY, now=NOW)
    answer = session.scalars(select(LifeMatch)).one()
    assert (answer.is_same, answer.other_member_id) == (False, question.other.member_id)


def test_the_same_name_in_other_letters_counts_without_a_question(
    session: Session, product_id: UUID
) -> None:
    accept_quote(_quote(product_id, 60_000, SIPHO), on=TODAY, now=NOW)
    accented = Life("SPOUSE", None, "MALE", date(1985, 5, 15), "SÍPHO", "dlamini")

    with pytest.raises(DomainError, match="R\u00a0110\u00a0000,00 of funeral cover"):
        accept_quote(_quote(product_id, 50_000, accented, holder=2), on=TODAY, now=NOW)


def test_what_was_answered_once_is_not_asked_again(session: Session, product_id: UUID) -> None:
    accept_quote(_quote(product_id, 60_000, SIPHO), on=TODAY, now=NOW)
    second = _quote(product_id, 50_000, SHORT, holder=2)
    with pytest.raises(LifeQuestionsError) as asked:
        accept_quote(second, on=TODAY, now=NOW)
    answers = {one.key: False for one in asked.value.questions}
    policy_id = accept_quote(second, life_answers=answers, on=TODAY, now=NOW).policy.id

    assert preview_endorsement(policy_id, _spouse_cover(session, policy_id, 70_000), on=TODAY)
    assert (
        preview_endorsement(
            policy_id, _spouse_cover(session, policy_id, 70_000), on=TODAY
        ).questions
        == []
    )


def test_an_answer_that_nobody_asked_for_is_refused(session: Session, product_id: UUID) -> None:
    with pytest.raises(DomainError) as refusal:
        accept_quote(
            _quote(product_id, 50_000, SHORT),
            life_answers={f"0:{UUID(int=5)}": True},
            on=TODAY,
            now=NOW,
        )

    assert refusal.value.field == "life_answers"


def _spouse_cover(session: Session, policy_id: UUID, amount: int) -> EndorsementRequest:
    benefit = next(
        one.benefit
        for one in queries.list_benefits(session, policy_id)
        if one.benefit.benefit_code == "SPOUSE"
    )
    return EndorsementRequest(
        type=EndorsementType.CHANGE_COVER,
        data={"policy_benefit_id": benefit.id, "new_sum_assured": D(amount)},
        effective_date=TODAY,
    )


def test_the_preview_of_a_change_runs_the_cap_over_all_policies_as_issuing_does(
    session: Session, product_id: UUID
) -> None:
    accept_quote(_quote(product_id, 60_000, SIPHO), on=TODAY, now=NOW)
    policy_id = accept_quote(
        _quote(product_id, 30_000, SIPHO, holder=2), on=TODAY, now=NOW
    ).policy.id
    too_much = _spouse_cover(session, policy_id, 45_000)

    for act in (
        lambda: preview_endorsement(policy_id, too_much, on=TODAY),
        lambda: endorse_policy(policy_id, too_much, on=TODAY, now=NOW),
    ):
        with pytest.raises(DomainError, match="R\u00a0105\u00a0000,00 of funeral cover over all"):
            act()


def test_a_change_asks_who_a_life_is_and_keeps_the_answer_with_the_draft(
    session: Session, product_id: UUID
) -> None:
    accept_quote(_quote(product_id, 60_000, SIPHO), on=TODAY, now=NOW)
    policy_id = accept_quote(
        _quote(product_id, 30_000, SHORT, holder=2), on=TODAY, now=NOW
    ).policy.id
    more = _spouse_cover(session, policy_id, 50_000)

    (question,) = preview_endorsement(policy_id, more, on=TODAY).questions

    with pytest.raises(LifeQuestionsError):
        draft_endorsement(policy_id, more, on=TODAY, now=NOW)
    with pytest.raises(LifeQuestionsError):
        endorse_policy(policy_id, more, on=TODAY, now=NOW)
    answered = EndorsementRequest(
        type=more.type,
        data=more.data,
        effective_date=TODAY,
        life_answers={question.key: False},
    )
    draft = draft_endorsement(policy_id, answered, on=TODAY, now=NOW)
    issued = issue_endorsement(draft.id, on=TODAY, now=NOW)
    assert issued.preview.new_premium == issued.preview.current_premium


@pytest.mark.parametrize(
    ("on", "is_refused"), [(date(2026, 11, 20), True), (date(2026, 12, 1), False)]
)
def test_a_child_born_2020_12_01_may_have_20_000_until_its_sixth_birthday(
    session: Session, product_id: UUID, on: date, is_refused: bool
) -> None:
    child = Life("CHILD", None, None, date(2020, 12, 1), "Neo", "Nkosi")
    wanted = {
        "benefit_overrides": {"CHILD": D(50_000)},
        "effective_date": on,
    }
    if is_refused:
        with pytest.raises(DomainError, match="Neo Nkosi would have"):
            _quote(product_id, 60_000, child, **wanted)
    else:
        accept_quote(_quote(product_id, 60_000, child, **wanted), on=TODAY, now=NOW)


def test_the_cap_of_a_child_is_one_over_all_policies(session: Session, product_id: UUID) -> None:
    child = Life("CHILD", None, None, date(2020, 12, 1), "Neo", "Nkosi")
    accept_quote(_quote(product_id, 60_000, child), on=TODAY, now=NOW)

    with pytest.raises(DomainError, match="this life may have R\u00a020\u00a0000,00"):
        accept_quote(_quote(product_id, 60_000, child, holder=2), on=TODAY, now=NOW)


def test_the_quote_page_asks_who_a_life_is_and_takes_the_answer(
    sign_in: Callable[..., TestClient], session: Session, product_id: UUID
) -> None:
    accept_quote(_quote(product_id, 60_000, SIPHO), on=TODAY, now=NOW)
    second = _quote(product_id, 50_000, SHORT, holder=2)
    client = sign_in()
    url = client.url(f"/quotes/{second}/accept")

    asked = client.post(url, data={})

    assert asked.status_code == 409
    assert "Is S Dlamini the Sipho Dlamini, born 1985" in asked.text
    (name,) = set(re.findall(r'name="(life-[^"]+)"', asked.text))
    assert client.post(url, data={name: "same"}).status_code == 422
    assert client.post(url, data={name: "other"}).status_code in (302, 303)


def test_the_page_of_a_change_asks_who_a_life_is_before_it_is_issued(
    sign_in: Callable[..., TestClient], session: Session, product_id: UUID
) -> None:
    accept_quote(_quote(product_id, 60_000, SIPHO), on=TODAY, now=NOW)
    policy_id = accept_quote(
        _quote(product_id, 30_000, SHORT, holder=2), on=TODAY, now=NOW
    ).policy.id
    benefit_id = _spouse_cover(session, policy_id, 50_000).data["policy_benefit_id"]
    client = sign_in()
    url = client.url(f"/policies/{policy_id}/endorse/cover")
    change = {
        "policy_benefit_id": str(benefit_id),
        "new_sum_assured": "50000",
        "effective_date": f"{TODAY:%Y/%m/%d}",
    }

    asked = client.post(url, data=change | {"act": "issue"})

    assert asked.status_code == 200
    assert "Is S Dlamini the Sipho Dlamini" in asked.text
    (name,) = set(re.findall(r'name="(life-[^"]+)"', asked.text))
    issued = client.post(url, data=change | {"act": "issue", name: "other"})
    assert issued.status_code in (302, 303)


def test_the_api_asks_who_a_life_is_and_takes_the_answer(
    api: Callable[..., TestClient], session: Session, product_id: UUID
) -> None:
    accept_quote(_quote(product_id, 60_000, SIPHO), on=TODAY, now=NOW)
    second = _quote(product_id, 50_000, SHORT, holder=2)
    client = api()
    path = f"/api/v1/quotes/{second}/accept"

    asked = client.put(path, json={})

    assert asked.status_code == 409
    (question,) = asked.json["life_questions"]
    assert question["other_name"] == "Sipho Dlamini"
    answer = {"life": question["life"], "other_member_id": question["other_member_id"]}
    wrong = client.put(path, json={"life_answers": [answer | {"is_same": "perhaps"}]})
    assert wrong.status_code == 422
    taken = client.put(path, json={"life_answers": [answer | {"is_same": False}]})
    assert taken.status_code == 200
