"""Whatever a test does to claims: the history gives the present, the money and the cover agree."""

from collections.abc import Iterator
from datetime import date

import pytest
from flask import Flask
from sqlalchemy import text

from insurance.core.db import db
from insurance.core.tenancy import tenant_scope
from insurance.policies.replay import find_differences
from tests.factories.book import TODAY
from tests.factories.claims import seed_claims
from tests.factories.lifecycle import sell
from tests.factories.organizations import OrganizationFacts, make_organization

_FAULTS = {
    "an item's approved and paid amounts are those of its entries": """
        SELECT i.id FROM ins.claim_items i LEFT JOIN (
            SELECT item_id, sum(amount) FILTER (WHERE kind = 'PAID') AS paid,
                   sum(amount) FILTER (WHERE kind = 'APPROVED') AS earmarked
            FROM ins.claim_entries WHERE org_id = :org GROUP BY item_id) e ON e.item_id = i.id
        WHERE i.org_id = :org AND (i.paid_amount <> coalesce(e.paid, 0)
            OR i.approved_amount <> coalesce(e.paid, 0) + coalesce(e.earmarked, 0))""",
    "no reserve and nothing set apart is below nought": """
        SELECT item_id FROM ins.claim_entries WHERE org_id = :org
        GROUP BY item_id, kind, cost_type HAVING sum(amount) < 0""",
    "more was approved and paid than the cover": """
        SELECT e.policy_benefit_id FROM ins.claim_entries e
        JOIN ins.claims c ON c.org_id = e.org_id AND c.id = e.claim_id
        JOIN ins.policy_benefits b ON b.org_id = e.org_id AND b.id = e.policy_benefit_id
        WHERE e.org_id = :org AND e.kind IN ('APPROVED', 'PAID')
        GROUP BY e.policy_benefit_id, CASE WHEN b.member_id IS NULL THEN c.member_id END
        HAVING sum(e.amount) > (
            SELECT max(i.cover) FROM ins.claim_items i
            WHERE i.org_id = :org AND i.policy_benefit_id = e.policy_benefit_id)""",
    "somebody dead was paid": """
        SELECT p.reference FROM ins.claim_payments p
        JOIN ins.claim_payees y ON y.org_id = p.org_id AND y.id = p.payee_id
        JOIN ins.claims c ON c.org_id = p.org_id AND c.id = p.claim_id
        JOIN ins.claims d ON d.org_id = c.org_id AND d.policy_id = c.policy_id
        LEFT JOIN ins.policy_members m ON m.org_id = d.org_id AND m.id = d.member_id
        WHERE p.org_id = :org AND p.status = 'PAID' AND y.kind <> 'ESTATE'
          AND d.claim_type IN ('DEATH', 'ACCIDENTAL_DEATH', 'FUNERAL')
          AND d.status IN ('PAID', 'PART_PAID') AND d.life_name = p.payee_name
          AND (y.date_of_birth IS NULL OR m.date_of_birth IS NULL
               OR y.date_of_birth = m.date_of_birth)""",
    "the shares of a claim's payees are a hundred per cent": """
        SELECT claim_id FROM ins.claim_payees WHERE org_id = :org AND removed_at IS NULL
        GROUP BY claim_id HAVING sum(share) <> 100""",
    "the ledger's outstanding claims are the reserves": """
        SELECT booked.amount, reserved.amount FROM
            (SELECT coalesce(sum(CASE WHEN credit_account = 'OUTSTANDING_CLAIMS' THEN amount
                                 ELSE -amount END), 0) AS amount FROM ins.ledger_transfers
             WHERE org_id = :org
               AND 'OUTSTANDING_CLAIMS' IN (debit_account, credit_account)) booked,
            (SELECT coalesce(sum(amount), 0) AS amount FROM ins.claim_entries
             WHERE org_id = :org AND kind = 'RESERVE') reserved
        WHERE booked.amount <> reserved.amount""",
    "the figures of the tabs are what is there": """
        SELECT status, counted, kept FROM (
            SELECT 'claims.' || status AS status, count(*) AS counted FROM ins.claims
            WHERE org_id = :org GROUP BY status) c
        FULL JOIN (SELECT subject AS status, sum(items) AS kept FROM ins.tenant_counts
            WHERE org_id = :org AND subject LIKE 'claims.%' GROUP BY subject) k USING (status)
        WHERE coalesce(counted, 0) <> coalesce(kept, 0)""",
}


def assert_claims_agree(org: OrganizationFacts) -> None:
    """Fail where money, cover or figures of claims disagree."""
    session = db.session()
    session.rollback()
    for fault, statement in _FAULTS.items():
        assert session.execute(text(statement), {"org": org.id}).all() == [], fault


@pytest.fixture(scope="module")
def insurer(app: Flask) -> OrganizationFacts:
    """Return an insurer with a claim in every state, for the tests of a file that only read."""
    with app.app_context():
        made = make_organization()
        with tenant_scope(made.id):
            seed_claims([sell(date(2026, 9, 20)) for _ in range(7)], TODAY)
            db.session.remove()
    return made


@pytest.fixture(autouse=True)
def everything_agrees(request: pytest.FixtureRequest) -> Iterator[None]:
    """Replay the test's organization at its end."""
    wants_world = "org" in request.fixturenames
    app: Flask | None = request.getfixturevalue("app") if wants_world else None
    org: OrganizationFacts | None = request.getfixturevalue("org") if wants_world else None
    yield
    if app is not None and org is not None:
        with app.app_context(), tenant_scope(org.id):
            assert find_differences()[1] == []
            assert_claims_agree(org)
