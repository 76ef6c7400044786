"""Funeral cover of one life over all of the insurer's policies, held to the law's caps."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from insurance.core.context import current_actor
from insurance.core.errors import ConflictError, DomainError, raise_all
from insurance.core.ids import new_id
from insurance.core.tenancy import current_org
from insurance.policies.models import LifeLock, LifeMatch
from insurance.policies.rules import (
    LifeElsewhere,
    LifeHere,
    LifeQuestion,
    Likeness,
    check_cover_of_lives,
    exchanged,
    likeness,
)

_ELSEWHERE = text(
    """
    SELECT m.id AS member_id, m.policy_id, p.policy_number, m.first_name, m.last_name,
           m.date_of_birth, m.id_number_ref, m.passport_ref, sum(b.sum_assured) AS cover
    FROM ins.policy_members m
    JOIN ins.policies p ON p.org_id = m.org_id AND p.id = m.policy_id
        AND p.status IN ('active', 'suspended')
    JOIN ins.products pr ON pr.org_id = p.org_id AND pr.id = p.product_id
        AND pr.class_code = 'FUNERAL'
    JOIN ins.policy_benefits b ON b.org_id = m.org_id AND b.policy_id = m.policy_id
        AND b.status = 'ACTIVE' AND b.benefit_type_code <> 'PREMIUM_WAIVER'
        AND (b.member_id = m.id OR (b.member_id IS NULL AND m.role = 'MAIN_MEMBER'))
    WHERE m.org_id = :org AND (m.date_of_birth = ANY(CAST(:births AS date[]))
           OR m.id_number_ref = ANY(CAST(:numbers AS uuid[]))
           OR m.passport_ref = ANY(CAST(:numbers AS uuid[])))
      AND m.policy_id <> :policy AND m.end_date IS NULL
    GROUP BY m.id, m.policy_id, p.policy_number, m.first_name, m.last_name, m.date_of_birth,
             m.id_number_ref, m.passport_ref
    ORDER BY m.id
    """
)
_ANSWERED = text(
    """
    SELECT member_id, other_member_id, is_same FROM ins.life_matches
    WHERE org_id = :org AND (member_id = ANY(CAST(:members AS uuid[]))
                             OR other_member_id = ANY(CAST(:members AS uuid[])))
    ORDER BY answered_at, id
    """
)


class LifeQuestionsError(ConflictError):
    """Somebody must say whether lives are the same person before their cover is counted."""

    def __init__(self, questions: Sequence[LifeQuestion]) -> None:
        super().__init__(
            " ".join(one.words for one in questions),
            field="life_answers",
            detail={"life_questions": [question_answer(one) for one in questions]},
        )
        self.questions = questions


def question_answer(question: LifeQuestion) -> dict[str, Any]:
    """Return a question as the API asks it."""
    other = question.other
    return {
        "life": question.life.place,
        "name": question.life.name,
        "other_member_id": str(other.member_id),
        "other_name": other.name,
        "other_date_of_birth": other.date_of_birth and other.date_of_birth.isoformat(),
        "other_policy_number": other.policy_number,
        "other_cover": str(other.cover),
        "question": question.words,
    }


def open_questions(
    session: Session,
    policy_id: UUID,
    lives_at: Iterable[Sequence[LifeHere]],
    answers: Mapping[str, bool],
) -> list[LifeQuestion]:
    """Return what must be answered before a policy's funeral cover may be what it is to be.

    `lives_at` are the policy's lives at each moment to be looked at; the first with a refusal or a
    question counts. Raises DomainError naming each life that would be insured for too much.
    """
    for lives in lives_at:
        growing = [one for one in lives if one.after > one.before]
        if not growing:
            continue
        elsewhere = _elsewhere(session, policy_id, growing)
        known = _known(session, growing) | dict(answers)
        refusals, questions = check_cover_of_lives(growing, elsewhere, known)
        raise_all(list(refusals))
        if questions:
            return questions
    return []


def check_life_cover(
    session: Session,
    policy_id: UUID,
    lives_at: Sequence[Sequence[LifeHere]],
    answers: Mapping[str, bool],
    *,
    now: datetime,
) -> None:
    """Refuse funeral cover that takes a life above its cap over all policies; keep the answers.

    The caps are dated parameters (Insurance Act 18 of 2017, Schedule 2, class funeral). Raises
    DomainError naming each life with what it would be insured for, LifeQuestionsError where two
    lives are likely the same and nobody has said so.
    """
    session.flush()
    lock_lives(session, [one for lives in lives_at for one in lives if one.after > one.before])
    if questions := open_questions(session, policy_id, lives_at, answers):
        raise LifeQuestionsError(questions)
    if answers:
        _keep(session, policy_id, lives_at, answers, now)


def lock_lives(session: Session, lives: Iterable[LifeHere]) -> None:
    """Let nobody else change the funeral cover of these lives before this transaction ends.

    What is locked is each number, and each birth date with that of day and month exchanged: all
    that two lives can be compared by. In one order everywhere, so that nobody waits in a circle.
    """
    keys = sorted({key for life in lives for key in _lock_keys(life)})
    if not keys:
        return
    rows = [{"org_id": current_org(), "life": key} for key in keys]
    session.execute(insert(LifeLock).values(rows).on_conflict_do_nothing())
    session.execute(
        select(LifeLock.life)
        .where(LifeLock.org_id == current_org(), LifeLock.life.in_(keys))
        .order_by(LifeLock.life)
        .with_for_update()
    ).all()


def _lock_keys(life: LifeHere) -> list[str]:
    keys = [str(one) for one in _numbers(life)]
    if life.date_of_birth is not None:
        keys.append(min(_births(life.date_of_birth)).isoformat())
    return keys


def _births(born: date) -> set[date]:
    return {born, exchanged(born) or born}


def _numbers(life: LifeHere) -> list[UUID]:
    return [one for one in (life.id_number_ref, life.passport_ref) if one is not None]


def _elsewhere(session: Session, policy_id: UUID, lives: Sequence[LifeHere]) -> list[LifeElsewhere]:
    births = {day for one in lives if one.date_of_birth for day in _births(one.date_of_birth)}
    numbers = {number for one in lives for number in _numbers(one)}
    if not births and not numbers:
        return []
    values = {
        "org": current_org(),
        "policy": policy_id,
        "births": sorted(births),
        "numbers": sorted(numbers),
    }
    return [LifeElsewhere(**row._mapping) for row in session.execute(_ELSEWHERE, values)]


def _known(session: Session, lives: Sequence[LifeHere]) -> dict[str, bool]:
    """Return what was answered of these lives before, by the key of the question."""
    places = {one.member_id: one.place for one in lives if one.member_id}
    values = {"org": current_org(), "members": list(places)}
    known: dict[str, bool] = {}
    for member, other, is_same in session.execute(_ANSWERED, values):
        for mine, theirs in ((member, other), (other, member)):
            if mine in places:
                known[f"{places[mine]}:{theirs}"] = is_same
    return known


def _keep(
    session: Session,
    policy_id: UUID,
    lives_at: Sequence[Sequence[LifeHere]],
    answers: Mapping[str, bool],
    now: datetime,
) -> None:
    lives = {one.place: one for lives in lives_at for one in lives if one.after > one.before}
    asked = {
        question.key: question
        for other in _elsewhere(session, policy_id, list(lives.values()))
        for question in (LifeQuestion(life, other) for life in lives.values())
        if likeness(question.life, question.other) is Likeness.LIKELY
    }
    for key, is_same in answers.items():
        if key not in asked:
            raise DomainError("This was not asked.", field="life_answers")
        member_id = asked[key].life.member_id
        session.add(
            LifeMatch(
                id=new_id(),
                member_id=member_id,
                other_member_id=asked[key].other.member_id,
                is_same=is_same,
                answered_by=current_actor().email,
                answered_at=now,
            )
        )
