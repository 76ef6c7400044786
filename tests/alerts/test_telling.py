"""People are told of what concerns them, in the transaction of the fact, and of nothing else."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.alerts import rules
from insurance.alerts.alert_kinds import MENTIONED
from insurance.alerts.models import Alert
from insurance.alerts.services import forget_old, notify, read_alert, warn_of_keys
from insurance.approvals.services import approve_request, delegate_decisions, reject_request
from insurance.claims.services import assign_claim
from insurance.core import clock
from insurance.core.alert_kinds import list_alert_kinds
from insurance.core.context import Actor, acting_as
from insurance.core.db import transaction
from insurance.core.errors import NotFoundError
from insurance.core.ids import new_id
from insurance.core.permissions import Role
from insurance.identity.services import create_api_key
from insurance.month_end.models import MonthEndRun, StepCode
from insurance.month_end.services import (
    WantedRun,
    apply_run,
    approve_run,
    fail_run,
    finish_now,
    request_run,
)
from insurance.policies.lifecycle_rules import CancellationType
from insurance.policies.permissions import PoliciesMay
from insurance.policies.services import Cancellation, cancel_policy
from insurance.web.access import access_of
from tests.factories.claims import claim
from tests.factories.identity import PersonFacts, make_person
from tests.factories.lifecycle import MAKER, pay, sell
from tests.factories.organizations import OrganizationFacts

TODAY = clock.today("Africa/Johannesburg")


def as_person(person: PersonFacts, org: OrganizationFacts) -> Actor:
    """Return a person as they act."""
    return Actor(
        user_id=person.id, email=person.email, name="Thandi Mokoena", org_id=org.id,
        roles=frozenset({person.role}),
    )  # fmt: skip


def ask(actor: Actor) -> UUID:
    """Return a cancellation for fraud that somebody asks others to decide."""
    policy_id = sell(TODAY)
    wanted = Cancellation(kind=CancellationType.FRAUD, reason="The claim was made up")
    with acting_as(actor):
        asked = cancel_policy(policy_id, wanted, on=TODAY, now=clock.now())
    assert asked.approval_id is not None
    return asked.approval_id


def told(session: Session, person: PersonFacts) -> list[str]:
    """Return what a person was told, oldest first."""
    mine = select(Alert.title).where(Alert.user_id == person.id).order_by(Alert.id)
    return list(session.scalars(mine))


def test_who_may_decide_a_request_is_told_and_nobody_else(
    session: Session, org: OrganizationFacts
) -> None:
    manager, agent = make_person(org.id, Role.MANAGER), make_person(org.id, Role.AGENT)

    ask(MAKER)

    assert len(told(session, manager)) == 1
    assert "asks you to decide" in told(session, manager)[0]
    assert told(session, agent) == []


def test_a_colleague_who_decides_for_another_today_is_told_too(
    session: Session, org: OrganizationFacts
) -> None:
    manager, agent = make_person(org.id, Role.MANAGER), make_person(org.id, Role.AGENT)
    last = TODAY + timedelta(days=3)
    with acting_as(as_person(manager, org)):
        delegate_decisions(
            agent.id, first_day=TODAY, last_day=last, reason="Leave", now=clock.now()
        )

    ask(MAKER)

    assert [title.split(":")[0] for title in told(session, agent)] == [
        f"Thandi Mokoena lets you decide in their place from {TODAY:%Y/%m/%d} to {last:%Y/%m/%d}",
        "Maker asks you to decide",
    ]


@pytest.mark.parametrize(("is_agreed", "word"), [(True, "approved and done"), (False, "rejected")])
def test_who_asked_is_told_what_was_decided_and_why(
    is_agreed: bool, word: str, session: Session, org: OrganizationFacts
) -> None:
    asker, manager = make_person(org.id, Role.AGENT), make_person(org.id, Role.MANAGER)
    request_id, now = ask(as_person(asker, org)), clock.now()

    with acting_as(as_person(manager, org)):
        if is_agreed:
            approve_request(request_id, on=TODAY, now=now, note="As agreed")
        else:
            reject_request(request_id, now=now, note="As agreed")

    assert told(session, asker)[-1].endswith(f"{word} (“As agreed”)")


def test_who_is_given_a_claim_is_told_and_who_takes_one_is_not(
    session: Session, org: OrganizationFacts
) -> None:
    assessor, manager = make_person(org.id, Role.CLAIMS_ASSESSOR), make_person(org.id, Role.MANAGER)
    policy_id = sell(TODAY - timedelta(days=40))
    pay(policy_id, "310.00", TODAY - timedelta(days=40))
    submitted = claim(policy_id)

    with acting_as(as_person(manager, org)):
        assign_claim(submitted.id, assessor.id, on=TODAY, now=clock.now())
    with acting_as(as_person(assessor, org)):
        assign_claim(submitted.id, None, on=TODAY, now=clock.now())
        assign_claim(submitted.id, assessor.id, on=TODAY, now=clock.now())

    assert told(session, assessor) == [
        f"Claim {submitted.claim_number} is yours now: Thandi Mokoena gave it to you"
    ]


def test_a_month_end_tells_who_asked_and_who_approved_what_comes_next(
    session: Session, org: OrganizationFacts
) -> None:
    finance, manager = make_person(org.id, Role.FINANCE), make_person(org.id, Role.MANAGER)
    sell(TODAY)
    run = _request_run(as_person(finance, org))
    finish_now(run.id, now=clock.now())  # as the worker does it
    asked = f"Thandi Mokoena asks you to decide: Plan of the month-end of {TODAY:%Y/%m/%d}"
    assert told(session, manager) == [asked]

    with acting_as(as_person(manager, org)):
        approve_run(run.id, comment=None, now=clock.now())
    with acting_as(as_person(finance, org)):
        apply_run(run.id, on=TODAY, now=clock.now())
    finish_now(run.id, now=clock.now())

    day = f"{TODAY:%Y/%m/%d}"
    assert told(session, finance) == [
        f"The month-end of {day} is planned. Next: a second person approves it, then apply it",
        f"Plan of the month-end of {day}: approved and done",
        f"The month-end of {day} is completed. Policies: 1. Next: read its pack",
    ]
    assert told(session, manager)[1:] == told(session, finance)[2:]


def test_a_month_end_that_stops_tells_so(session: Session, org: OrganizationFacts) -> None:
    finance = make_person(org.id, Role.FINANCE)
    sell(TODAY)
    run = _request_run(as_person(finance, org))

    fail_run(run.id, "disk full", now=clock.now())

    assert "has stopped. Next: see why" in told(session, finance)[-1]


def _request_run(actor: Actor) -> MonthEndRun:
    wanted = WantedRun(process_date=TODAY, steps=frozenset(StepCode))
    with acting_as(actor):
        return request_run(wanted, on=TODAY, now=clock.now())


def test_what_fails_after_the_fact_tells_nobody(session: Session, org: OrganizationFacts) -> None:
    person = make_person(org.id, Role.AGENT)

    with pytest.raises(RuntimeError), transaction() as writing:
        notify(writing, MENTIONED, [person.id], ("claims", new_id()), by="Sipho", record="CL-1")
        raise RuntimeError

    assert told(session, person) == []


def test_nobody_is_told_what_they_do_themselves(session: Session, org: OrganizationFacts) -> None:
    person = make_person(org.id, Role.AGENT)

    with acting_as(as_person(person, org)), transaction() as writing:
        count = notify(
            writing, MENTIONED, [person.id], ("claims", new_id()), by="Sipho", record="CL-1"
        )

    assert (count, told(session, person)) == (0, [])


def test_the_holder_of_a_key_is_told_two_weeks_before_it_ends_and_once(
    session: Session, org: OrganizationFacts
) -> None:
    holder = make_person(org.id, Role.TENANT_ADMINISTRATOR)
    scopes = frozenset({PoliciesMay.VIEW})
    now = clock.now()
    for name, days in (("Import", 10), ("Website", 30)):
        create_api_key(user_id=holder.id, name=name, scopes=scopes, days=days, now=now)

    assert (warn_of_keys(now=now), warn_of_keys(now=now)) == (1, 0)
    assert told(session, holder)[0].startswith("The API key Import expires on")


def test_what_was_read_is_forgotten_after_its_time_and_what_is_new_is_kept(
    session: Session, org: OrganizationFacts
) -> None:
    person, now = make_person(org.id, Role.AGENT), clock.now()
    ids = [_mention(person), _mention(person)]
    with acting_as(as_person(person, org)):
        read_alert(ids[0], now=now)

    day_after = now + rules.KEPT_ONCE_READ + timedelta(days=1)

    assert forget_old(now=now + rules.KEPT_ONCE_READ) == 0
    assert forget_old(now=day_after) == 1
    assert list(session.scalars(select(Alert.id))) == [ids[1]]


def test_only_ones_own_alert_is_read(session: Session, org: OrganizationFacts) -> None:
    person, other = make_person(org.id, Role.AGENT), make_person(org.id, Role.AGENT)
    alert_id = _mention(person)

    with acting_as(as_person(other, org)), pytest.raises(NotFoundError):
        read_alert(alert_id, now=clock.now())


def test_each_kind_has_words_and_leads_to_a_page_that_there_is(app: object) -> None:
    kinds = list_alert_kinds()
    assert len(kinds) >= 10
    with app.app_context():  # type: ignore[attr-defined]
        for kind in kinds:
            assert kind.name and kind.who and kind.text
            for endpoint, _argument in kind.pages.values():
                assert access_of(endpoint) is not None, endpoint


def _mention(person: PersonFacts) -> UUID:
    with transaction() as session:
        notify(session, MENTIONED, [person.id], ("claims", uuid4()), by="Sipho", record="CL-1")
    with transaction() as session:
        return session.scalars(select(Alert.id).order_by(Alert.id.desc()).limit(1)).one()
