"""Cover is never overspent: not by two at once, and not by any history of claims."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import chain
from random import Random, SystemRandom
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from insurance.claims import queries
from insurance.claims.models import ClaimItem
from insurance.claims.rules.statuses import PAYABLE, REOPENABLE, UNDECIDED
from insurance.claims.services import (
    Assessment,
    Claimant,
    assess_claim,
    close_claim,
    record_recovery,
    reopen_claim,
    void_payment,
)
from insurance.core.errors import ConflictError, DomainError, ForbiddenError
from insurance.core.ids import new_id
from insurance.core.money import to_cents
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.policies.queries import list_benefits
from tests.factories.book import TODAY, make_customer
from tests.factories.claims import (
    ASSESSOR,
    MANAGER,
    PAYER,
    acting,
    assess,
    claim,
    complete,
    insure_family,
    items_of,
    make_family,
    pay,
    person,
)
from tests.factories.identity import TestClient
from tests.factories.lifecycle import pay as pay_premium
from tests.factories.lifecycle import sell
from tests.factories.organizations import OrganizationFacts
from tests.random_tries import by_chance, tries

D = Decimal
START = date(2026, 9, 20)
COVER = D("100000.00")
RACES = tries(150, 1_000)


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


@by_chance
def test_of_two_approvals_of_60_on_a_cover_of_100_at_once_one_is_refused_every_time(
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
        for _round in range(RACES // len(pairs)):
            for pair in pairs:
                approved = list(assessors.map(approve, pair))
                assert sorted(approved) == [False, True]
            used = queries.used_cover(session, benefits)
            session.rollback()
            assert set(used.values()) == {D("60000.00")}
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


STEPS = {
    "assess": UNDECIDED,
    "assess again": UNDECIDED,
    "assess one": UNDECIDED,
    "refuse": UNDECIDED,
    "withdraw": UNDECIDED,
    "pay": PAYABLE,
    "pay again": PAYABLE,
    "void": ("PAID", "PART_PAID"),
    "recover": ("PAID", "PART_PAID"),
    "reopen": REOPENABLE,
    "close": ("APPROVED", "PARTIALLY_APPROVED", "PART_PAID", "PAID", "REJECTED"),
}
"""What is done to a claim, and in which status it is likely to be accepted."""
HISTORIES = tries(15, 200)
_ESSENTIAL = {"assess", "refuse", "pay", "void", "reopen", "close", "withdraw"}
TYPES = {
    ("MAIN_MEMBER", "DISABILITY"): ("DISABILITY",),
    ("MAIN_MEMBER", "CRITICAL_ILLNESS"): ("CRITICAL_ILLNESS", "TERMINAL_ILLNESS"),
    ("MAIN_MEMBER", "DEATH"): ("DEATH", "ACCIDENTAL_DEATH"),
    ("SPOUSE", "DEATH"): ("DEATH", "ACCIDENTAL_DEATH"),
    ("CHILD", "DEATH"): ("DEATH",),
}
"""What a claim of the family may be on, and for: a type, and the benefits that answer to it."""
KINDS = (*TYPES, *list(TYPES)[:2], ("MAIN_MEMBER", "DISABILITY"))


class History:
    """Claims of a family as they come about; refusals are part of life.

    `spent` is what the commands that were accepted add up to: approved in all, and paid, by item.
    """

    def __init__(self, session: Session, policy_id: UUID, seed: int) -> None:
        self.session = session
        self.random = Random(seed)
        self.policy_id = policy_id
        found = [view.benefit for view in list_benefits(session, policy_id)]
        self.benefits = {one.benefit_code: one.id for one in found}
        self.covers = {one.id: one.sum_assured for one in found}
        self.claims: list[UUID] = []
        self.items: dict[UUID, list[UUID]] = {}
        self.of_benefit: dict[UUID, UUID] = {}
        self.spent: dict[UUID, list[Decimal]] = {}
        self.steps: list[str] = []
        self.accepted: list[str] = []

    def go_on(self) -> None:
        """Take a step: another claim, or what suits one of those there, seldom what does not."""
        share = self.random.randint(1, 100)
        if len(self.claims) < 2 or (len(self.claims) < 3 and self.random.random() < 0.2):
            self.steps.append("submit")
            self._submit(self.random.choice(KINDS), self.random.randint(30, 130))
            return
        claim_id = self.random.choice(self.claims)
        status = queries.get_claim(self.session, claim_id).status
        suited = [name for name, statuses in STEPS.items() if status in statuses]
        name = self.random.choice(suited if self.random.random() < 0.9 else list(STEPS))
        self.steps.append(f"{name} {self.claims.index(claim_id)} {share}")
        name = name.removesuffix(" again")
        try:
            getattr(self, f"_{name.replace(' ', '_')}")(claim_id, share)
            self.accepted.append(name)
        except (DomainError, ForbiddenError):
            self.steps.append("refused")
            self.session.rollback()

    def _submit(self, kind: tuple[str, str], share: int) -> None:
        role, claim_type = kind
        benefits = [self.benefits[f"{one}_{role}"] for one in TYPES[kind]]
        made = claim(
            self.policy_id,
            amounts=[str(to_cents(self.covers[one] * share / 100)) for one in benefits],
            benefits=benefits,
            claim_type=claim_type,
            claimant=Claimant(name="Gogo Dlamini"),
        )
        self.claims.append(made.id)
        self.items[made.id] = items_of(made.id)
        self.spent |= {one: [D(0), D(0)] for one in self.items[made.id]}
        self.of_benefit |= dict(zip(self.items[made.id], benefits, strict=True))

    def _assess(self, claim_id: UUID, share: int) -> None:
        """Decide every item; what is asked for, or a part of it, whatever is left."""
        self._decide(claim_id, self._read(claim_id), share)

    def _assess_one(self, claim_id: UUID, share: int) -> None:
        undecided = [one for one in self._read(claim_id) if one.decision is None]
        self._decide(claim_id, undecided[-1:], share)

    def _refuse(self, claim_id: UUID, _share: int) -> None:
        self._decide(claim_id, self._read(claim_id), 0)

    def _decide(self, claim_id: UUID, items: list[ClaimItem], share: int) -> None:
        used = queries.used_cover(self.session, self.covers)
        wanted = []
        for one in items:
            left = self.covers[one.policy_benefit_id] - used[one.policy_benefit_id]
            most = min(one.claimed_amount, left + self.spent[one.id][0])
            asked = one.claimed_amount if share > 80 else to_cents(most * min(share, 50) / 50)
            reason = "WITHIN_TERMS" if asked else "NO_PROOF"
            if one.decision is None:
                wanted.append(Assessment(item_id=one.id, approved_amount=asked, reason=reason))
        self.session.rollback()
        with acting(MANAGER) as now:
            assess_claim(
                claim_id, wanted, documents_waived=True, waiver_reason="Seen", on=TODAY, now=now
            )
        for one in wanted:
            self.spent[one.item_id][0] = one.approved_amount

    def _pay(self, claim_id: UUID, share: int) -> None:
        part = share if share < 50 else 100
        left = [self.spent[one][0] - self.spent[one][1] for one in self.items[claim_id]]
        amounts = [to_cents(one * part / 100) for one in left]
        pay(claim_id, *map(str, amounts), reference=new_id().hex)
        for one, amount in zip(self.items[claim_id], amounts, strict=True):
            self.spent[one][1] += amount

    def _void(self, claim_id: UUID, _share: int) -> None:
        for payment in queries.list_payments(self.session, claim_id):
            lines = queries.list_payment_lines(self.session, payment.id)
            with acting(PAYER) as now:
                void_payment(payment.id, reason="Came back", death_stands=True, on=TODAY, now=now)
            for line in lines:
                self.spent[line.item_id][1] -= line.amount

    def _close(self, claim_id: UUID, _share: int) -> None:
        with acting(MANAGER) as now:
            close_claim(claim_id, reason="Withdrawn", on=TODAY, now=now)
        for one in self.items[claim_id]:
            self.spent[one][0] = self.spent[one][1]

    _withdraw = _close

    def _reopen(self, claim_id: UUID, _share: int) -> None:
        with acting(MANAGER) as now:
            reopen_claim(claim_id, reason="New facts", on=TODAY, now=now)

    def _recover(self, claim_id: UUID, share: int) -> None:
        item = max(self._read(claim_id), key=lambda one: one.paid_amount)
        with acting(PAYER) as now:
            record_recovery(
                claim_id,
                item_id=item.id,
                amount=to_cents(item.paid_amount * share / 200),
                reference=new_id().hex,
                reason="Salvage",
                on=TODAY,
                now=now,
            )

    def _read(self, claim_id: UUID) -> list[ClaimItem]:
        self.session.rollback()
        self.session.expire_all()
        return list(queries.list_items(self.session, claim_id))


_SPENT = text(
    """
    SELECT b.id, b.sum_assured, coalesce(sum(e.amount) FILTER (WHERE e.kind = 'APPROVED'), 0),
           coalesce(sum(e.amount) FILTER (WHERE e.kind = 'PAID'), 0),
           coalesce(sum(e.amount) FILTER (WHERE e.kind = 'RESERVE'), 0),
           coalesce(sum(e.amount) FILTER (WHERE e.kind = 'RECOVERED'), 0)
    FROM ins.policy_benefits b
    LEFT JOIN ins.claim_entries e ON e.org_id = b.org_id AND e.policy_benefit_id = b.id
    WHERE b.org_id = :org AND b.policy_id = :policy GROUP BY b.id, b.sum_assured
    """
)


def _check(told: History, org: OrganizationFacts) -> None:
    """Fail where a benefit's entries exceed its cover, or are not what the commands add up to."""
    told.session.rollback()
    used = queries.used_cover(told.session, told.benefits.values())
    by_benefit = {one: [D(0), D(0)] for one in used}
    for item_id, benefit in told.of_benefit.items():
        for place in (0, 1):
            by_benefit[benefit][place] += told.spent[item_id][place]
    for benefit, cover, earmarked, paid, reserved, recovered in told.session.execute(
        _SPENT, {"org": org.id, "policy": told.policy_id}
    ):
        assert earmarked + paid <= cover, told.steps
        assert min(earmarked, paid, reserved, recovered) >= 0, told.steps
        assert [earmarked + paid, paid] == by_benefit[benefit], told.steps
        assert used[benefit] == earmarked + paid, told.steps
    told.session.rollback()


@pytest.fixture
def family(session: Session, org: OrganizationFacts) -> Callable[[], UUID]:
    """Return a function that insures one more family."""
    product_id, customer_id = make_family(), make_customer()
    session.rollback()
    return lambda: insure_family(product_id, customer_id, START)


@by_chance
def test_approved_and_paid_never_exceed_the_cover_of_any_benefit_at_any_moment(
    session: Session,
    org: OrganizationFacts,
    family: Callable[[], UUID],
    api: Callable[..., TestClient],
) -> None:
    agent, accepted = api(Role.AGENT), Counter[str]()
    # Some more than asked for, where the first ones did not happen to do everything.
    for done, seed in enumerate(SystemRandom().sample(range(10**9), HISTORIES + 200)):
        if done >= HISTORIES and set(accepted) >= _ESSENTIAL:
            break
        told = History(session, family(), seed)
        for _step in range(told.random.randint(7, 11)):
            told.go_on()
            _check(told, org)
        accepted.update(told.accepted)
        detail = agent.get(f"/api/v1/policies/{told.policy_id}/detail").json
        used = queries.used_cover(session, told.covers)
        session.rollback()
        assert {one["id"]: one["remaining_cover"] for one in detail["benefits"]} == {
            str(one): told.covers[one] - amount for one, amount in used.items()
        }, told.steps
    assert set(accepted) >= _ESSENTIAL
