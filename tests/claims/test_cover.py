"""Cover is never overspent: not by two at once, and not by any history of claims."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import chain
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from insurance.claims import queries
from insurance.claims.models import ClaimItem
from insurance.claims.services import (
    Assessment,
    assess_claim,
    close_claim,
    record_recovery,
    reopen_claim,
    void_payment,
)
from insurance.core.errors import ConflictError, DomainError, ForbiddenError
from insurance.core.money import to_cents
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from tests.factories.book import TODAY
from tests.factories.claims import (
    ASSESSOR,
    MANAGER,
    PAYER,
    acting,
    assess,
    claim,
    complete,
    items_of,
    pay,
    person,
)
from tests.factories.lifecycle import pay as pay_premium
from tests.factories.lifecycle import sell
from tests.factories.organizations import OrganizationFacts

D = Decimal
START = date(2026, 9, 20)
COVER = D("100000.00")
RACES = 1_000


def _policy(session: Session) -> UUID:
    """Return a policy with cover of 100 000.00 whose premiums are paid."""
    found = sell(START)
    pay_premium(found, "300.00", TODAY)
    session.rollback()
    return found


def _policies(session: Session, number: int) -> list[UUID]:
    return [_policy(session) for _ in range(number)]


def _at_once(app: Flask, org: OrganizationFacts, acts: list[Callable[[], Any]]) -> list[Any]:
    """Return what comes of acts of several people at the same moment, refusals included."""
    start = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        with app.app_context(), tenant_scope(org.id):
            start.wait()
            try:
                return act()
            except DomainError as refusal:
                return refusal

    with ThreadPoolExecutor(len(acts)) as people:
        return list(people.map(run, acts))


_UNDO = (
    "SET LOCAL session_replication_role = replica",
    "DELETE FROM ins.claim_entries WHERE org_id = :org AND kind = 'APPROVED'",
    """UPDATE ins.claim_items SET approved_amount = 0, decision = NULL, decided_by = NULL,
           decided_by_email = NULL, decided_at = NULL, reason_code = NULL WHERE org_id = :org""",
    """UPDATE ins.claims SET status = 'UNDER_ASSESSMENT', decided_at = NULL, decided_on = NULL
       WHERE org_id = :org""",
)
_COUNT_AGAIN = (
    "DELETE FROM ins.tenant_counts WHERE org_id = :org AND subject LIKE 'claims.%'",
    """INSERT INTO ins.tenant_counts (org_id, subject, shard, items)
       SELECT org_id, 'claims.' || status, 0, count(*) FROM ins.claims
       WHERE org_id = :org GROUP BY org_id, status""",
)


def _as_superuser(
    connection: Connection, org: OrganizationFacts, statements: tuple[str, ...]
) -> None:
    for statement in statements:
        connection.execute(text(statement), {"org": org.id} if ":org" in statement else {})
    connection.commit()


def test_of_two_approvals_of_60_on_a_cover_of_100_at_once_one_is_refused_a_thousand_times(
    app: Flask, org: OrganizationFacts, session: Session, admin_connection: Connection
) -> None:
    pairs = [[claim(policy, "60000.00").id for _ in range(2)] for policy in _policies(session, 5)]
    for one in chain(*pairs):
        complete(one)
    benefits = [queries.list_items(session, pair[0])[0].policy_benefit_id for pair in pairs]
    items = {one: items_of(one)[0] for one in chain(*pairs)}
    session.rollback()
    start = Barrier(2)

    def approve(claim_id: UUID) -> bool:
        wanted = Assessment(
            item_id=items[claim_id], approved_amount=D("60000.00"), reason="WITHIN_TERMS"
        )
        with app.app_context(), tenant_scope(org.id), acting(ASSESSOR) as now:
            start.wait()
            try:
                assess_claim(claim_id, [wanted], on=TODAY, now=now)
            except ConflictError:
                return False
            return True

    with ThreadPoolExecutor(2) as assessors:
        for race in range(RACES):
            approved = list(assessors.map(approve, pairs[race % len(pairs)]))
            used = queries.used_cover(session, benefits)
            session.rollback()
            assert sorted(approved) == [False, True]
            assert max(used.values()) == D("60000.00") <= COVER
            _as_superuser(admin_connection, org, _UNDO)
    _as_superuser(admin_connection, org, _COUNT_AGAIN)


def test_a_second_assessor_at_the_same_moment_is_refused(
    app: Flask, org: OrganizationFacts, session: Session
) -> None:
    one = claim(_policy(session), "60000.00")
    complete(one.id)
    other = person("Other", Role.CLAIMS_ASSESSOR)

    outcomes = _at_once(
        app,
        org,
        [lambda: assess(one.id, "60000.00"), lambda: assess(one.id, "50000.00", actor=other)],
    )

    assert sorted(isinstance(outcome, ConflictError) for outcome in outcomes) == [False, True]


@pytest.mark.parametrize("same_reference", [True, False])
def test_a_payment_pressed_twice_at_the_same_moment_leaves_once(
    app: Flask, org: OrganizationFacts, session: Session, same_reference: bool
) -> None:
    one = claim(_policy(session), "60000.00")
    complete(one.id)
    assess(one.id, "60000.00")
    references = ("EFT", "EFT" if same_reference else "EFT again")

    outcomes = _at_once(
        app, org, [partial(pay, one.id, "60000.00", reference=each) for each in references]
    )

    paid = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert len(paid) == (2 if same_reference else 1)
    assert all(isinstance(outcome, ConflictError) for outcome in refused)
    session.rollback()
    session.expire_all()
    assert [each.gross_amount for each in queries.list_payments(session, one.id)] == [D("60000.00")]


STEPS = (
    *("submit", "approve", "pay") * 3,
    *("complete", "refuse", "void", "close", "reopen", "recover"),
)
HISTORIES = st.lists(
    st.tuples(st.sampled_from(STEPS), st.integers(0, 3), st.integers(1, 130)),
    min_size=8,
    max_size=16,
)


class History:
    """Claims on one policy as they come about; refusals are part of life."""

    def __init__(self, session: Session, policy_id: UUID) -> None:
        self.session = session
        self.policy_id = policy_id
        self.claims: list[UUID] = []
        self.step = 0

    def do(self, name: str, which: int, share: int) -> None:
        """Take a step on one of the claims, for a share in per cent."""
        self.step += 1
        if name == "submit" or not self.claims:
            self.claims.append(claim(self.policy_id, str(COVER * share / 100)).id)
            if share % 3:
                complete(self.claims[-1])
            return
        try:
            getattr(self, f"_{name}")(self.claims[which % len(self.claims)], share)
        except (DomainError, ForbiddenError):
            self.session.rollback()

    def _complete(self, claim_id: UUID, _share: int) -> None:
        complete(claim_id)

    def _approve(self, claim_id: UUID, share: int) -> None:
        item = self._item(claim_id)
        assess(claim_id, str(to_cents(item.requested_amount * max(share, 70) / 100)))

    def _refuse(self, claim_id: UUID, _share: int) -> None:
        assess(claim_id, "0")

    def _pay(self, claim_id: UUID, share: int) -> None:
        item = self._item(claim_id)
        left = item.approved_amount - item.paid_amount
        pay(claim_id, str(to_cents(left * share / 100)), reference=f"P{self.step}")

    def _void(self, claim_id: UUID, _share: int) -> None:
        for payment in queries.list_payments(self.session, claim_id):
            with acting(PAYER) as now:
                void_payment(payment.id, reason="Came back", death_stands=True, on=TODAY, now=now)

    def _close(self, claim_id: UUID, _share: int) -> None:
        with acting(MANAGER) as now:
            close_claim(claim_id, reason="Withdrawn", on=TODAY, now=now)

    def _reopen(self, claim_id: UUID, _share: int) -> None:
        with acting(MANAGER) as now:
            reopen_claim(claim_id, reason="New facts", on=TODAY, now=now)

    def _recover(self, claim_id: UUID, share: int) -> None:
        item = self._item(claim_id)
        with acting(PAYER) as now:
            record_recovery(
                claim_id,
                item_id=item.id,
                amount=to_cents(item.paid_amount * share / 100),
                reference=f"R{self.step}",
                reason="Salvage",
                on=TODAY,
                now=now,
            )

    def _item(self, claim_id: UUID) -> ClaimItem:
        self.session.rollback()
        self.session.expire_all()
        return queries.list_items(self.session, claim_id)[0]


_SPENT = text(
    """
    SELECT b.sum_assured, coalesce(sum(e.amount) FILTER (WHERE e.kind = 'APPROVED'), 0),
           coalesce(sum(e.amount) FILTER (WHERE e.kind = 'PAID'), 0),
           coalesce(sum(e.amount) FILTER (WHERE e.kind = 'RESERVE'), 0),
           coalesce(sum(e.amount) FILTER (WHERE e.kind = 'RECOVERED'), 0)
    FROM ins.policy_benefits b
    LEFT JOIN ins.claim_entries e ON e.org_id = b.org_id AND e.policy_benefit_id = b.id
    WHERE b.org_id = :org AND b.policy_id = :policy GROUP BY b.id, b.sum_assured
    """
)


@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a history is short enough to read
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(HISTORIES)
def test_approved_and_paid_never_exceed_the_cover_of_any_benefit_at_any_moment(
    session: Session, org: OrganizationFacts, history: list[tuple[str, int, int]]
) -> None:
    told = History(session, _policy(session))
    for step in history:
        told.do(*step)
        session.rollback()
        for cover, approved, paid, reserved, recovered in session.execute(
            _SPENT, {"org": org.id, "policy": told.policy_id}
        ):
            assert approved + paid <= cover, step
            assert min(approved, paid, reserved, recovered) >= 0, step
            assert recovered <= paid or "void" in {name for name, *_ in history}, step
        session.rollback()
