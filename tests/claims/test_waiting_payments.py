"""A payment that waits for a second person is asked for on its claim, and stands or falls with it."""

import importlib.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Barrier
from time import sleep
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalRequest, ApprovalStatus
from insurance.approvals.queries import get_request, list_waiting
from insurance.approvals.services import approve_request
from insurance.claims import queries
from insurance.claims.models import ClaimPayment, CostType
from insurance.claims.rules.statuses import QUIET
from insurance.claims.services import (
    HandlingSettings,
    add_document,
    add_note,
    change_payees,
    change_reserve,
    change_settings,
    reopen_claim,
    undo_death,
)
from insurance.core.context import Actor
from insurance.core.errors import ConflictError, DomainError, ForbiddenError, NotFoundError
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.correspondence.models import NoteKind
from insurance.policies.queries import get_policy, list_benefits
from tests.factories.book import TODAY, make_customer
from tests.factories.claims import (
    AGENT,
    ASSESSOR,
    MANAGER,
    PAYER,
    PDF,
    account,
    acting,
    assess,
    claim,
    complete,
    insure_family,
    items_of,
    make_family,
    name_heirs,
    pay,
    person,
)
from tests.factories.identity import SignedInClient
from tests.factories.lifecycle import CHECKER
from tests.factories.lifecycle import pay as pay_premium
from tests.factories.organizations import OrganizationFacts

D = Decimal
SignIn = Callable[..., SignedInClient]
START = date(2026, 9, 20)
ROOT = Path(__file__).resolve().parents[2]
MIGRATION = ROOT / "migrations/versions/20261130_2000_claim_requests_1_asked_on_the_claim.py"


@pytest.fixture
def policy_id(session: Session) -> UUID:
    """Return a policy of 80.00 a month with 60 000.00 for disability and 30 000.00 for illness."""
    found = insure_family(make_family(), make_customer(), START)
    session.rollback()
    return found


def _decided(
    session: Session, policy_id: UUID, kind: str, amount: str, by: Actor = ASSESSOR
) -> UUID:
    """Return a claim for 25 000.00 of which an amount was approved, with another payee since."""
    code = f"{kind}_MAIN_MEMBER"
    benefits = {
        one.benefit.benefit_code: one.benefit.id for one in list_benefits(session, policy_id)
    }
    session.rollback()
    made = claim(policy_id, "25000.00", claim_type=kind, benefits=[benefits[code]])
    complete(made.id)
    assess(made.id, amount, reason="PART_OF_LOSS" if D(amount) < 25000 else None, actor=by)
    with acting(AGENT) as now:
        change_payees(made.id, [account()], reason="A new account", on=TODAY, now=now)
    return made.id


def _waiting(
    session: Session, policy_id: UUID, kind: str = "DISABILITY", amount: str = "20000.00"
) -> tuple[UUID, UUID]:
    """Return a claim and the request to pay all that was approved of it."""
    claim_id = _decided(session, policy_id, kind, amount)
    asked = pay(claim_id, amount, reference=f"PAY-{kind}").approval_id
    assert asked is not None
    return claim_id, asked


def _approve(approval_id: UUID, by: Actor = CHECKER) -> ApprovalRequest:
    with acting(by) as now:
        return approve_request(approval_id, on=TODAY, now=now)


def _status(session: Session, approval_id: UUID) -> ApprovalStatus:
    session.rollback()
    return get_request(session, approval_id).status


def _paid(session: Session, claim_id: UUID) -> list[ClaimPayment]:
    session.rollback()
    return list(queries.list_payments(session, claim_id))


def test_two_claims_of_one_policy_wait_at_once_and_are_both_paid(
    session: Session, policy_id: UUID
) -> None:
    first, asked_first = _waiting(session, policy_id, "DISABILITY")
    second, asked_second = _waiting(session, policy_id, "CRITICAL_ILLNESS")
    assert [one.id for one in list_waiting(session, "claims", first, second)] == [
        asked_first,
        asked_second,
    ]
    session.rollback()

    _approve(asked_second)
    _approve(asked_first)

    paid = [one for claim_id in (first, second) for one in _paid(session, claim_id)]
    assert [(one.gross_amount, one.approval_id) for one in paid] == [
        (D("20000.00"), asked_first),
        (D("20000.00"), asked_second),
    ]


def test_two_payments_of_one_claim_do_not_wait_at_once(session: Session, policy_id: UUID) -> None:
    claim_id = _decided(session, policy_id, "DISABILITY", "20000.00")
    asked = pay(claim_id, "5000.00", reference="PAY-1").approval_id

    with pytest.raises(ConflictError, match="waits for approval already") as refusal:
        pay(claim_id, "5000.00", reference="PAY-2")

    assert refusal.value.detail == {"approval_id": str(asked)}


def test_a_change_of_the_policy_does_not_void_the_payment_of_a_claim(
    session: Session, policy_id: UUID
) -> None:
    claim_id, asked = _waiting(session, policy_id)
    before = get_policy(session, policy_id).current_version
    session.rollback()
    name_heirs(policy_id, TODAY)
    assert get_policy(session, policy_id).current_version == before + 1
    session.rollback()

    _approve(asked)

    assert [one.approval_id for one in _paid(session, claim_id)] == [asked]


def _assess_again(claim_id: UUID) -> None:
    with acting(MANAGER) as now:
        reopen_claim(claim_id, reason="New evidence", on=TODAY, now=now)
    assess(claim_id, "20000.00", reason="PART_OF_LOSS")


def _change_payees(claim_id: UUID) -> None:
    with acting(AGENT) as now:
        change_payees(claim_id, [account("62009999999")], reason="Moved", on=TODAY, now=now)


def _raise_reserve(claim_id: UUID, day: date = TODAY) -> None:
    with acting(MANAGER, day) as now:
        change_reserve(
            claim_id,
            item_id=items_of(claim_id)[0],
            cost_type=CostType.INDEMNITY,
            amount=D("21000.00"),
            reason="More is to come",
            on=day,
            now=now,
        )


@pytest.mark.parametrize("move", [_assess_again, _change_payees, _raise_reserve])
def test_a_claim_that_has_moved_on_voids_its_payment(
    move: Callable[[UUID], None], session: Session, policy_id: UUID
) -> None:
    claim_id, asked = _waiting(session, policy_id)
    move(claim_id)

    with pytest.raises(ConflictError, match="The claim has changed since .* The request is void"):
        _approve(asked)

    assert _status(session, asked) is ApprovalStatus.VOID
    assert _paid(session, claim_id) == []


def test_the_work_around_a_claim_voids_nothing(session: Session, policy_id: UUID) -> None:
    claim_id, asked = _waiting(session, policy_id)
    with acting(CHECKER) as now:
        add_note(claim_id, kind=NoteKind.COMMENT, text="Looked at it", on=TODAY, now=now)
        add_document(
            claim_id,
            document_type="PHOTOGRAPH",
            name="photograph.pdf",
            content=PDF,
            on=TODAY,
            now=now,
        )

    _approve(asked)

    assert len(_paid(session, claim_id)) == 1


def test_every_quiet_event_is_one_that_claims_tell() -> None:
    told = "".join(one.read_text() for one in (ROOT / "insurance/claims/services").glob("*.py"))

    assert [one for one in QUIET if f'"{one}"' not in told] == []


def test_what_is_owed_is_kept_back_as_at_the_decision(session: Session, policy_id: UUID) -> None:
    first, asked_first = _waiting(session, policy_id, "DISABILITY")
    second, asked_second = _waiting(session, policy_id, "CRITICAL_ILLNESS")
    pay_premium(policy_id, "80.00", TODAY)

    _approve(asked_first)
    _approve(asked_second)

    # Three premiums of 80.00 were due when it was asked for, one was paid since.
    assert [one.arrears_deducted for one in _paid(session, first)] == [D("160.00")]
    assert [one.arrears_deducted for one in _paid(session, second)] == [D("0.00")]


def test_what_a_payment_must_be_is_checked_again_when_a_second_person_agrees(
    session: Session, policy_id: UUID
) -> None:
    claim_id, asked = _waiting(session, policy_id)
    now_is = queries.get_settings(session)
    names = HandlingSettings.__dataclass_fields__
    wanted = {name: getattr(now_is, name) for name in names} | {"verified_account_first": True}
    session.rollback()
    with acting(MANAGER):
        change_settings(HandlingSettings(**wanted))

    with pytest.raises(ConflictError, match="verified"):
        _approve(asked)

    assert _status(session, asked) is ApprovalStatus.VOID
    assert _paid(session, claim_id) == []


def _at_once(app: Flask, org: OrganizationFacts, approvals: list[UUID]) -> list[str]:
    """Let as many people as there are requests each approve one at the same moment."""
    start = Barrier(len(approvals))

    def agree(approval_id: UUID, number: int) -> str:
        with app.app_context(), tenant_scope(org.id):
            start.wait()
            try:
                _approve(approval_id, person(f"Checker{number}", Role.MANAGER))
            except DomainError as refusal:
                return refusal.message
            return "paid"

    with ThreadPoolExecutor(len(approvals)) as people:
        return sorted(people.map(agree, approvals, range(len(approvals))))


def test_two_checkers_at_once_pay_once(
    app: Flask, org: OrganizationFacts, session: Session, policy_id: UUID
) -> None:
    claim_id = _decided(session, policy_id, "DISABILITY", "20000.00")
    asked = pay(claim_id, "10000.00").approval_id
    assert asked is not None

    said = _at_once(app, org, [asked, asked])

    assert said == ["This request does not wait any more: it is approved.", "paid"]
    assert [one.gross_amount for one in _paid(session, claim_id)] == [D("10000.00")]


def test_two_claims_of_one_policy_are_approved_at_once(
    app: Flask, org: OrganizationFacts, session: Session, policy_id: UUID
) -> None:
    asked = [_waiting(session, policy_id, kind)[1] for kind in ("DISABILITY", "CRITICAL_ILLNESS")]

    assert _at_once(app, org, asked) == ["paid", "paid"]


def test_a_decision_takes_the_policy_before_the_claim_as_every_command_does(
    app: Flask,
    org: OrganizationFacts,
    session: Session,
    policy_id: UUID,
    admin_connection: Connection,
) -> None:
    claim_id, asked = _waiting(session, policy_id)
    held = "SELECT id FROM ins.{} WHERE org_id = :org AND id = :id FOR UPDATE NOWAIT"
    ids = {"org": org.id}
    admin_connection.execute(text(held.format("policies")), ids | {"id": policy_id})

    with ThreadPoolExecutor(1) as people:
        said = people.submit(_at_once, app, org, [asked])
        while not admin_connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
            sleep(0.01)
        admin_connection.execute(text(held.format("claims")), ids | {"id": claim_id})
        admin_connection.rollback()

    assert said.result() == ["paid"]


@pytest.mark.parametrize(
    ("who", "words"),
    [
        (PAYER, "asked for this yourself"),
        (ASSESSOR.within(roles=ASSESSOR.roles | {Role.MANAGER}), "assessed this claim"),
    ],
)
def test_neither_who_asked_nor_who_assessed_agrees(
    who: Actor, words: str, session: Session, policy_id: UUID
) -> None:
    claim_id, asked = _waiting(session, policy_id)

    with pytest.raises(ForbiddenError, match=words):
        _approve(asked, who)

    assert _status(session, asked) is ApprovalStatus.WAITING
    assert _paid(session, claim_id) == []


def test_the_pages_of_claim_and_policy_say_what_waits_and_who_asked(
    session: Session, policy_id: UUID, sign_in: SignIn
) -> None:
    claim_id, asked = _waiting(session, policy_id, "DISABILITY")
    other_id, other = _waiting(session, policy_id, "CRITICAL_ILLNESS")
    client = sign_in(Role.MANAGER)

    shown = {
        path: client.get(client.url(path)).text
        for path in (f"/claims/{claim_id}", f"/claims/{other_id}", f"/policies/{policy_id}")
    }

    links = {asked: f"/approvals/{asked}", other: f"/approvals/{other}"}
    found = [{id_ for id_, link in links.items() if link in text} for text in shown.values()]
    assert found == [{asked}, {other}, {asked, other}]
    assert all("Payer asked for it" in text for text in shown.values())


def test_who_asked_for_a_payment_is_not_offered_to_pay_again_until_the_claim_has_moved_on(
    session: Session, policy_id: UUID, sign_in: SignIn
) -> None:
    client = sign_in(Role.FINANCE)
    payer = PAYER.within(user_id=client.person.id)
    claim_id = _decided(session, policy_id, "DISABILITY", "20000.00")
    pay(claim_id, "20000.00", actor=payer)
    link = f'href="{client.url(f"/claims/{claim_id}/pay")}"'

    waiting = client.get(client.url(f"/claims/{claim_id}")).text
    _raise_reserve(claim_id)
    stale = client.get(client.url(f"/claims/{claim_id}")).text

    assert ("You asked for it" in waiting, link in waiting) == (True, False)
    assert ("ask again" in stale, link in stale) == (True, True)


def test_the_page_of_the_request_lets_who_assessed_the_claim_only_reject_it(
    session: Session, policy_id: UUID, sign_in: SignIn
) -> None:
    client, other = sign_in(Role.MANAGER), sign_in(Role.MANAGER)
    claim_id = _decided(
        session, policy_id, "DISABILITY", "20000.00", by=MANAGER.within(user_id=client.person.id)
    )
    asked = pay(claim_id, "20000.00").approval_id

    seen = client.get(client.url(f"/approvals/{asked}")).text
    rejected = client.post(client.url(f"/approvals/{asked}/decide"), data={"act": "reject"})

    assert (
        "You assessed this claim, so somebody else must agree. You can reject it: then nothing changes."
        in seen
    )
    assert ('value="approve"' in seen, 'value="reject"' in seen) == (False, True)
    assert (rejected.status_code, _paid(session, claim_id)) == (303, [])
    assert "assessed this claim" not in other.get(other.url(f"/approvals/{asked}")).text


def test_another_insurer_sees_nothing_of_it_and_decides_nothing(
    session: Session, policy_id: UUID, app: Flask, other_org: OrganizationFacts, sign_in: SignIn
) -> None:
    claim_id, asked = _waiting(session, policy_id)
    stranger = sign_in(Role.TENANT_ADMINISTRATOR, other_org)

    shown = stranger.get(stranger.url(f"/approvals/{asked}"))
    decided = stranger.post(stranger.url(f"/approvals/{asked}/decide"), data={"act": "approve"})
    with app.app_context(), tenant_scope(other_org.id), pytest.raises(NotFoundError):
        _approve(asked)

    assert (shown.status_code, decided.status_code) == (404, 404)
    assert str(asked) not in stranger.get(stranger.url("/approvals")).text
    assert _status(session, asked) is ApprovalStatus.WAITING


def test_a_death_that_was_none_is_undone_on_its_claim_whatever_else_waits(
    session: Session, policy_id: UUID
) -> None:
    _other, asked = _waiting(session, policy_id, "DISABILITY")
    died = _decided(session, policy_id, "DEATH", "25000.00")
    death = pay(died, "25000.00", reference="PAY-DEATH").approval_id
    assert death is not None
    _approve(death)
    with acting(PAYER) as now:
        undone = undo_death(died, reason="A namesake died", on=TODAY, now=now)
    (waiting,) = list_waiting(session, "claims", died)
    session.rollback()

    _approve(asked)
    _approve(undone)

    assert waiting.id == undone
    assert {one.status.value for one in _paid(session, died)} == {"VOID"}
    assert get_policy(session, policy_id).status == "active"


@pytest.mark.parametrize("moved", [False, True])
def test_what_waited_on_the_policy_from_before_is_decided_on_the_claim(
    moved: bool,
    session: Session,
    policy_id: UUID,
    org: OrganizationFacts,
    admin_connection: Connection,
) -> None:
    claim_id, asked = _waiting(session, policy_id)
    if moved:
        _raise_reserve(claim_id, TODAY + timedelta(days=1))
    spec = importlib.util.spec_from_file_location("migration", MIGRATION)
    assert spec and spec.loader
    migration = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(migration)
    as_it_was = """
        UPDATE ins.approval_requests SET resource = 'policies', resource_id = :policy,
               record_version = 1
        WHERE org_id = :org AND id = :id"""
    values = {"policy": policy_id, "org": org.id, "id": asked}
    admin_connection.execute(text(as_it_was), values)
    admin_connection.execute(text(migration.ASK_ON_CLAIMS))
    admin_connection.commit()

    if moved:
        with pytest.raises(ConflictError, match="The claim has changed"):
            _approve(asked)
    else:
        _approve(asked)

    assert len(_paid(session, claim_id)) == (0 if moved else 1)
