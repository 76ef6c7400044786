"""A page costs the same number of statements however many rows it shows; a claim few."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from psycopg import Cursor
from sqlalchemy import event
from sqlalchemy.orm import Session

from insurance.api.edge import ENDPOINTS
from insurance.billing.queries import list_premium_lines
from insurance.core import clock
from insurance.core.db import db
from insurance.core.permissions import Role
from insurance.policies.lifecycle_rules import CancellationType
from insurance.policies.services import Cancellation, accept_quote, cancel_policy, pay_premium
from tests.factories.book import (
    NOW,
    TODAY,
    make_customer,
    make_endorsement,
    make_product,
    make_quote,
)
from tests.factories.claims import benefit_of, make_claims
from tests.factories.debit_orders import make_account, make_mandate
from tests.factories.identity import SignedInClient, TestClient
from tests.factories.lapses import make_lapses
from tests.factories.lifecycle import at, make_approval, morning, pay, sell
from tests.factories.month_end import plan

FEW, MANY = 2, 7


class Statements:
    """Counts what is sent to the server."""

    def __init__(self) -> None:
        self.count = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count inside this block."""
        event.listen(db.engine, "before_cursor_execute", self._add)
        try:
            yield
        finally:
            event.remove(db.engine, "before_cursor_execute", self._add)

    def _add(self, *_arguments: Any) -> None:
        self.count += 1


def _sell(product_id: UUID, index: int) -> UUID:
    """Return a policy of a holder of its own, with something of everything."""
    customer_id = make_customer(index, last_name=f"Dlamini{'abcdefgh'[index]}")
    quote_id = make_quote(product_id, customer_id)
    policy_id = accept_quote(quote_id, on=TODAY, now=NOW).policy.id
    make_quote(product_id, customer_id)
    make_mandate(policy_id, customer_id, bank_account_id=make_account(customer_id))
    pay(policy_id, "250.00", TODAY, reference=f"EFT-{index}")
    make_endorsement(policy_id)
    make_approval(policy_id)
    if index:  # what pays in full ends the policy; the first one lives on
        make_claims(policy_id)
    return policy_id


def _pages(app: Flask, slug: str, ids: dict[str, UUID]) -> list[str]:
    """Return the path of every screen that shows the organization or the first policy."""
    found = []
    for rule in app.url_map.iter_rules():
        names = rule.arguments - {"org"}
        if "GET" in (rule.methods or ()) and "org" in rule.arguments and names <= set(ids):
            found.append(_filled(rule.rule.replace("<slug:org>", slug), ids))
    return sorted(set(found))


def _endpoints(ids: dict[str, UUID]) -> list[str]:
    paths = [one.path for one in ENDPOINTS if one.method == "GET"]
    filled = [_filled(path, ids) for path in paths]
    return sorted({f"/api/v1{path}" for path in filled if "<" not in path})


def _filled(path: str, ids: dict[str, UUID]) -> str:
    for name, value in ids.items():
        path = path.replace(f"<uuid:{name}>", str(value))
    return path


def _counts(app: Flask, client: TestClient, paths: list[str]) -> dict[str, int]:
    """Return the statements of each path that answers, asked a second time."""
    counts = {}
    for path in paths:
        if client.get(path).status_code != 200:
            continue
        statements = Statements()
        with app.app_context(), statements.counted():
            client.get(path)
        counts[path] = statements.count
    return counts


@pytest.fixture
def few(session: Session) -> tuple[UUID, dict[str, UUID]]:
    """Return the product and the ids of the first policy of a few."""
    with clock.frozen(NOW):
        product_id = make_product()
        first, *_others = [_sell(product_id, index) for index in range(FEW)]
        make_lapses(product_id, first)
        plan(TODAY)
    return product_id, {"product_id": product_id, "policy_id": first}


def test_no_screen_asks_row_by_row(
    app: Flask, session: Session, few: Any, sign_in: Callable[..., SignedInClient]
) -> None:
    client = sign_in(Role.TENANT_ADMINISTRATOR)
    paths = _pages(app, client.org.slug, few[1])
    _assert_steady(app, client, paths, few)


def test_no_endpoint_asks_row_by_row(
    app: Flask, session: Session, few: Any, api: Callable[..., TestClient]
) -> None:
    _assert_steady(app, api(Role.TENANT_ADMINISTRATOR), _endpoints(few[1]), few)


def _assert_steady(app: Flask, client: TestClient, paths: list[str], few: Any) -> None:
    product_id, ids = few
    with clock.frozen(NOW + timedelta(minutes=5)):
        before = _counts(app, client, paths)
        for index in range(FEW, MANY):
            _sell(product_id, index)
        after = _counts(app, client, paths)
    grown = {path: (before[path], after[path]) for path in before if after[path] > before[path]}
    assert len(before) > 20
    assert grown == {}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what the driver is given to execute, as it comes; none of it is kept from it."""
    found: list[str] = []
    execute = Cursor.execute

    def listening(cursor: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        found.append(str(query))
        return execute(cursor, query, *arguments, **options)

    monkeypatch.setattr(Cursor, "execute", listening)
    return found


SUBMITTED, ASSESSED, PAID = 20, 17, 31
"""The statements of a claim on a policy that is paid up, its answer and the sign-in included.

New rows go together, those of the claim and those that wait for the commit; a change of a table's
rows takes one. The payment of a death ends the policy too.
"""
RECEIVED = 11
"""The statements of a premium's payment, the sign-in included."""


def test_a_claim_is_submitted_assessed_and_paid_in_few_statements(
    session: Session, api: Callable[..., TestClient], sent: list[str]
) -> None:
    with clock.frozen(morning(TODAY)):
        ids = [_paid_up() for _time in range(2)]
        session.rollback()
        clients = [api(role) for role in (Role.AGENT, Role.MANAGER, Role.FINANCE)]
        _claim(clients, *ids[0], sent)  # what is kept in memory is read once
        counts = _claim(clients, *ids[1], sent)
    limits = (SUBMITTED, ASSESSED, PAID)
    assert all(count <= limit for count, limit in zip(counts, limits, strict=True)), counts


def test_a_premium_is_paid_in_few_statements(
    session: Session, api: Callable[..., TestClient], sent: list[str]
) -> None:
    with clock.frozen(morning(TODAY)):
        policies = [sell(TODAY - timedelta(days=20)) for _time in range(2)]
        session.rollback()
        finance = api(Role.FINANCE)
        for policy_id in policies:
            start = len(sent)
            payment = {
                "payment_reference": f"EFT-{policy_id}",
                "payment_date": TODAY.isoformat(),
                "amount": 10,
            }
            path = f"/api/v1/policies/{policy_id}/payments"
            assert finance.post(path, json=payment).status_code == 201
    assert len(sent) - start <= RECEIVED  # of the second one: what is kept in memory is read once


def test_an_end_gives_back_many_premiums_in_as_few_statements_as_one(
    session: Session, sent: list[str]
) -> None:
    _end_with_paid_ahead(1, sent)  # what is kept in memory is read once

    assert _end_with_paid_ahead(4, sent) == _end_with_paid_ahead(1, sent)


def _end_with_paid_ahead(premiums: int, sent: list[str]) -> int:
    """Return the statements of cancelling a policy of which premiums to come were paid."""
    policy_id = sell(TODAY - timedelta(days=60))
    pay(policy_id, "300.00", TODAY)
    lines = list_premium_lines(db.session(), policy_id)
    coming = [(one.id, one.amount) for one in lines if one.due_date > TODAY and not one.paid_amount]
    with at(TODAY) as now:
        for line_id, amount in coming[:premiums]:
            pay_premium(
                policy_id, line_id, amount=amount, reference=str(line_id), paid_on=TODAY,
                on=TODAY, now=now,
            )  # fmt: skip
        start = len(sent)
        wanted = Cancellation(kind=CancellationType.VOLUNTARY, reason="Moves away")
        cancel_policy(policy_id, wanted, on=TODAY, now=now)
    return len(sent) - start


def _paid_up() -> tuple[UUID, UUID]:
    policy_id = sell(TODAY - timedelta(days=20))
    pay(policy_id, "250.00", TODAY, reference=f"EFT-{policy_id}")
    return policy_id, benefit_of(policy_id)


def _claim(
    clients: list[TestClient], policy_id: UUID, benefit_id: UUID, sent: list[str]
) -> tuple[int, int, int]:
    """Return the statements of submitting, assessing and paying a claim."""
    agent, manager, finance = clients
    start = len(sent)
    claim = agent.post(
        f"/api/v1/policies/{policy_id}/claims",
        json={
            "claim_type": "DEATH",
            "cause": "ACCIDENT",
            "benefit_claims": [{"policy_benefit_id": str(benefit_id), "claimed_amount": 100}],
        },
    ).json
    submitted = len(sent)
    path, item_id = f"/api/v1/claims/{claim['claim_id']}", claim["items"][0]["id"]
    assessment = {
        "claim_benefit_item_id": item_id,
        "approved_amount": 100,
        "decision_reason": "Within terms",
    }
    decided = {
        "benefit_assessments": [assessment],
        "documents_waived": True,
        "waiver_reason": "All is known",
    }
    assert manager.put(f"{path}/assess", json=decided).json["status"] == "APPROVED"
    assessed = len(sent)
    payment = {
        "payment_reference": f"PAY-{claim['claim_number']}",
        "benefit_payments": [{"claim_benefit_item_id": item_id, "paid_amount": 100}],
    }
    assert finance.post(f"{path}/pay", json=payment).status_code == 200
    return submitted - start, assessed - submitted, len(sent) - assessed
