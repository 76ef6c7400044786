"""Funeral cover of one life over all of the insurer's policies, held to the law's caps."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from insurance.core.bulk import id_array
from insurance.core.context import current_actor
from insurance.core.errors import ConflictError, DomainError, raise_all
from insurance.core.ids import new_id
from insurance.core.tenancy import current_org
from insurance.policies.models import LifeLock, LifeMatch, PolicyMember
from insurance.policies.rules import (
    Contract,
    KnownLife,
    LifeElsewhere,
    LifeHere,
    LifeQuestion,
    Likeness,
    Pricer,
    check_cover_of_lives,
    exchanged,
    fold,
    likeness,
)
from insurance.policies.services.contract_bases import (
    PolicyInBulk,
    list_in_bulk,
    read_contract_bases,
)

# Two ID numbers are two lives, so a birth date is compared only where one of them has none.
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
        AND b.status = 'ACTIVE' AND b.benefit_type_code NOT IN ('PREMIUM_WAIVER', 'STILLBIRTH')
    LEFT JOIN ins.product_benefits pb ON pb.org_id = p.org_id
        AND pb.product_version_id = p.product_version_id AND pb.benefit_code = b.benefit_code
    WHERE m.org_id = :org
      AND ((m.date_of_birth = ANY(CAST(:births AS date[]))
            AND (m.id_number_ref IS NULL OR m.date_of_birth = ANY(CAST(:unnumbered AS date[]))))
           OR m.id_number_ref = ANY(CAST(:numbers AS uuid[]))
           OR m.passport_ref = ANY(CAST(:numbers AS uuid[])))
      AND m.policy_id <> :policy AND m.end_date IS NULL
      AND (b.member_id = m.id OR (b.member_id IS NULL
           AND coalesce(pb.member_role, 'MAIN_MEMBER') IN (m.role, 'ALL')))
    GROUP BY m.id, m.policy_id, p.policy_number, m.first_name, m.last_name, m.date_of_birth,
             m.id_number_ref, m.passport_ref
    ORDER BY m.id
    """
)
# Changes that are to cover lives for more from a day to come. The first case lets the partial
# index of such changes answer; the second finds a life that is on no policy's rows yet.
_COMING = text(
    """
    SELECT e.policy_id, e.id
    FROM ins.endorsements e
    JOIN ins.policies p ON p.org_id = e.org_id AND p.id = e.policy_id
        AND p.status IN ('active', 'suspended')
    JOIN ins.products pr ON pr.org_id = p.org_id AND pr.id = p.product_id
        AND pr.class_code = 'FUNERAL'
    WHERE e.org_id = :org AND e.status = 'ISSUED' AND e.applied_at IS NULL
      AND e.policy_id <> :policy
      AND (e.policy_id = ANY(CAST(:found AS uuid[]))
           OR e.change->'data'->>'date_of_birth' = ANY(CAST(:births AS text[]))
           OR e.change->'data'->>'id_number_ref' = ANY(CAST(:numbers AS text[]))
           OR e.change->'data'->>'passport_ref' = ANY(CAST(:numbers AS text[])))
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
_NO_POLICY = UUID(int=0)


class LifeQuestionsError(ConflictError):
    """Somebody must say whether lives are the same person before their cover is counted."""

    def __init__(self, questions: Sequence[LifeQuestion]) -> None:
        super().__init__(
            " ".join(question.words for question in questions),
            field="life_answers",
            detail={"life_questions": [question_answer(question) for question in questions]},
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
        growing = [life for life in lives if life.after > life.before]
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
) -> None:
    """Refuse funeral cover that takes a life above its cap over all policies.

    Everything that makes cover rise or live again passes here: issue, change, undo, and every way
    back of a policy that had ended. The rise of an anniversary stops at the cap by itself.

    The caps are dated parameters (Insurance Act 18 of 2017, Schedule 2, class funeral). Raises
    DomainError naming each life with what it would be insured for, LifeQuestionsError where two
    lives are likely the same and nobody has said so.
    """
    session.flush()
    lock_lives(session, [life for lives in lives_at for life in lives if life.after > life.before])
    if questions := open_questions(session, policy_id, lives_at, answers):
        raise LifeQuestionsError(questions)
    if answers and not answers.keys() <= _asked(session, policy_id, lives_at).keys():
        raise DomainError("This was not asked.", field="life_answers")


def keep_life_answers(
    session: Session,
    policy_id: UUID,
    lives_at: Sequence[Sequence[LifeHere]],
    answers: Mapping[str, bool],
    *,
    now: datetime,
) -> None:
    """Keep what was answered, so that it is not asked again, once the lives are on the policy.

    Of a life that is added on a day to come it is asked again.
    """
    if not answers:
        return
    session.flush()
    asked = _asked(session, policy_id, lives_at)
    pairs = {key: (asked[key].life.member_id, asked[key].other.member_id) for key in answers}
    rows = select(PolicyMember.id).where(
        PolicyMember.org_id == current_org(),
        PolicyMember.id.in_([member for pair in pairs.values() for member in pair if member]),
    )
    known = set(session.scalars(rows))
    for key, (member_id, other_id) in pairs.items():
        if member_id is not None and {member_id, other_id} <= known:
            session.add(
                LifeMatch(
                    id=new_id(),
                    member_id=member_id,
                    other_member_id=other_id,
                    is_same=answers[key],
                    answered_by=current_actor().email,
                    answered_at=now,
                )
            )


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
    keys = [str(number) for number in _numbers(life)]
    if life.date_of_birth is not None:
        keys.append(min(_births(life.date_of_birth)).isoformat())
    return keys


def _births(born: date) -> set[date]:
    return {born, exchanged(born) or born}


def _numbers(life: KnownLife) -> list[UUID]:
    return [one for one in (life.id_number_ref, life.passport_ref) if one is not None]


def find_cover_elsewhere(
    session: Session, lives: Mapping[UUID, Sequence[LifeHere]]
) -> dict[UUID, list[LifeElsewhere]]:
    """Return by a life's id where else it has funeral cover, for the lives of many policies.

    Who is likely the same counts unless somebody said otherwise: nobody can be asked.
    """
    everybody = [life for found in lives.values() for life in found]
    found = _elsewhere(session, None, everybody)
    by_mark: dict[object, list[LifeElsewhere]] = defaultdict(list)
    for other in found:
        for mark in _marks(other):
            by_mark[mark].append(other)
    members = [life.member_id for life in everybody if life.member_id]
    answered = {(one, other): same for one, other, same in _answers(session, members)}
    alike: dict[UUID, list[LifeElsewhere]] = {}
    for policy_id, here in lives.items():
        for life in here:
            if life.member_id is None:
                continue
            near = {one.member_id: one for mark in _marks(life) for one in by_mark[mark]}
            alike[life.member_id] = [
                one
                for one in near.values()
                if one.policy_id != policy_id and _counts(life, one, answered)
            ]
    return alike


def _marks(life: KnownLife) -> list[object]:
    """Return all by which a life can be found to be the same as another."""
    births = _births(life.date_of_birth) if life.date_of_birth else set()
    return [*births, *_numbers(life)]


def _counts(
    life: LifeHere, other: LifeElsewhere, answered: Mapping[tuple[UUID, UUID], bool]
) -> bool:
    found = likeness(life, other)
    if found is not Likeness.LIKELY or life.member_id is None:
        return found is Likeness.SAME
    pairs = ((life.member_id, other.member_id), (other.member_id, life.member_id))
    return next((answered[pair] for pair in pairs if pair in answered), True)


def _elsewhere(
    session: Session, policy_id: UUID | None, lives: Sequence[LifeHere]
) -> list[LifeElsewhere]:
    """Return who may be one of these lives on other policies than theirs, None for on any."""
    born = {life.date_of_birth for life in lives if life.date_of_birth}
    births = {day for one in born for day in _births(one)}
    unnumbered = {
        day
        for life in lives
        if life.date_of_birth and life.id_number_ref is None
        for day in _births(life.date_of_birth)
    }
    numbers = {number for life in lives for number in _numbers(life)}
    if not births and not numbers:
        return []
    values = {
        "org": current_org(),
        "policy": policy_id or _NO_POLICY,
        "births": sorted(births),
        "unnumbered": sorted(unnumbered),
        "numbers": sorted(numbers),
    }
    found = [LifeElsewhere(**row._mapping) for row in session.execute(_ELSEWHERE, values)]
    return _with_coming(session, found, values)


def _with_coming(
    session: Session, found: Sequence[LifeElsewhere], asked: Mapping[str, Any]
) -> list[LifeElsewhere]:
    """Return lives elsewhere with the most that issued changes will cover them for.

    Cover that is to rise on a day to come was promised already.
    """
    values = {
        "org": asked["org"],
        "policy": asked["policy"],
        "found": id_array(sorted({one.policy_id for one in found})),
        "births": [one.isoformat() for one in asked["births"]],
        "numbers": [str(one) for one in asked["numbers"]],
    }
    coming = session.execute(_COMING, values).all()
    if not coming:
        return list(found)
    policies = list_in_bulk(session, {policy_id for policy_id, _change_id in coming})
    to_come = {change_id for _policy_id, change_id in coming}
    most = {one.member_id: one for one in found}
    for policy, basis in read_contract_bases(session, policies):
        for stage in fold(basis.contract, basis.starts_on, basis.changes, basis.pricer):
            if stage.change is None or stage.change.id not in to_come:
                continue
            for life in _lives_of(policy, stage.contract, basis.pricer):
                known = most.get(life.member_id)
                if known is None or known.cover < life.cover:
                    most[life.member_id] = life
    return [most[member_id] for member_id in sorted(most)]


def _lives_of(policy: PolicyInBulk, contract: Contract, pricer: Pricer) -> list[LifeElsewhere]:
    cover = pricer.cover_by_life(contract)
    return [
        LifeElsewhere(
            member_id=member.id,
            policy_id=policy.id,
            policy_number=policy.policy_number,
            first_name=member.first_name,
            last_name=member.last_name,
            date_of_birth=member.date_of_birth,
            id_number_ref=member.id_number_ref,
            passport_ref=member.passport_ref,
            cover=cover[member.id],
        )
        for member in contract.members
        if member.id in cover
    ]


def _known(session: Session, lives: Sequence[LifeHere]) -> dict[str, bool]:
    """Return what was answered of these lives before, by the key of the question."""
    places = {life.member_id: life.place for life in lives if life.member_id}
    known: dict[str, bool] = {}
    for member, other, is_same in _answers(session, list(places)):
        for mine, theirs in ((member, other), (other, member)):
            if mine in places:
                known[f"{places[mine]}:{theirs}"] = is_same
    return known


def _answers(session: Session, members: Sequence[UUID]) -> list[Any]:
    """Return what was answered of lives: two members and whether they are one, the newest last."""
    values = {"org": current_org(), "members": id_array(members)}
    return list(session.execute(_ANSWERED, values))


def _asked(
    session: Session, policy_id: UUID, lives_at: Sequence[Sequence[LifeHere]]
) -> dict[str, LifeQuestion]:
    """Return what can be asked of lives whose cover grows, by the key of the question."""
    lives = {one.place: one for lives in lives_at for one in lives if one.after > one.before}
    return {
        question.key: question
        for other in _elsewhere(session, policy_id, list(lives.values()))
        for question in (LifeQuestion(life, other) for life in lives.values())
        if likeness(question.life, question.other) is Likeness.LIKELY
    }
