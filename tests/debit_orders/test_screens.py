"""Debit orders on screen: look first, prepare, a second person releases, the bank's file."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.db import db
from insurance.core.listing import Wanted
from insurance.core.permissions import Role
from insurance.debit_orders import queries
from insurance.debit_orders.debits import list_items
from insurance.debit_orders.models import DebitOrderRun, DebitRunStatus
from insurance.debit_orders.rules import MandateStatus
from tests.factories.book import NOW, TODAY, Book, make_book
from tests.factories.debit_orders import (
    ACCOUNT,
    due_on,
    make_account,
    make_mandate,
    make_policies,
    make_run,
    release,
)
from tests.factories.identity import SignedInClient

SignIn = Callable[..., SignedInClient]
DAY = date(2026, 12, 1)


@pytest.fixture(autouse=True)
def _at_noon():
    with clock.frozen(NOW):
        yield


@pytest.fixture
def policies(session: Session) -> list[UUID]:
    """Return two policies with mandates and a premium of 100.00 due on the day."""
    made = make_policies(2)
    due_on(DAY, made)
    return made


@pytest.fixture
def book(session: Session) -> Book:
    """Return a policy without a mandate."""
    return make_book()


def _only_run(session: Session) -> DebitOrderRun:
    session.expire_all()
    (run,) = queries.list_runs(session, limit=2).items
    return run


def test_a_run_is_looked_at_before_it_is_prepared(
    sign_in: SignIn, session: Session, policies: list[UUID]
) -> None:
    clerk = sign_in(Role.FINANCE)

    first = clerk.get(clerk.url("/debit-orders/prepare")).text
    shown = clerk.get(clerk.url("/debit-orders/prepare?action_date=2026/12/01")).text

    assert "2026/11/23" in first, "the next business day is proposed"
    assert "R\u00a0200,00" in shown
    assert queries.list_runs(session, limit=2).items == []


def test_what_would_be_left_out_is_shown_by_reason(
    sign_in: SignIn, session: Session, book: Book
) -> None:
    due_on(DAY, [book.policy_id])
    clerk = sign_in(Role.FINANCE)

    shown = clerk.get(clerk.url("/debit-orders/prepare?action_date=2026-12-01")).text

    assert "No mandate" in shown
    assert "Prepare run" not in shown


def test_a_run_goes_from_its_maker_over_a_second_person_to_the_bank(
    sign_in: SignIn, session: Session, policies: list[UUID]
) -> None:
    maker, other = sign_in(Role.FINANCE), sign_in(Role.FINANCE)

    made = maker.post(maker.url("/debit-orders/prepare"), data={"action_date": "2026-12-01"})
    run = _only_run(session)
    path = f"/debit-orders/{run.id}"
    assert made.status_code == 303
    assert made.location.endswith(path)

    mine = maker.get(maker.url(path)).text
    assert "You prepared this run" in mine
    refused = maker.post(maker.url(f"{path}/release"), data={"format": "BUREAU"})
    assert refused.status_code == 403
    assert "Somebody other than who prepared this run" in refused.text
    assert _only_run(session).status is DebitRunStatus.DRAFT
    assert maker.get(maker.url(f"{path}/file")).status_code == 409

    assert "Release run" in other.get(other.url(f"{path}/release")).text
    assert other.post(other.url(f"{path}/release"), data={"format": "BUREAU"}).status_code == 303
    assert _only_run(session).status is DebitRunStatus.RELEASED
    file = other.get(other.url(f"{path}/file?format=BUREAU"))
    assert file.headers["Content-Disposition"] == f'attachment; filename="{run.number}.txt"'
    assert file.headers["Cache-Control"] == "no-store"
    assert ACCOUNT in file.text
    assert other.get(other.url(f"{path}/file?format=PDF")).status_code == 404
    assert ACCOUNT not in other.get(other.url(path)).text


def test_preparing_refuses_a_holiday_at_its_field(
    sign_in: SignIn, session: Session, policies: list[UUID]
) -> None:
    clerk = sign_in(Role.FINANCE)

    looked = clerk.get(clerk.url("/debit-orders/prepare?action_date=2026-12-16"))
    posted = clerk.post(clerk.url("/debit-orders/prepare"), data={"action_date": "2026-12-16"})
    nonsense = clerk.get(clerk.url("/debit-orders/prepare?action_date=tomorrow"))

    assert looked.status_code == posted.status_code == nonsense.status_code == 422
    assert "Banks process nothing on this day" in posted.text
    assert 'id="action_date-wrong"' in nonsense.text


def test_the_items_of_a_run_are_paged_and_filtered_by_their_address(
    sign_in: SignIn, session: Session
) -> None:
    made = make_policies(3)
    due_on(DAY, made)
    run = make_run(DAY)
    clerk = sign_in(Role.AUDITOR)
    path = clerk.url(f"/debit-orders/{run.id}")

    part = clerk.htmx(path).text
    assert part.lstrip().startswith('<div id="list"')
    assert part.count("/debit-orders/mandates/") == 3
    assert "R\u00a0300,00" in part.split("<tfoot>")[1], "the page adds its amounts up"
    for order in ("status", "amount", "reference"):
        wanted = Wanted({"run": run.id}, order=order, limit=2)
        page = list_items(session, wanted)
        rest = list_items(session, replace(wanted, cursor=page.next_cursor))
        assert len({item.id for item in (*page.items, *rest.items)}) == 3
    only = clerk.htmx(f"{path}?policy={page.items[0].policy_number.lower()}").text
    assert only.count("/debit-orders/mandates/") == 1
    assert "No premium matches" in clerk.get(f"{path}?policy=PL-1").text
    assert clerk.get(f"{path}?cursor=nonsense").status_code == 422


def test_a_run_is_cancelled_with_a_reason(
    sign_in: SignIn, session: Session, policies: list[UUID]
) -> None:
    run = make_run(DAY)
    clerk = sign_in(Role.FINANCE)
    path = clerk.url(f"/debit-orders/{run.id}/cancel")

    assert clerk.post(path, data={}).status_code == 422
    assert clerk.post(path, data={"reason": "wrong day"}).status_code == 303
    assert _only_run(session).status is DebitRunStatus.CANCELLED
    assert clerk.post(path, data={"reason": "again"}).status_code == 409


def test_a_mandate_is_added_on_the_customers_account_and_cancelled(
    sign_in: SignIn, session: Session, book: Book
) -> None:
    account = make_account(book.customer_id)
    clerk = sign_in(Role.FINANCE)
    path = clerk.url(f"/debit-orders/mandates/{book.policy_id}")
    assert "There is no mandate yet" in clerk.get(path).text

    wrong = clerk.post(
        f"{path}/new",
        data={
            "bank_account_id": str(account),
            "signed_on": "2027/01/01",
            "convention": "PRECEDING",
            "collection_day": "25",
        },
    )
    assert wrong.status_code == 422
    assert "cannot be signed in the future" in wrong.text
    added = clerk.post(
        f"{path}/new",
        data={
            "bank_account_id": str(account),
            "signed_on": "2026/11/20",
            "max_amount": "R1 000,00",
            "convention": "PRECEDING",
            "collection_day": "25",
        },
    )
    assert added.status_code == 303
    html = clerk.get(path).text
    assert "day 25" in html
    assert "R\u00a01\u00a0000,00" in html
    assert ACCOUNT not in html

    mandate = queries.list_mandates(session, book.policy_id)[0].mandate
    action = clerk.url(f"/debit-orders/mandates/{mandate.id}")
    assert clerk.post(f"{action}/suspend", data={"reason": "asked"}).status_code == 303
    assert clerk.post(f"{action}/activate", data={"signed_on": "20261120"}).status_code == 303
    assert clerk.post(f"{action}/cancel", data={"reason": ""}).status_code == 422
    assert clerk.post(f"{action}/cancel", data={"reason": "new bank"}).status_code == 303
    session.expire_all()
    mandate = queries.get_mandate(session, mandate.id)
    assert mandate.status is MandateStatus.CANCELLED
    assert clerk.post(f"{action}/cancel", data={"reason": "again"}).status_code == 409


def test_a_second_active_mandate_is_refused(sign_in: SignIn, session: Session, book: Book) -> None:
    account = make_account(book.customer_id)
    make_mandate(book.policy_id, book.customer_id, bank_account_id=account)
    clerk = sign_in(Role.FINANCE)

    answer = clerk.post(
        clerk.url(f"/debit-orders/mandates/{book.policy_id}/new"),
        data={
            "bank_account_id": str(account),
            "signed_on": "2026/11/20",
            "convention": "FOLLOWING",
        },
    )

    assert answer.status_code == 409
    assert "The policy has an active mandate" in answer.text


def test_a_day_is_added_to_the_holidays_and_removed(
    sign_in: SignIn, session: Session, book: Book
) -> None:
    clerk = sign_in(Role.FINANCE)
    path = clerk.url("/debit-orders/holidays")

    wanted = {"day": "2026/12/17", "name": "Bank migration"}
    assert clerk.post(f"{path}/new", data=wanted).status_code == 303
    assert clerk.post(f"{path}/new", data=wanted).status_code == 409
    html = clerk.get(path).text
    assert "Bank migration" in html
    assert "Day of Reconciliation" in html, "the official holidays stand below"
    (found,) = re.findall(r'href="[^"]+/holidays/([0-9a-f-]{36})/remove"', html)
    assert clerk.post(f"{path}/{found}/remove", data={}).status_code == 303
    assert "Bank migration" not in clerk.get(path).text.split("<table>")[1]
    assert "You have no days of your own" in clerk.get(f"{path}?whose=own").text


@pytest.mark.parametrize(
    ("role", "may_look", "may_act"),
    [
        (Role.FINANCE, True, True),
        (Role.TENANT_ADMINISTRATOR, True, True),
        (Role.AUDITOR, True, False),
        (Role.AGENT, True, False),
        (Role.CLAIMS_ASSESSOR, True, False),
    ],
)
def test_who_may_look_and_who_may_act(
    role: Role,
    may_look: bool,
    may_act: bool,
    sign_in: SignIn,
    session: Session,
    policies: list[UUID],
) -> None:
    run = release(make_run(DAY))
    person = sign_in(role)

    looks = [
        "/debit-orders",
        f"/debit-orders/{run.id}",
        f"/debit-orders/mandates/{policies[0]}",
        "/debit-orders/holidays",
    ]
    acts = ["/debit-orders/prepare", f"/debit-orders/{run.id}/file", "/debit-orders/holidays/new"]
    assert {person.get(person.url(path)).status_code for path in looks} == (
        {200} if may_look else {403}
    )
    assert {person.get(person.url(path)).status_code for path in acts} == (
        {200} if may_act else {403}
    )
    listed = person.get(person.url("/debit-orders")).text
    assert ("Prepare a run" in listed) is may_act
    assert run.number in listed


def test_a_run_with_more_items_costs_no_more_queries(sign_in: SignIn, session: Session) -> None:
    made = make_policies(4)
    due_on(DAY, made[:1])
    due_on(DAY + timedelta(days=1), made[1:])
    small, large = make_run(DAY), make_run(DAY + timedelta(days=1))
    clerk = sign_in(Role.FINANCE)

    def count(run: DebitOrderRun) -> int:
        seen = []
        engine = db.engine
        event.listen(engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
        clerk.get(clerk.url(f"/debit-orders/{run.id}"))
        return len(seen)

    count(small)
    first, second = count(small), count(large)
    assert second <= first * 2
    assert TODAY < DAY
