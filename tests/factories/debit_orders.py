"""Mandates and debit-order runs for tests, made by the commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text

from insurance.core.context import Actor, acting_as
from insurance.core.db import db
from insurance.core.ids import new_id
from insurance.core.tenancy import current_org
from insurance.customers.services import add_bank_account
from insurance.debit_orders import services
from insurance.debit_orders.models import DebitOrderRun, Mandate
from insurance.debit_orders.services import NewMandate
from tests.factories.book import NOW, TODAY, make_customer, make_product, make_quote

ACCOUNT = "62001234567"
MAKER, CHECKER = new_id(), new_id()
"""Two people: one prepares, the other releases."""


@contextmanager
def acting(user_id: UUID) -> Iterator[Actor]:
    """Let a person act."""
    with acting_as(Actor(user_id=user_id, email="clerk@insurer.example")) as actor:
        yield actor


def make_account(customer_id: UUID, **changes: Any) -> UUID:
    """Return a cheque account of a customer."""
    facts = {
        "holder": "P Dlamini",
        "bank": "FNB",
        "branch_code": "250655",
        "account_type": "CURRENT",
        "account_number": ACCOUNT,
    } | changes
    return add_bank_account(customer_id, **facts, now=NOW).id


def make_mandate(policy_id: UUID, customer_id: UUID, **changes: Any) -> Mandate:
    """Return a signed mandate on a new account of the policyholder."""
    facts: dict[str, Any] = {
        "bank_account_id": changes.pop("bank_account_id", None) or make_account(customer_id),
        "signed_on": TODAY,
    }
    return services.create_mandate(policy_id, NewMandate(**facts | changes), on=TODAY, now=NOW)


def make_policies(count: int, **mandate: Any) -> list[UUID]:
    """Return policies of 100.00 a month, each with a customer and an active mandate."""
    from insurance.policies.services import accept_quote

    product_id, made = make_product(), []
    for index in range(1, count + 1):
        customer_id = make_customer(index)
        quote_id = make_quote(product_id, customer_id)
        policy_id = accept_quote(quote_id, on=TODAY, now=NOW).policy.id
        make_mandate(policy_id, customer_id, **mandate)
        made.append(policy_id)
    return made


def due_on(day: date, policy_ids: list[UUID], amount: Decimal = Decimal("100.00")) -> None:
    """Let the next premium of policies fall due on a day, and no other within months of it."""
    session = db.session()
    which = {"org": current_org(), "ids": policy_ids, "day": day}
    session.execute(
        text(
            "UPDATE ins.premium_lines SET status = 'CANCELLED'"
            " WHERE org_id = :org AND policy_id = ANY(:ids) AND sequence <> 2"
        ),
        which,
    )
    session.execute(
        text(
            "UPDATE ins.premium_lines SET due_date = :day, amount = :amount"
            " WHERE org_id = :org AND policy_id = ANY(:ids) AND sequence = 2"
        ),
        which | {"amount": amount},
    )
    session.commit()


def make_run(action_date: date, *, by: UUID = MAKER, **changes: Any) -> DebitOrderRun:
    """Return a draft run."""
    with acting(by):
        return services.prepare_run(action_date, on=TODAY, now=NOW, **changes)


def release(run: DebitOrderRun, *, by: UUID = CHECKER, **changes: Any) -> DebitOrderRun:
    """Let another person release a run."""
    with acting(by):
        return services.release_run(run.id, on=TODAY, now=NOW, **changes)


def make_debit_orders(policy_id: UUID, customer_id: UUID) -> DebitOrderRun:
    """Return a draft run with the first premium of a policy, its mandate and a holiday beside."""
    make_mandate(policy_id, customer_id)
    services.add_holiday(date(2026, 12, 17), name="Palesa's day")
    return make_run(date(2026, 11, 23), since=TODAY)
