"""The next claim: to assess, that nobody else has; to pay, that one may pay."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from insurance.claims import queries, services
from insurance.core import clock
from insurance.core.context import Actor, acting_as
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from tests.factories.book import TODAY
from tests.factories.claims import assess, claim, complete
from tests.factories.identity import SignedInClient, make_person
from tests.factories.lifecycle import morning, sell
from tests.factories.organizations import OrganizationFacts

SignIn = Callable[..., SignedInClient]


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    """Let the business day be 20 November 2026."""
    with clock.frozen(morning(TODAY)):
        yield


@pytest.fixture
def waiting(session: Session) -> list[UUID]:
    """Return three claims that wait for a decision, the nearest deadline first."""
    found = []
    for _index in range(3):
        policy_id = sell(date(2026, 9, 20))
        found.append(claim(policy_id).id)
        complete(found[-1])
    session.rollback()
    return found


def test_take_next_gives_the_claim_to_who_takes_it_and_never_what_somebody_else_has(
    waiting: list[UUID], sign_in: SignIn, session: Session
) -> None:
    first, second = sign_in(Role.CLAIMS_ASSESSOR), sign_in(Role.CLAIMS_ASSESSOR)

    taken = [
        person.post(person.url("/claims/next")).location.rpartition("/")[2]
        for person in (first, second, first)
    ]
    none_left = second.get(second.url(f"/claims/next?after={taken[1]}")).location

    assert taken == [str(waiting[0]), str(waiting[1]), str(waiting[0])]
    session.rollback()
    holders = [queries.get_claim(session, claim_id).assigned_to for claim_id in waiting]
    assert holders == [first.person.id, second.person.id, None]
    assert none_left.endswith(str(waiting[2])), "the third is nobody's"


def test_two_who_take_at_the_same_moment_get_two_claims(
    waiting: list[UUID], app: Flask, org: OrganizationFacts
) -> None:
    people = [make_person(org.id, Role.CLAIMS_ASSESSOR) for _ in range(3)]

    def take(user_id: UUID) -> UUID | None:
        actor = Actor(
            user_id=user_id, org_id=org.id, roles=frozenset({Role.CLAIMS_ASSESSOR}), email="a@x"
        )
        with app.app_context(), tenant_scope(org.id), acting_as(actor):
            return services.take_next(on=TODAY, now=morning(TODAY))

    with ThreadPoolExecutor(3) as pool:
        taken = list(pool.map(take, [person.id for person in people]))

    assert set(taken) == set(waiting)


def test_nobody_takes_a_claim_who_may_not_assess(waiting: list[UUID], sign_in: SignIn) -> None:
    agent = sign_in(Role.AGENT)

    assert agent.post(agent.url("/claims/next")).status_code == 403
    assert "Take next" not in agent.get(agent.url("/claims")).text


def test_pay_and_next_leads_to_the_next_approved_claim_and_at_the_end_to_the_list(
    waiting: list[UUID], sign_in: SignIn
) -> None:
    for claim_id in waiting:
        assess(claim_id, "60000.00")
    finance = sign_in(Role.FINANCE)

    def pay_and_next(claim_id: UUID) -> str:
        paid = finance.post(
            finance.url(f"/claims/{claim_id}/pay"),
            data={
                "amount_0": "60 000,00",
                "payment_reference": f"PAY-{claim_id}",
                "payment_date": "2026/11/20",
                "then": "next",
            },
        )
        assert paid.status_code == 303, paid.text
        return paid.location

    assert pay_and_next(waiting[1]).endswith(f"/claims/{waiting[2]}/pay")
    assert pay_and_next(waiting[2]).endswith(f"/claims/{waiting[0]}/pay")
    assert "tab=approved" in pay_and_next(waiting[0])
