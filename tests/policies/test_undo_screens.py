"""Undo on screen: in the result bar at once, in the history for a day, refused in words after."""

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from insurance.billing.queries import arrears_on, list_premium_lines
from insurance.core import clock
from insurance.core.ids import new_id
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.policies.models import PolicyStatus
from insurance.policies.queries import get_policy, list_events
from insurance.policies.services.schedule_steps import keep_schedules
from tests.factories.identity import SignedInClient
from tests.factories.lifecycle import morning, pay, sell
from tests.factories.organizations import OrganizationFacts

SignIn = Callable[..., SignedInClient]
SOLD = date(2026, 10, 5)
DAY = date(2026, 10, 20)


@pytest.fixture(autouse=True)
def on_20_october() -> Iterator[None]:
    """Let it be ten o'clock of 20 October 2026."""
    with clock.frozen(morning(DAY)):
        yield


@pytest.fixture
def policy_id(session: Session) -> UUID:
    """Return a policy of 100.00 a month of which nothing is paid."""
    found = sell(SOLD)
    session.rollback()
    return found


def _status(session: Session, policy_id: UUID) -> PolicyStatus:
    session.rollback()
    return get_policy(session, policy_id).status


def _address(html: str, what: str) -> str:
    found = re.search(rf'action="([^"]*/policies/undo/{what}/[^"]*)"', html)
    assert found is not None
    return found[1]


def _suspend(client: SignedInClient, policy_id: UUID) -> str:
    """Suspend a policy and return where the page after it says that this is undone."""
    page = client.url(f"/policies/{policy_id}")
    assert client.post(f"{page}/suspend", data={"reason": "Asked"}).status_code == 303
    seen = client.get(page).text
    assert "is suspended." in seen
    return _address(seen, "suspension")


def test_the_result_bar_undoes_a_suspension_by_one_button(
    session: Session, sign_in: SignIn, policy_id: UUID
) -> None:
    client = sign_in()
    address = _suspend(client, policy_id)

    asks = client.get(address).text
    done = client.post(address)

    assert "as if it had never paused" in asks
    assert done.status_code == 303
    assert _status(session, policy_id) is PolicyStatus.ACTIVE
    page = client.get(client.url(f"/policies/{policy_id}")).text
    assert "Undone on PL-2026-" in page
    assert "Undo until" not in page


def test_the_history_says_until_when(session: Session, sign_in: SignIn, policy_id: UUID) -> None:
    _suspend(sign_in(), policy_id)

    with clock.frozen(morning(DAY) + timedelta(hours=16)):
        client = sign_in()
        page = client.url(f"/policies/{policy_id}")
        at_midnight = client.get(page).text
    with clock.frozen(morning(DAY) + timedelta(hours=25)):
        client = sign_in()
        after_it = client.get(page).text
        refused = client.post(
            client.url(f"/policies/undo/suspension/{_newest(session, policy_id)}")
        )

    assert "Undo until today 10:00" in at_midnight
    assert "Undo until" not in after_it
    assert refused.status_code == 409
    assert "<title>Error: Undo the suspension" in refused.text
    assert "24 hours, and they are over. To reverse the suspension, reinstate" in refused.text


def test_only_what_nothing_followed_is_offered_to_be_undone(
    sign_in: SignIn, policy_id: UUID
) -> None:
    clerk = sign_in()
    page = clerk.url(f"/policies/{policy_id}")
    _suspend(clerk, policy_id)
    sent = {"amount": "100,00", "payment_date": "2026/10/20", "payment_reference": "CASH"}
    assert clerk.post(f"{page}/pay", data=sent).status_code == 303

    history = clerk.get(f"{page}?tab=history").text
    of_its_life = clerk.get(f"{page}?tab=history&category=LIFECYCLE").text

    assert history.count("Undo until") == 1
    assert "Suspended" in of_its_life
    assert "Undo until" not in of_its_life


def test_a_suspension_is_still_offered_to_be_undone_after_the_premiums_of_the_night(
    sign_in: SignIn, session: Session
) -> None:
    due_tomorrow = sell(DAY - timedelta(days=30))
    session.rollback()
    clerk = sign_in()
    page = clerk.url(f"/policies/{due_tomorrow}")
    address = _suspend(clerk, due_tomorrow)
    with clock.frozen(morning(DAY + timedelta(days=1)) - timedelta(hours=7)):
        keep_schedules(on=DAY + timedelta(days=1), now=clock.now())
        early = sign_in()
        history = early.get(f"{page}?tab=history").text
        undone = early.post(address)

    assert history.count("not paid on") + history.count("fell due") > 0
    assert "Undo until" in history
    assert undone.status_code == 303
    assert _status(session, due_tomorrow) is PolicyStatus.ACTIVE


def _newest(session: Session, policy_id: UUID) -> UUID:
    session.rollback()
    return list_events(session, policy_id, limit=1)[0].id


def test_a_second_click_and_a_second_tab_undo_once(
    session: Session, sign_in: SignIn, policy_id: UUID
) -> None:
    client = sign_in()
    address = _suspend(client, policy_id)

    clicks = [client.post(address, data={"_key": "one form"}) for _click in range(2)]
    tab = client.post(address, data={"_key": "the other tab"})

    assert [click.status_code for click in clicks] == [303, 303]
    assert (tab.status_code, "undone already" in tab.text) == (409, True)
    session.rollback()
    events = [event.event_type for event in list_events(session, policy_id, limit=9)]
    assert events.count("SUSPENSION_UNDONE") == 1


def test_a_payment_is_undone_by_its_clerk_and_not_by_a_colleague(
    session: Session, sign_in: SignIn, policy_id: UUID
) -> None:
    clerk, colleague, finance = (sign_in(role) for role in (Role.AGENT, Role.AGENT, Role.FINANCE))
    page = clerk.url(f"/policies/{policy_id}")
    sent = {"amount": "100,00", "payment_date": "2026/10/20", "payment_reference": "CASH"}
    assert clerk.post(f"{page}/pay", data=sent).status_code == 303
    address = _address(clerk.get(f"{page}?tab=premiums").text, "payment")

    theirs = colleague.post(address)

    assert (theirs.status_code, "Somebody else recorded this payment" in theirs.text) == (403, True)
    assert "Undo until" not in colleague.get(f"{page}?tab=history").text
    assert "Undo until" in finance.get(f"{page}?tab=history").text
    assert clerk.post(address).status_code == 303
    session.rollback()
    assert arrears_on(session, policy_id, DAY) == Decimal("100.00")


def test_who_may_not_do_it_may_not_undo_it(
    session: Session, sign_in: SignIn, policy_id: UUID
) -> None:
    address = _suspend(sign_in(), policy_id)
    pay(policy_id, "100.00", DAY)
    paid = f"/policies/undo/payment/{_newest(session, policy_id)}"
    auditor = sign_in(Role.AUDITOR)

    assert [auditor.post(url).status_code for url in (address, auditor.url(paid))] == [403, 403]
    assert "Undo until" not in auditor.get(auditor.url(f"/policies/{policy_id}?tab=history")).text
    assert _status(session, policy_id) is PolicyStatus.SUSPENDED


def test_what_another_insurer_did_is_like_what_nobody_did(
    app: Flask, session: Session, sign_in: SignIn, other_org: OrganizationFacts
) -> None:
    with app.app_context(), tenant_scope(other_org.id):
        theirs = sell(SOLD)
        pay(theirs, "100.00", DAY)
        event = _newest(session, theirs)
    client = sign_in()

    for act in ("suspension", "payment"):
        address = client.url(f"/policies/undo/{act}/")
        answers = [client.post(f"{address}{each}") for each in (event, new_id())]
        assert [answer.status_code for answer in answers] == [404, 404]
    with app.app_context(), tenant_scope(other_org.id):
        assert _newest(session, theirs) == event


def test_an_event_of_another_kind_is_not_undone_by_this_address(
    session: Session, sign_in: SignIn, policy_id: UUID
) -> None:
    client = sign_in()
    issued = _newest(session, policy_id)

    assert client.post(client.url(f"/policies/undo/payment/{issued}")).status_code == 404
    assert client.post(client.url(f"/policies/undo/suspension/{issued}")).status_code == 404


def test_what_cannot_be_undone_says_what_reverses_it(
    session: Session, sign_in: SignIn, policy_id: UUID
) -> None:
    client = sign_in()
    page = client.url(f"/policies/{policy_id}")
    sent = {"amount": "6000000,00", "payment_date": "2026/10/20", "payment_reference": "EFT"}

    asked = client.post(f"{page}/pay", data=sent | {"amount_is_right": "y"})

    assert asked.status_code == 303
    after = client.get(asked.headers["Location"]).text
    assert "A second person has been asked" in after
    withdraw = re.search(r'action="([^"]*/approvals/[^"]*/withdraw)"', after)
    assert withdraw is not None
    assert client.post(withdraw[1]).status_code == 303
    assert "Withdrawn: Record a payment" in client.get(page).text


def test_a_waiver_is_undone_by_asking_a_second_person_again(
    session: Session, sign_in: SignIn, policy_id: UUID
) -> None:
    client, other = sign_in(), sign_in()
    page = client.url(f"/policies/{policy_id}")
    _suspend(client, policy_id)  # charges what has fallen due
    line_id = list_premium_lines(session, policy_id)[0].id
    given_up = {"way": "WAIVE", "reason": "Agreed"}
    asked = client.post(f"{page}/premiums/{line_id}/give-up", data=given_up)
    agreed = other.post(f"{asked.headers['Location']}/decide", data={"act": "approve"})
    assert agreed.status_code == 303

    address = client.url(f"/policies/undo/giving-up/{_newest(session, policy_id)}")
    assert address in client.get(f"{page}?tab=history").text
    undone = client.post(address)

    assert "/approvals/" in undone.headers["Location"]
    assert arrears_on(session, policy_id, DAY) == Decimal("0.00")


def test_a_payment_above_two_premiums_is_asked_about_once(
    session: Session, sign_in: SignIn, policy_id: UUID
) -> None:
    client = sign_in()
    page = client.url(f"/policies/{policy_id}/pay")
    sent = {"amount": "310,00", "payment_date": "2026/10/20", "payment_reference": "EFT 9"}

    asked = client.post(page, data=sent)

    assert asked.status_code == 409
    assert "is due." in asked.text
    assert "The amount is right" in asked.text
    assert client.post(page, data=sent | {"amount_is_right": "y"}).status_code == 303


@pytest.mark.parametrize("reference", ["=HYPERLINK(1)", "+27 82", "-5", "@sum"])
def test_a_reference_that_begins_like_a_formula_is_kept_and_given_out_as_text(
    reference: str, session: Session, sign_in: SignIn, policy_id: UUID
) -> None:
    client = sign_in()
    page = client.url(f"/policies/{policy_id}")
    sent = {"amount": "100,00", "payment_date": "2026/10/20", "payment_reference": reference}

    assert client.post(f"{page}/pay", data=sent).status_code == 303

    assert f"<td>{reference}</td>" in client.get(f"{page}?tab=premiums").text.replace("&#43;", "+")
