"""A plan waits for approval, by as many people as the organization's rules of approvals ask for."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, select, text
from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalRequest, ApprovalStatus
from insurance.approvals.services import (
    approve_request,
    change_settings,
    delegate_decisions,
    expire_requests,
    reject_request,
    remind_deciders,
    withdraw_request,
)
from insurance.audit_logs.models import AuditEvent
from insurance.core import clock
from insurance.core.context import SYSTEM, Actor, acting_as
from insurance.core.db import db
from insurance.core.errors import ConflictError, ForbiddenError
from insurance.core.ids import new_id
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.month_end.models import MonthEndRun, RunStatus
from insurance.month_end.queries import get_run
from insurance.month_end.services import (
    apply_run,
    approve_run,
    cancel_run,
    plan_last_month,
    set_month_end,
    work_on,
)
from insurance.notifications.models import Mail
from tests.factories.identity import SignedInClient, TestClient, make_person
from tests.factories.lifecycle import CHECKER, MAKER, at, morning, sell
from tests.factories.month_end import plan
from tests.factories.organizations import OrganizationFacts

D = Decimal
DAY = date(2026, 11, 30)
EXPIRED = DAY + timedelta(days=30)
SECOND = Actor(user_id=new_id(), email="second@insurer.example", name="Second", roles=CHECKER.roles)
FINANCE = Actor(
    user_id=new_id(),
    email="finance@insurer.example",
    name="Finance",
    roles=frozenset({Role.FINANCE}),
)


@dataclass(frozen=True)
class TwoFrom:
    """Two people agree to plans that charge this or more."""

    from_amount: Decimal
    action: str = "month_end.apply"
    people: int = 2


@pytest.fixture
def run(session: Session) -> MonthEndRun:
    """Return a plan that MAKER asked for: it charges 100.00 for October and for November."""
    sell(date(2026, 9, 20))
    return plan(DAY)


def _two_agree(from_amount: str = "0.00") -> None:
    with at(DAY) as now:
        change_settings([TwoFrom(D(from_amount))], version=0, now=now)


def _approve(run_id: UUID, by: Actor = CHECKER, day: date = DAY) -> MonthEndRun:
    with at(day, by) as now:
        return approve_run(run_id, comment="Checked", now=now)


def _requests(run_id: UUID) -> list[ApprovalRequest]:
    session = db.session()
    session.rollback()
    query = select(ApprovalRequest).where(ApprovalRequest.resource_id == run_id)
    return list(session.scalars(query.order_by(ApprovalRequest.id)))


def _request(run_id: UUID) -> ApprovalRequest:
    (found,) = _requests(run_id)
    return found


def _status(run_id: UUID) -> RunStatus:
    db.session().rollback()
    return get_run(db.session(), run_id).status


def _audited(resource_id: UUID) -> list[str]:
    db.session().rollback()
    query = select(AuditEvent).where(AuditEvent.resource_id == str(resource_id))
    return [event.action for event in db.session().scalars(query.order_by(AuditEvent.id))]


# Asking


def test_a_plan_that_is_ready_waits_for_approval_as_its_asker_asked(run: MonthEndRun) -> None:
    request = _request(run.id)

    assert (request.status, request.needed) == (ApprovalStatus.WAITING, 1)
    assert (request.requested_by, request.requested_by_email) == (MAKER.user_id, MAKER.email)
    assert request.title == "Plan of the month-end of 2026/11/30"
    assert (request.payload["hash"], request.payload["policies"]) == (run.hash, 1)
    assert request.amount == D("200.00")
    assert _audited(request.id) == ["approvals.request"]


def test_a_plan_that_the_organization_applies_unapproved_asks_nobody(session: Session) -> None:
    sell(date(2026, 9, 20))
    with at(DAY) as now:
        set_month_end(may_apply_unapproved=True, days_ahead=31)

    run = plan(DAY)

    assert _requests(run.id) == []
    assert _approve(run.id).status is RunStatus.APPROVED
    with at(DAY) as now:
        assert apply_run(run.id, on=DAY, now=now).status is RunStatus.APPLYING


def test_a_plan_of_a_schedule_is_asked_for_by_no_person_and_any_approver_agrees(
    session: Session, org: OrganizationFacts
) -> None:
    sell(date(2026, 9, 20))
    today = date(2026, 12, 1)
    with at(today) as now:
        set_month_end(may_apply_unapproved=False, days_ahead=31, plans_itself=True)
    with at(today, SYSTEM) as now:
        run = plan_last_month(on=today, now=now)
        assert run is not None
        work_on(run.id, now=lambda: now)

    request = _request(run.id)
    assert (request.requested_by, request.requested_by_email) == (org.id, "system")
    assert _approve(run.id, MAKER, today).approved_by == MAKER.email


# Agreeing


def test_the_agreement_approves_the_plan_and_both_are_audited(run: MonthEndRun) -> None:
    done = _approve(run.id)

    assert (done.status, done.approved_by, done.comment) == (
        RunStatus.APPROVED,
        CHECKER.email,
        "Checked",
    )
    assert done.approved_at == morning(DAY)
    assert _request(run.id).status is ApprovalStatus.APPROVED
    assert _audited(run.id)[-1] == "month_end.approve"
    assert _audited(_request(run.id).id) == ["approvals.request", "approvals.approve"]


def test_agreeing_among_the_approvals_approves_the_plan_too(run: MonthEndRun) -> None:
    with at(DAY, CHECKER) as now:
        approve_request(_request(run.id).id, on=DAY, now=now, note="Looks right")

    db.session().rollback()
    done = get_run(db.session(), run.id)
    assert (done.status, done.comment) == (RunStatus.APPROVED, "Looks right")


def test_where_two_must_agree_the_second_one_approves_and_nobody_agrees_twice(
    session: Session,
) -> None:
    _two_agree()
    sell(date(2026, 9, 20))
    run = plan(DAY)

    assert _approve(run.id).status is RunStatus.PLANNED
    with at(DAY) as now, pytest.raises(ConflictError, match="only an approved plan"):
        apply_run(run.id, on=DAY, now=now)
    with pytest.raises(ConflictError, match="You agreed to this already"):
        _approve(run.id)
    done = _approve(run.id, SECOND)

    assert (done.status, done.approved_by) == (RunStatus.APPROVED, SECOND.email)


@pytest.mark.parametrize(("from_amount", "people"), [("200.01", 1), ("200.00", 2)])
def test_how_many_agree_depends_on_what_the_plan_charges(
    from_amount: str, people: int, session: Session
) -> None:
    _two_agree(from_amount)
    sell(date(2026, 9, 20))

    assert _request(plan(DAY).id).needed == people


def test_a_delegate_approves_in_an_approvers_place(
    run: MonthEndRun, org: OrganizationFacts
) -> None:
    boss, agent = (
        Actor(user_id=made.id, email=made.email, name="A", roles=frozenset({role}), org_id=org.id)
        for role in (Role.MANAGER, Role.AGENT)
        for made in [make_person(org.id, role)]
    )
    assert agent.user_id is not None
    with pytest.raises(ForbiddenError, match="does not decide"):
        _approve(run.id, agent)
    with at(DAY, boss) as now:
        delegate_decisions(agent.user_id, first_day=DAY, last_day=DAY, reason="Away", now=now)

    assert _approve(run.id, agent).approved_by == agent.email
    assert _request(run.id).decided_for_email == boss.email


def test_who_may_decide_but_not_approve_month_ends_is_refused(run: MonthEndRun) -> None:
    with pytest.raises(ForbiddenError, match="somebody who may approve month-ends"):
        _approve(run.id, FINANCE)

    assert _status(run.id) is RunStatus.PLANNED


def test_approving_an_approved_plan_again_is_refused(run: MonthEndRun) -> None:
    _approve(run.id)

    with pytest.raises(ConflictError, match="only a plan that is ready"):
        _approve(run.id, SECOND)
    assert len(_requests(run.id)) == 1


# Waiting too long


def test_an_expired_request_is_made_anew_by_who_approves(run: MonthEndRun) -> None:
    with at(EXPIRED, CHECKER) as now, pytest.raises(ConflictError, match="expired"):
        approve_request(_request(run.id).id, on=EXPIRED, now=now)

    assert _approve(run.id, day=EXPIRED).status is RunStatus.APPROVED
    old, new = _requests(run.id)
    assert (old.status, new.status) == (ApprovalStatus.EXPIRED, ApprovalStatus.APPROVED)
    assert new.requested_by == MAKER.user_id


def test_once_the_request_was_ended_unheard_the_plan_still_stands_and_is_not_its_askers(
    run: MonthEndRun,
) -> None:
    with clock.frozen(morning(EXPIRED)), acting_as(SYSTEM):
        assert expire_requests(now=morning(EXPIRED)) == 1

    assert _status(run.id) is RunStatus.PLANNED
    with pytest.raises(ForbiddenError, match="You asked for this yourself"):
        _approve(run.id, MAKER, EXPIRED)
    assert _approve(run.id, day=EXPIRED).status is RunStatus.APPROVED


def test_those_who_may_approve_month_ends_are_reminded_and_no_others(
    run: MonthEndRun, org: OrganizationFacts, session: Session
) -> None:
    manager = make_person(org.id, Role.MANAGER)
    make_person(org.id, Role.FINANCE)
    later = DAY + timedelta(days=3)
    with clock.frozen(morning(later)), acting_as(SYSTEM):
        assert remind_deciders(now=morning(later)) == 1

    session.rollback()
    assert [mail.recipient for mail in session.scalars(select(Mail))] == [manager.email]


# Declining


def test_a_rejected_plan_is_cancelled_with_the_reason(run: MonthEndRun) -> None:
    with at(DAY, CHECKER) as now:
        reject_request(_request(run.id).id, now=now, note="The rates are last year's")

    db.session().rollback()
    done = get_run(db.session(), run.id)
    assert (done.status, done.finished_at) == (RunStatus.CANCELLED, morning(DAY))
    assert done.error == f"{CHECKER.email} rejected this plan: “The rates are last year's”."
    assert _audited(run.id)[-1] == "month_end.cancel"
    with pytest.raises(ConflictError, match="cancelled; only a plan that is ready"):
        _approve(run.id, SECOND)


def test_a_plan_whose_asker_withdraws_the_request_is_cancelled(run: MonthEndRun) -> None:
    with at(DAY) as now:
        withdraw_request(_request(run.id).id, now=now)

    db.session().rollback()
    done = get_run(db.session(), run.id)
    assert (done.status, done.error) == (RunStatus.CANCELLED, f"{MAKER.email} withdrew this plan.")


def test_a_cancelled_plan_withdraws_its_request(run: MonthEndRun) -> None:
    with at(DAY) as now:
        cancel_run(run.id, now=now)

    request = _request(run.id)
    assert request.status is ApprovalStatus.WITHDRAWN
    assert request.decision_note == "The plan was cancelled."
    with at(DAY, CHECKER) as now, pytest.raises(ConflictError, match="withdrawn"):
        approve_request(request.id, on=DAY, now=now)


def test_a_plan_applied_unapproved_after_all_voids_its_request(run: MonthEndRun) -> None:
    with at(DAY) as now:
        set_month_end(may_apply_unapproved=True, days_ahead=31)
        apply_run(run.id, on=DAY, now=now)

    assert _request(run.id).status is ApprovalStatus.VOID


def test_a_plan_that_a_newer_one_supersedes_is_not_agreed_to_but_its_request_stays(
    run: MonthEndRun,
) -> None:
    newer = plan(DAY)
    request_id = _request(run.id).id

    with at(DAY, CHECKER) as now, pytest.raises(ConflictError) as refused:
        approve_request(request_id, on=DAY, now=now)
    assert refused.value.detail == {"superseded_by": str(newer.id)}
    assert _request(run.id).status is ApprovalStatus.WAITING
    with at(DAY) as now:
        cancel_run(newer.id, now=now)
    with at(DAY, CHECKER) as now:
        approve_request(request_id, on=DAY, now=now)

    assert _status(run.id) is RunStatus.APPROVED


def test_a_plan_that_is_not_the_one_asked_for_is_not_approved(
    run: MonthEndRun, session: Session
) -> None:
    get_run(session, run.id).hash = "0" * 64
    session.commit()

    with pytest.raises(ConflictError, match="not the one that was asked for"):
        _approve(run.id)
    assert _request(run.id).status is ApprovalStatus.VOID


# On screen and in the API


def test_the_page_says_who_agreed_who_may_and_what_became_of_it(
    session: Session, sign_in: Callable[..., SignedInClient]
) -> None:
    _two_agree()
    sell(date(2026, 9, 20))
    run = plan(DAY)
    with clock.frozen(morning(DAY)):
        admin, manager, finance = (
            sign_in(Role.TENANT_ADMINISTRATOR),
            sign_in(Role.MANAGER),
            sign_in(Role.FINANCE),
        )
        url = admin.url(f"/month-end/{run.id}")
        before = admin.get(url).text
        agreed = admin.post(f"{url}/approve", data={"apply": "1"}, follow_redirects=True).text
        waiting = manager.get(url).text
        may_not = finance.get(url).text
        done = manager.post(f"{url}/approve", follow_redirects=True).text

    assert "Waiting for a second person" in before
    assert "2 people must agree" in before
    assert "0 of 2 agreed" in before
    assert "Approve and apply" not in before
    assert "You agreed; the plan waits for somebody else to agree, too." in agreed
    assert "You agreed to this already" in agreed
    assert "1 of 2 agreed: " in waiting
    assert "Approve plan" in waiting
    roles = "These roles may approve month-ends: tenant administrator, manager."
    assert roles in waiting
    assert roles in may_not
    assert "The plan was approved." in done
    assert _status(run.id) is RunStatus.APPROVED


def test_who_may_do_both_approves_and_applies_in_one_step(
    run: MonthEndRun, sign_in: Callable[..., SignedInClient]
) -> None:
    with clock.frozen(morning(DAY)):
        admin = sign_in(Role.TENANT_ADMINISTRATOR)
        url = admin.url(f"/month-end/{run.id}")
        assert "Approve and apply to 1 policy" in admin.get(url).text
        admin.post(f"{url}/approve", data={"apply": "1"})

    assert _status(run.id) is RunStatus.APPLYING
    with pytest.raises(ConflictError, match="applying"):
        _approve(run.id, SECOND)


def test_the_page_of_a_rejected_plan_says_by_whom_and_leads_to_a_new_one(
    run: MonthEndRun, sign_in: Callable[..., SignedInClient]
) -> None:
    with clock.frozen(morning(DAY)):
        admin = sign_in(Role.TENANT_ADMINISTRATOR)
        asked = admin.url(f"/approvals/{_request(run.id).id}")
        shown = admin.get(asked).text
        admin.post(f"{asked}/decide", data={"act": "reject", "note": "Too early"})
        page = admin.get(admin.url(f"/month-end/{run.id}")).text

    assert "the plan is cancelled, and the month-end has to be planned anew" in shown
    assert "rejected this plan: “Too early”." in page
    assert admin.url("/month-end/new") in page
    assert '<li aria-current="step">3 Approve</li>' in page


def test_the_api_names_the_request_and_counts_the_agreements(
    session: Session, api: Callable[..., TestClient]
) -> None:
    _two_agree()
    sell(date(2026, 9, 20))
    run = plan(DAY)
    url = f"/api/v1/month-end/runs/{run.id}"
    with clock.frozen(morning(DAY)):
        first = api(Role.MANAGER).post(f"{url}/approve", json={}).json
        asked = api(Role.MANAGER).get(f"/api/v1/approvals/{first['approval_id']}").json
        last = api(Role.TENANT_ADMINISTRATOR).post(f"{url}/approve", json={}).json

    assert (first["status"], asked["needed"], len(asked["agreements"])) == ("PLANNED", 2, 1)
    assert (last["status"], last["approval_id"]) == ("APPROVED", None)


def test_a_plan_that_is_cancelled_while_somebody_approves_it_is_one_of_the_two(
    app: Flask, org: OrganizationFacts, run: MonthEndRun, admin_connection: Connection
) -> None:
    """Who holds the run as cancelling does finds its request free: nobody waits in a circle."""
    request_id = _request(run.id).id
    admin_connection.execute(
        text("SELECT 1 FROM ins.month_end_runs WHERE id = :id FOR UPDATE"), {"id": run.id}
    )

    def approve() -> ApprovalStatus:
        with app.app_context(), tenant_scope(org.id), at(DAY, CHECKER) as now:
            return approve_request(request_id, on=DAY, now=now).status

    with ThreadPoolExecutor() as pool:
        approving = pool.submit(approve)
        waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        while not admin_connection.scalar(waits):
            assert not approving.done()
        admin_connection.execute(
            text("SELECT 1 FROM ins.approval_requests WHERE id = :id FOR UPDATE NOWAIT"),
            {"id": request_id},
        )
        admin_connection.rollback()
        assert approving.result() is ApprovalStatus.APPROVED
