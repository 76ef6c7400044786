"""Sound books keep every promise; each promise is broken by a breach planted behind the product."""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from insurance.core.db import db
from insurance.core.tenancy import tenant_scope
from insurance.policies.queries import get_policy
from insurance.policies.services import pay_refund
from tests.factories.book import TODAY
from tests.factories.claims import make_claims
from tests.factories.ledger import post
from tests.factories.lifecycle import at, sell
from tests.factories.organizations import OrganizationFacts, make_organization
from tests.factories.reconciliation import commit, csv_of, row
from tests.invariants.promises import PROMISES
from tests.invariants.watching import Books, broken_promises

Plant = Callable[[str], set[str]]
START = date(2026, 9, 20)

REFUND = "0 <= paid back <= owed back <= received, of every policy"
INCOME = "no policy's premium income is below nothing"
MIRROR = "a reversal is the mirror of what it reverses"
SUMMED = "every transfer is in the sums kept of the ledger, or noted for them, once"
RECEIVED = "received = posted + in suspense + returned or reversed"
KEPT = "a payment stays in the bank while it stands, and no longer"
SUSPENSE = "suspense holds what nobody has matched"
FILE = "file: received = posted + in suspense + duplicates + ignored + not posted"
ONCE = "one row of a bank's files brings a payment in"
SETTLED = "a receipt settles no more than it is"
COLLECTED = "0 <= collected of a premium <= its amount; nothing of a cancelled one"
CHARGED = "a premium that was charged is in the books once, another one not"
COST = "a policy costs what its benefits cost"
COVER = "cover stated = cover priced"
LAYERS = "a benefit covers what its layers give"
PAID = "paid of a claim <= approved, as its payments and entries say"
RESERVED = "0 <= what is reserved for a claim, and the books hold it"
APPROVED = "approved and paid of a benefit <= its cover, for each life it covers"
DEAD = "nobody who has died is paid"

_TRANSFER = "UPDATE ins.ledger_transfers SET {} WHERE org_id = :org AND type = '{}'"
_SWAPPED = "debit_account = credit_account, credit_account = debit_account"

BREACHES = {
    "more is paid back than is owed back": (
        REFUND,
        _TRANSFER.format("amount = amount + 0.01", "REFUND_PAID"),
    ),
    "more is owed back than came in": (
        REFUND,
        _TRANSFER.format("amount = 1000", "REFUND_DUE"),
    ),
    "more is paid back than came in": (
        REFUND,
        "UPDATE ins.ledger_transfers SET amount = 1000 WHERE org_id = :org"
        " AND type IN ('REFUND_DUE', 'REFUND_PAID')",
    ),
    "less than nothing is paid back": (REFUND, _TRANSFER.format(_SWAPPED, "REFUND_PAID")),
    "a premium is charged the wrong way round": (
        INCOME,
        _TRANSFER.format(_SWAPPED, "PREMIUM_DUE"),
    ),
    "a reversal takes back a cent less": (
        MIRROR,
        _TRANSFER.format("amount = amount - 0.01", "REVERSAL"),
    ),
    "a reversal is of another policy": (MIRROR, _TRANSFER.format("policy_id = NULL", "REVERSAL")),
    "a transfer is in no sum and no note names it": (
        SUMMED,
        "DELETE FROM ins.ledger_uncounted WHERE org_id = :org",
    ),
    "money comes to the bank without a receipt": (
        RECEIVED,
        """INSERT INTO ins.ledger_transfers (org_id, id, journal_id, posted_at, effective_date,
               type, description, debit_account, credit_account, amount)
           SELECT org_id, gen_random_uuid(), journal_id, posted_at, effective_date, type,
               description, debit_account, credit_account, amount
           FROM ins.ledger_transfers WHERE org_id = :org AND type = 'SUSPENSE_RECEIVED'""",
    ),
    "a receipt has no money in the bank": (
        KEPT,
        "DELETE FROM ins.ledger_transfers WHERE org_id = :org AND type = 'SUSPENSE_RECEIVED'",
    ),
    "a payment that was reversed is still in the bank": (
        KEPT,
        _TRANSFER.format("credit_account = 'SUSPENSE'", "REVERSAL")
        + " AND credit_account = 'BANK'",
    ),
    "suspense is used for something else": (
        SUSPENSE,
        _TRANSFER.format("credit_account = 'UNAPPLIED_CREDIT'", "SUSPENSE_RECEIVED"),
    ),
    "a row of money in a file ends in nothing": (
        FILE,
        """UPDATE ins.reconciliation_rows SET receipt_id = NULL
           WHERE org_id = :org AND verdict = 'SUSPENSE'""",
    ),
    "a file's head says less than its rows": (
        FILE,
        "UPDATE ins.reconciliation_files SET totals = totals - 'SUSPENSE' WHERE org_id = :org",
    ),
    "a second row brings the same payment in": (
        ONCE,
        """UPDATE ins.reconciliation_rows SET receipt_id = known_receipt_id
           WHERE org_id = :org AND verdict = 'DUPLICATE'""",
    ),
    "a receipt settles more than it is": (
        SETTLED,
        "UPDATE ins.allocations SET amount = amount * 10 WHERE org_id = :org AND amount > 0",
    ),
    "a reversed receipt still settles": (
        SETTLED,
        "DELETE FROM ins.allocations WHERE org_id = :org AND amount < 0",
    ),
    "a premium says that less was paid than receipts settled": (
        COLLECTED,
        """UPDATE ins.premium_lines SET paid_amount = paid_amount - 0.01, status = 'PENDING'
           WHERE org_id = :org AND status = 'PAID'""",
    ),
    "a cancelled premium keeps money": (
        COLLECTED,
        "UPDATE ins.premium_lines SET status = 'CANCELLED' WHERE org_id = :org AND status = 'PAID'",
    ),
    "a premium is charged a cent more than the books have": (
        CHARGED,
        """UPDATE ins.premium_lines SET amount = amount + 0.01, status = 'PENDING'
           WHERE org_id = :org AND posted_at IS NOT NULL""",
    ),
    "a premium in the books counts as not charged": (
        CHARGED,
        "UPDATE ins.premium_lines SET posted_at = NULL WHERE org_id = :org",
    ),
    "a policy costs a cent more than its benefits": (
        COST,
        "UPDATE ins.policies SET premium = premium + 0.01 WHERE org_id = :org",
    ),
    "a policy states more cover than was priced": (
        COVER,
        "UPDATE ins.policies SET coverage_amount = coverage_amount * 2 WHERE org_id = :org",
    ),
    "a benefit covers less than its layers": (
        LAYERS,
        """UPDATE ins.policy_benefit_layers SET amount = amount + 0.01 WHERE org_id = :org""",
    ),
    "more of a claim is paid than its payments say": (
        PAID,
        "UPDATE ins.claim_payments SET status = 'VOID', voided_at = paid_at WHERE org_id = :org",
    ),
    "a claim's entries say less was paid": (
        PAID,
        """UPDATE ins.claim_entries SET amount = amount - 0.01
           WHERE org_id = :org AND kind = 'PAID'""",
    ),
    "a reserve is below nothing": (
        RESERVED,
        """UPDATE ins.claim_entries SET amount = -amount
           WHERE org_id = :org AND kind = 'RESERVE' AND amount > 0""",
    ),
    "the books hold another reserve": (
        RESERVED,
        _TRANSFER.format("amount = amount + 0.01", "CLAIM_RESERVED"),
    ),
    "more is approved than is covered": (
        APPROVED,
        "UPDATE ins.claim_items SET cover = 10.00 WHERE org_id = :org",
    ),
    "a claim is paid to the one who died": (
        DEAD,
        """UPDATE ins.claim_payments y SET payee_name = c.life_name,
               paid_at = y.paid_at + interval '1 hour'
           FROM ins.claims c WHERE c.org_id = y.org_id AND c.id = y.claim_id AND y.org_id = :org""",
    ),
    "a refund is paid to somebody who died on another policy": (
        DEAD,
        """UPDATE ins.policy_events e SET recorded_at = e.recorded_at + interval '1 hour',
               payload = e.payload || jsonb_build_object('payee_id', p.customer_id)
           FROM ins.claims c JOIN ins.policies p ON p.org_id = c.org_id AND p.id = c.policy_id
           WHERE e.org_id = :org AND c.org_id = :org AND e.event_type = 'REFUND_PAID'""",
    ),
}
"""What is planted: the promise that breaks, and how the rows are changed."""


@pytest.fixture(scope="module")
def insurer(app: Flask) -> OrganizationFacts:
    """Return an insurer with money in, back, in suspense, reversed and paid for a claim."""
    with app.app_context():
        insurer = make_organization(licence_type="LIFE")
        with tenant_scope(insurer.id):
            _trade()
            db.session().rollback()
    return insurer


def _trade() -> None:
    paying, dying = sell(START), sell(START)
    number = get_policy(db.session(), paying).policy_number
    db.session().rollback()
    premium, stranger = row(number, "350.00", "R1"), row("PL-9999-999999", "250.00", "EFT 7")
    commit(csv_of(premium, stranger))
    commit(csv_of(premium, row(number, "10.00", "R2")))
    commit(csv_of(row(number, "10.00", "R2", status="UNPAID", reason_code="02")))
    with at(TODAY) as now:
        pay_refund(
            paying,
            amount=Decimal("50.00"),
            reference="RF-1",
            reason="Paid twice",
            on=TODAY,
            now=now,
        )
    make_claims(dying)


@pytest.fixture
def plant(insurer: OrganizationFacts, admin_connection: Connection) -> Iterator[Plant]:
    """Return a function that plants a breach and says which promises are broken by it."""

    def planted(statement: str) -> set[str]:
        admin_connection.execute(text("SET LOCAL session_replication_role = replica"))
        changed = admin_connection.execute(text(statement), {"org": insurer.id})
        assert changed.rowcount > 0, "nothing was planted"
        reader: Any = admin_connection.connection.driver_connection
        return {promise for promise, _what in broken_promises(reader, [insurer.id])}

    yield planted
    admin_connection.rollback()


@pytest.mark.parametrize("breach", BREACHES)
def test_books_break_a_promise_where(breach: str, plant: Plant) -> None:
    promise, statement = BREACHES[breach]

    assert promise in plant(statement)


def test_sound_books_keep_every_promise(
    insurer: OrganizationFacts, admin_connection: Connection
) -> None:
    reader: Any = admin_connection.connection.driver_connection

    assert broken_promises(reader, [insurer.id]) == []


@pytest.mark.breaks_books("it is seen that the suite would say so")
def test_the_insurers_that_a_test_worked_for_are_asked(
    org: OrganizationFacts, other_org: OrganizationFacts, session: Session, books: Books
) -> None:
    assert books.broken() == []

    post((TODAY, "SUSPENSE", "BANK", "9.72"), session=session)

    assert books.broken() == [f"{SUSPENSE}: suspense of -9.72, 0 waits"]


def test_every_promise_is_seen_to_break() -> None:
    assert {promise for promise, _statement in BREACHES.values()} == set(PROMISES)
