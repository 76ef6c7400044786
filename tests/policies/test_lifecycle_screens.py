"""The drawers of a policy's life: each says what happens to money and cover before it asks."""

import re
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from insurance.billing.queries import list_premium_lines
from insurance.core import clock
from insurance.core.permissions import Role
from insurance.lapses.services import record_notice
from insurance.policies.models import PolicyStatus
from insurance.policies.queries import get_policy
from insurance.policies.services import refunds_payable
from tests.factories.identity import SignedInClient
from tests.factories.lifecycle import at, morning, pay, sell

SignIn = Callable[..., SignedInClient]
D = Decimal
DUE = date(2026, 10, 4)
LAPSE = date(2026, 10, 20)


@pytest.fixture(autouse=True)
def on_20_october() -> Iterator[None]:
    """Let the business day be 20 October 2026: the day after the grace of 4 October."""
    with clock.frozen(morning(LAPSE)):
        yield


@pytest.fixture
def policy_id(session: Session) -> UUID:
    """Return a policy of 310.00 a month since 4 October, unpaid, whose holder was told."""
    policy_id = sell(DUE, premium="310.00")
    with at(date(2026, 10, 9)) as now:
        record_notice(
            policy_id,
            recipient="12 Kloof Street",
            registered_number="RC 123 456 789 ZA",
            sent_on=date(2026, 10, 9),
            on=date(2026, 10, 9),
            now=now,
        )
    return policy_id


def _status(session: Session, policy_id: UUID) -> PolicyStatus:
    session.rollback()
    return get_policy(session, policy_id).status


def _seen(html: str) -> str:
    found = re.search(r'name="seen"[^>]*value="([^"]*)"', html)
    assert found is not None
    return found[1]


def test_suspending_shows_what_is_owed_and_wants_a_reason(
    sign_in: SignIn, policy_id: UUID, session: Session
) -> None:
    client = sign_in()
    path = client.url(f"/policies/{policy_id}/suspend")

    assert "R\u00a0310,00" in client.get(path).text
    assert client.post(path, data={"reason": ""}).status_code == 422
    assert client.post(path, data={"reason": "Non-payment"}).status_code == 303
    assert _status(session, policy_id) is PolicyStatus.SUSPENDED
    assert "cannot be suspended" in client.get(path).text


def test_lapsing_names_the_first_day_without_cover(
    sign_in: SignIn, policy_id: UUID, session: Session
) -> None:
    client = sign_in()
    path = client.url(f"/policies/{policy_id}/lapse")

    assert "ends as from 2026/10/20" in client.get(path).text
    assert client.post(path, data={"reason": "Grace is over"}).status_code == 303
    assert _status(session, policy_id) is PolicyStatus.LAPSED
    page = client.get(client.url(f"/policies/{policy_id}")).text
    assert "to 2026/10/20" in page


def test_a_lapse_in_grace_is_not_offered(sign_in: SignIn, session: Session) -> None:
    policy_id = sell(date(2026, 10, 10))
    client = sign_in()
    path = client.url(f"/policies/{policy_id}/lapse")

    html = client.get(path).text
    refused = client.post(path, data={"reason": "Hurry"})

    assert "would lapse on 2026/10/26" in html
    assert "Lapse policy" not in html
    assert (refused.status_code, "can lapse on 2026/10/26" in refused.text) == (409, True)


def test_reinstating_names_the_arrears_and_the_ways_back(
    sign_in: SignIn, policy_id: UUID, session: Session
) -> None:
    client = sign_in()
    client.post(client.url(f"/policies/{policy_id}/lapse"), data={"reason": "Grace is over"})
    path = client.url(f"/policies/{policy_id}/reinstate")

    html = client.get(path).text
    refused = client.post(path, data={"way": "CONTINUE", "reason": "Paid"})
    pay(policy_id, "310.00", LAPSE)
    done = client.post(path, data={"way": "CONTINUE", "reason": "Paid"})

    assert "2026/11/03" in html
    assert "R\u00a0310,00 is owed" in html
    assert (refused.status_code, "are not paid" in refused.text) == (409, True)
    assert done.status_code == 303
    assert _status(session, policy_id) is PolicyStatus.ACTIVE


def test_cancelling_shows_the_refund_first_and_then_does_just_that(
    sign_in: SignIn, policy_id: UUID, session: Session
) -> None:
    pay(policy_id, "310.00", DUE)
    client = sign_in()
    path = client.url(f"/policies/{policy_id}/cancel")

    html = client.get(path).text
    form = {
        "cancellation_type": "VOLUNTARY",
        "effective_date": "2026/10/20",
        "reason": "Moved away",
        "seen": _seen(html),
    }
    done = client.post(path, data=form)

    # 15 of the 31 days from 4 October are left.
    assert "R\u00a0150,00" in html
    assert "cooling off" in html
    assert done.status_code == 303
    assert refunds_payable(session, policy_id) == D("150.00")


def test_figures_that_nobody_looked_at_are_shown_before_anything_is_done(
    sign_in: SignIn, policy_id: UUID, session: Session
) -> None:
    pay(policy_id, "310.00", DUE)
    client = sign_in()
    path = client.url(f"/policies/{policy_id}/cancel")
    form = {
        "cancellation_type": "VOLUNTARY",
        "effective_date": "2026/10/14",
        "reason": "Moved away",
        "seen": _seen(client.get(path).text),
    }

    answer = client.post(path, data=form)

    assert (answer.status_code, "Look at them first" in answer.text) == (409, True)
    assert "R\u00a0210,00" in answer.text
    assert _status(session, policy_id) is PolicyStatus.ACTIVE
    assert client.post(path, data=form | {"seen": _seen(answer.text)}).status_code == 303


def test_looking_at_the_money_needs_no_reason_and_does_nothing(
    sign_in: SignIn, policy_id: UUID, session: Session
) -> None:
    client = sign_in()
    path = client.url(f"/policies/{policy_id}/cancel")

    answer = client.htmx(
        f"/{client.org.slug}/policies/{policy_id}/cancel",
        "POST",
        data={"act": "look", "cancellation_type": "FRAUD", "effective_date": "2026/10/20"},
    )

    assert answer.status_code == 200
    assert "<main" not in answer.text
    assert "A second person must agree: fraud" in answer.text
    assert _status(session, policy_id) is PolicyStatus.ACTIVE
    assert client.get(path).status_code == 200


def test_a_fraud_waits_for_somebody_else_who_finds_it_on_the_list(
    sign_in: SignIn, policy_id: UUID, session: Session
) -> None:
    maker, checker = sign_in(), sign_in()
    path = maker.url(f"/policies/{policy_id}/cancel")
    form = {"cancellation_type": "FRAUD", "effective_date": "2026/10/20", "reason": "Made up"}
    seen = _seen(maker.post(path, data=form | {"act": "look"}).text)

    asked = maker.post(path, data=form | {"seen": seen})
    request_path = asked.headers["Location"]
    own = maker.get(request_path).text
    refused = maker.post(f"{request_path}/decide", data={"act": "approve"})
    listed = checker.get(checker.url("/approvals")).text
    seen_by_checker = checker.get(request_path).text
    done = checker.post(f"{request_path}/decide", data={"act": "approve", "note": "Agreed"})

    assert asked.status_code == 303
    assert "You asked for this, so somebody else decides it" in own
    assert (refused.status_code, "asked for this yourself" in refused.text) == (403, True)
    assert "Cancel PL-2026-000001, fraud" in listed
    assert "Approve" in seen_by_checker
    assert done.status_code == 303
    assert _status(session, policy_id) is PolicyStatus.CANCELLED
    assert "Nothing waits for approval" in checker.get(checker.url("/approvals")).text
    assert "Agreed" in checker.get(request_path).text


def test_a_request_is_rejected_or_taken_back_on_its_page(
    sign_in: SignIn, policy_id: UUID, session: Session
) -> None:
    maker, checker = sign_in(), sign_in()
    path = maker.url(f"/policies/{policy_id}/cancel")
    form = {"cancellation_type": "FRAUD", "effective_date": "2026/10/20", "reason": "Made up"}
    seen = _seen(maker.post(path, data=form | {"act": "look"}).text)

    first = maker.post(path, data=form | {"seen": seen}).headers["Location"]
    assert checker.post(f"{first}/withdraw", data={}).status_code == 403
    assert checker.post(f"{first}/decide", data={"act": "reject"}).status_code == 303
    second = maker.post(path, data=form | {"seen": seen}).headers["Location"]
    assert maker.post(f"{second}/withdraw", data={"note": "My mistake"}).status_code == 303

    assert "Rejected" in maker.get(first).text
    assert "My mistake" in maker.get(second).text
    assert _status(session, policy_id) is PolicyStatus.ACTIVE


def test_an_agent_neither_cancels_nor_decides(
    sign_in: SignIn, policy_id: UUID, session: Session
) -> None:
    client = sign_in(Role.AGENT)

    for move in ("suspend", "lapse", "reinstate", "cancel"):
        assert client.get(client.url(f"/policies/{policy_id}/{move}")).status_code == 403
    assert client.get(client.url("/approvals")).status_code == 200
    assert len(list_premium_lines(session, policy_id)) == 12
