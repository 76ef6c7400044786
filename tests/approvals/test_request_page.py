"""Every kind of request that a second person decides is shown in words, with what would change."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from insurance.approvals import subjects
from insurance.approvals.models import ApprovalRequest
from insurance.approvals.queries import list_waiting
from insurance.approvals.services import approve_request, request_approval
from insurance.approvals.subjects import actions
from insurance.billing.queries import list_premium_lines
from insurance.claims.services import change_payees, undo_death
from insurance.core import clock
from insurance.core.db import db, transaction
from insurance.core.ids import new_id
from insurance.core.permissions import Role
from insurance.lapses.services import record_notice
from insurance.organizations.queries import get_organization
from insurance.policies.lifecycle_rules import CancellationType
from insurance.policies.models import EndorsementType
from insurance.policies.queries import get_policy, list_events
from insurance.policies.services import (
    Cancellation,
    cancel_policy,
    lapse_policy,
    pay_refund,
    relief,
    set_lapse_aside,
    undo_giving_up,
    waive_premium,
)
from insurance.policies.services import write_off_premium as write_off
from insurance.policies.services.endorsements import EndorsementRequest, endorse_policy
from insurance.policies.services.payments import Answers, receive_payment
from insurance.products.services import launch_product
from insurance.reconciliation.queries import list_suspense
from insurance.reconciliation.services import (
    commit_file,
    match_suspense,
    preview_upload,
    return_suspense,
)
from insurance.web.filters import age_in_words
from tests.factories.claims import MANAGER, account, acting, assess, benefit_of, claim, complete
from tests.factories.claims import pay as pay_claim
from tests.factories.identity import SignedInClient
from tests.factories.lifecycle import CHECKER, at, morning, sell
from tests.factories.month_end import plan
from tests.factories.products import make_ready_draft
from tests.factories.reconciliation import csv_of, row

SignIn = Callable[..., SignedInClient]
START = date(2026, 5, 1)
DAY = date(2026, 11, 20)


def _cancellation(policy_id: UUID) -> UUID | None:
    wanted = Cancellation(kind=CancellationType.FRAUD, reason="The claim was made up")
    with at(DAY) as now:
        return cancel_policy(policy_id, wanted, on=DAY, now=now).approval_id


def _waiver(policy_id: UUID) -> UUID | None:
    line_id = list_premium_lines(db.session(), policy_id)[0].id
    db.session().rollback()
    with at(DAY) as now:
        return waive_premium(policy_id, line_id, reason="Ours", on=DAY, now=now).approval_id


def _write_off(policy_id: UUID) -> UUID | None:
    line_id = list_premium_lines(db.session(), policy_id)[0].id
    db.session().rollback()
    with at(DAY) as now:
        return write_off(policy_id, line_id, reason="Lost", on=DAY, now=now).approval_id


def _owed_again(policy_id: UUID) -> UUID | None:
    asked = _waiver(policy_id)
    assert asked is not None
    with at(DAY, CHECKER) as now:
        approve_request(asked, on=DAY, now=now)
    event_id = list_events(db.session(), policy_id, limit=1)[0].id
    db.session().rollback()
    with at(DAY) as now:
        return undo_giving_up(event_id, on=DAY, now=now).approval_id


def _refund(policy_id: UUID) -> UUID | None:
    with at(DAY) as now:
        receive_payment(
            policy_id,
            amount=Decimal("7000.00"),
            reference="EFT-7000",
            paid_on=DAY,
            on=DAY,
            now=now,
            answers=Answers(amount_is_right=True),
        )
        return pay_refund(
            policy_id,
            amount=Decimal("6000.00"),
            reference="RF-1",
            reason="Paid twice",
            on=DAY,
            now=now,
        ).approval_id


def _backdated(policy_id: UUID) -> UUID | None:
    wanted = EndorsementRequest(
        type=EndorsementType.CHANGE_COVER,
        data={"policy_benefit_id": benefit_of(policy_id), "new_sum_assured": 150000},
        effective_date=date(2026, 6, 1),
        reason="It was asked for in June",
    )
    with at(DAY) as now:
        return endorse_policy(policy_id, wanted, on=DAY, now=now).approval_id


def _claim_payment(policy_id: UUID) -> UUID | None:
    made = claim(policy_id, "60000.00", day=DAY)
    complete(made.id, DAY)
    assess(made.id, "60000.00", day=DAY)
    with acting(MANAGER, DAY) as now:
        change_payees(made.id, [account()], reason="A new account", on=DAY, now=now)
    return pay_claim(made.id, "60000.00", day=DAY).approval_id


def _undone_death(policy_id: UUID) -> UUID | None:
    made = claim(policy_id, "60000.00", day=DAY)
    complete(made.id, DAY)
    assess(made.id, "60000.00", day=DAY)
    pay_claim(made.id, "60000.00", day=DAY)
    with acting(MANAGER, DAY) as now:
        return undo_death(made.id, reason="A namesake died", on=DAY, now=now)


def _large_payment(policy_id: UUID) -> UUID | None:
    with at(DAY) as now:
        return receive_payment(
            policy_id,
            amount=Decimal("150000.00"),
            reference="EFT-150",
            paid_on=DAY,
            on=DAY,
            now=now,
            answers=Answers(amount_is_right=True),
        ).approval_id


def _large_match(policy_id: UUID) -> UUID | None:
    content = csv_of(row("PL-9999-999999", "150000.00", "EFT-151"))
    with at(DAY) as now:
        commit_file(preview_upload(content, "b.csv", on=DAY, now=now).id, on=DAY, now=now)
        (waiting,) = list_suspense(db.session(), limit=5).items
        db.session().rollback()
        return match_suspense(waiting.id, policy_id, on=DAY, now=now).approval_id


def _large_return(_policy_id: UUID) -> UUID | None:
    content = csv_of(row("PL-9999-999999", "150000.00", "EFT-152"))
    with at(DAY) as now:
        commit_file(preview_upload(content, "b.csv", on=DAY, now=now).id, on=DAY, now=now)
        (waiting,) = list_suspense(db.session(), limit=5).items
        db.session().rollback()
        return return_suspense(waiting.id, reason="Not ours", on=DAY, now=now).approval_id


def _lapse_set_aside(policy_id: UUID) -> UUID | None:
    number = get_policy(db.session(), policy_id).policy_number
    db.session().rollback()
    sent, lapsed_on, filed = date(2026, 5, 4), date(2026, 5, 17), date(2026, 5, 20)
    with at(sent) as now:
        record_notice(
            policy_id,
            recipient="12 Kloof Street",
            sent_on=sent,
            registered_number="RE123456785ZA",
            on=sent,
            now=now,
        )
    with at(lapsed_on) as now:
        lapse_policy(policy_id, reason="No payment", on=lapsed_on, now=now)
    content = csv_of(row(number, "100.00", "EFT-9", paid_date="2026-05-10"))
    with at(filed) as now:
        commit_file(preview_upload(content, "b.csv", on=filed, now=now).id, on=filed, now=now)
        (waiting,) = list_suspense(db.session(), limit=5).items
        db.session().rollback()
        return set_lapse_aside(
            policy_id, waiting.id, reason="Paid in time", on=filed, now=now
        ).approval_id


def _launch(_policy_id: UUID) -> UUID | None:
    session = db.session()
    organization = get_organization(session)
    organization.launch_needs_second_person = True
    session.commit()
    with at(DAY) as now:
        product = make_ready_draft("Other Life")
        launch_product(product.id, reason="New", now=now)
    return list_waiting(session, "products", product.id)[0].id


def _month_end(_policy_id: UUID) -> UUID | None:
    return list_waiting(db.session(), "month_end_runs", plan(DAY).id)[0].id


KINDS = {
    "month_end.apply": (
        _month_end,
        [
            "1 of 1",
            "Premiums charged",
            "1 policy, R 600,00",
            "Hash of the plan",
            "Open month-end run",
        ],
    ),
    "products.launch": (
        _launch,
        ["Sold to new customers", "Nothing", "Version 1", "Terms: largest cover", "Open draft"],
    ),
    "policies.receive_payment": (
        _large_payment,
        ["Payment", "R 150 000,00", "R 700,00", "R 149 300,00, kept for", "2026/11/20", "EFT-150"],
    ),
    "suspense.match": (
        _large_match,
        ["In suspense", "With PL-", "R 150 000,00", "Due and not paid", "2026/11/20", "EFT-151"],
    ),
    "suspense.return": (
        _large_return,
        ["In suspense", "Paid back to where it came from", "R 150 000,00", "EFT-152", "2026/11/20"],
    ),
    "policies.set_lapse_aside": (
        _lapse_set_aside,
        ["In force, cover unbroken", "Lapsed", "Never was", "2026/05/10", "EFT-9", "R 100,00"],
    ),
    "policies.cancel": (_cancellation, ["Cover ends on", "Active", "Cancelled", "Fraud"]),
    "premiums.waive": (_waiver, ["Premium due on", "2026/05/01", "R 100,00", "R 0,00"]),
    "premiums.write_off": (_write_off, ["Premium due on", "Written off", "R 100,00"]),
    "premiums.undo_giving_up": (_owed_again, ["Given up", "R 100,00 due 2026/05/01", "R 0,00"]),
    "refunds.pay": (_refund, ["Can be paid back", "R 6 000,00", "RF-1"]),
    "policies.endorse_backdated": (
        _backdated,
        ["Takes effect on", "2026/06/01", "R 100 000,00", "R 150 000,00", "Monthly premium"],
    ),
    "claims.undo_death": (
        _undone_death,
        ["Cover", "Goes on", "Ended on 2026/11/21", "Void", "R 60 000,00", "Open claim"],
    ),
    "claims.pay": (
        _claim_payment,
        ["Payee", "Sipho Dlamini", "R 0,00", "R 60 000,00", "Open claim", "PAY-1"],
    ),
}
HARD: dict[str, Any] = {
    "nothing": None,
    "day": "2026-11-20",
    "list": [{"item_id": str(new_id()), "amount": "12.50"}, ["A", {"b": None}], 3],
    "inner": {"is_so": True, "list": [], "deeper": {"amount": "1.00"}},
}


@pytest.mark.parametrize("action", sorted(KINDS))
def test_a_request_says_what_would_change_in_the_words_of_the_trade(
    action: str, sign_in: SignIn, session: Session
) -> None:
    ask, expected = KINDS[action]
    approval_id = ask(sell(START))
    assert approval_id is not None
    with clock.frozen(morning(DAY)):
        client = sign_in(Role.MANAGER)
        answer = client.get(client.url(f"/approvals/{approval_id}"))
        listed = client.get(client.url("/approvals"))

    text = answer.text.replace("\u00a0", " ")
    assert answer.status_code == 200
    assert [one for one in expected if one not in text] == []
    assert "_id" not in text.split("What was asked for")[1].split("</table>")[0]
    assert (listed.status_code, str(approval_id) in listed.text) == (200, True)


def test_who_may_not_decide_reads_which_roles_do(sign_in: SignIn, session: Session) -> None:
    approval_id = _cancellation(sell(START))
    with clock.frozen(morning(DAY)):
        auditor = sign_in(Role.AUDITOR)
        text = auditor.get(auditor.url(f"/approvals/{approval_id}")).text

    assert "Your role does not decide requests. These roles do:" in text
    assert "tenant administrator, manager, finance" in text
    assert 'value="reject"' not in text


def test_every_action_that_two_people_do_has_words_of_its_own() -> None:
    assert actions() == set(KINDS)


def test_a_request_of_any_other_kind_is_read_out(
    sign_in: SignIn, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subjects, "_subjects", dict(subjects._subjects))
    other = subjects.register(replace(relief.REFUND, action="some.other"))
    policy_id = sell(START)
    with at(DAY) as now, transaction() as opened:
        request: ApprovalRequest = request_approval(
            opened,
            other,
            policy_id,
            record_version=get_policy(opened, policy_id).current_version,
            title="Something else",
            amount=None,
            payload=HARD,
            reason="Why not",
            now=now,
        )
    client = sign_in(Role.MANAGER)

    answer = client.get(client.url(f"/approvals/{request.id}"))

    assert answer.status_code == 200
    assert "2026/11/20" in answer.text
    assert "R\u00a012,50" in answer.text


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(seconds=20), "less than a minute"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(hours=5, minutes=50), "5 hours"),
        (timedelta(days=3, hours=2), "3 days"),
    ],
)
def test_the_age_of_a_request_is_said_in_its_largest_unit(ago: timedelta, words: str) -> None:
    asked = datetime(2026, 11, 20, 8)

    assert age_in_words(asked, asked + ago) == words
