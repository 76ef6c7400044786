"""Rebuilding the present from the history, set-based, and naming where the two differ."""

from collections.abc import Mapping

from sqlalchemy import text

from insurance.core.db import db
from insurance.core.tenancy import current_org

_CHECKS = {
    "policy {0}: the row is not what its newest event left ({1})": """
        WITH newest AS (
            SELECT DISTINCT ON (policy_id) policy_id, payload->'state' AS state
            FROM ins.policy_events
            WHERE org_id = :org AND payload ? 'state'
            ORDER BY policy_id, sequence DESC
        ), facts AS (
            SELECT p.id, p.policy_number, jsonb_build_object(
                'policy_number', p.policy_number, 'status', p.status,
                'product_id', p.product_id, 'product_version_id', p.product_version_id,
                'customer_id', p.customer_id, 'effective_date', p.effective_date,
                'expiry_date', p.expiry_date, 'term_years', p.term_years, 'due_day', p.due_day,
                'frequency', p.frequency, 'premium', p.premium::text,
                'coverage_amount', p.coverage_amount::text) AS state
            FROM ins.policies p WHERE p.org_id = :org
        )
        SELECT f.policy_number,
               CASE WHEN n.state IS NULL THEN 'no event' ELSE
                   (SELECT string_agg(key, ', ' ORDER BY key) FROM jsonb_object_keys(f.state) key
                    WHERE f.state->key IS DISTINCT FROM n.state->key) END
        FROM facts f LEFT JOIN newest n ON n.policy_id = f.id
        WHERE n.state IS NULL OR n.state <> f.state
        LIMIT :most
    """,
    "policy {0}: the newest version is {1}, the row says {2}": """
        SELECT p.policy_number, max(v.version_number), p.current_version
        FROM ins.policies p
        LEFT JOIN ins.policy_versions v ON v.org_id = p.org_id AND v.policy_id = p.id
        WHERE p.org_id = :org
        GROUP BY p.policy_number, p.current_version
        HAVING max(v.version_number) IS DISTINCT FROM p.current_version
            OR count(v.version_number) <> p.current_version
        LIMIT :most
    """,
    "policy {0}: its benefits cost {1}, the row says {2}": """
        SELECT p.policy_number, sum(b.premium), p.premium
        FROM ins.policies p
        JOIN ins.policy_benefits b
            ON b.org_id = p.org_id AND b.policy_id = p.id AND b.status = 'ACTIVE'
        WHERE p.org_id = :org
        GROUP BY p.policy_number, p.premium HAVING sum(b.premium) <> p.premium
        LIMIT :most
    """,
    "policy {0}: its benefits make an instalment of {1}, the row says {2}": """
        SELECT p.policy_number, sum(round(b.premium * p.months * (1 + p.loading / 100), 2)),
               p.instalment
        FROM (SELECT q.id, q.policy_number, q.instalment,
                     CASE q.frequency WHEN 'MONTHLY' THEN 1 WHEN 'QUARTERLY' THEN 3
                                      WHEN 'HALF_YEARLY' THEN 6 ELSE 12 END AS months,
                     coalesce(CAST(v.modal_loadings->>q.frequency AS numeric), 0) AS loading
              FROM ins.policies q
              JOIN ins.product_versions v ON v.org_id = q.org_id AND v.id = q.product_version_id
              WHERE q.org_id = :org) p
        JOIN ins.policy_benefits b
            ON b.org_id = :org AND b.policy_id = p.id AND b.status = 'ACTIVE'
        GROUP BY p.id, p.policy_number, p.instalment
        HAVING sum(round(b.premium * p.months * (1 + p.loading / 100), 2)) <> p.instalment
        LIMIT :most
    """,
    "policy {0}: its main benefit covers {1}, the row says {2}": """
        WITH main AS (
            SELECT DISTINCT ON (policy_id) policy_id, sum_assured, benefit_code, object_id
            FROM ins.policy_benefits WHERE org_id = :org
            ORDER BY policy_id, status <> 'ACTIVE', NOT is_main,
                object_id IS NULL OR benefit_code IS DISTINCT FROM
                    max(benefit_code) FILTER (WHERE is_main) OVER (PARTITION BY policy_id),
                display_order
        ), on_objects AS (
            SELECT policy_id, benefit_code, sum(sum_assured) AS sum_assured
            FROM ins.policy_benefits
            WHERE org_id = :org AND status = 'ACTIVE' AND object_id IS NOT NULL
            GROUP BY policy_id, benefit_code
        ), headlines AS (
            SELECT m.policy_id, CASE WHEN m.object_id IS NULL THEN m.sum_assured
                                     ELSE coalesce(o.sum_assured, m.sum_assured) END AS cover
            FROM main m LEFT JOIN on_objects o
                ON o.policy_id = m.policy_id AND o.benefit_code = m.benefit_code
        )
        SELECT p.policy_number, h.cover, p.coverage_amount
        FROM ins.policies p JOIN headlines h ON h.policy_id = p.id
        WHERE p.org_id = :org AND h.cover <> p.coverage_amount
        LIMIT :most
    """,
    "policy {0}: it insures {1}, its newest version {2}": """
        WITH settled AS (
            SELECT p.id, p.policy_number, p.current_version FROM ins.policies p
            WHERE p.org_id = :org AND NOT EXISTS (
                SELECT 1 FROM ins.endorsements e
                WHERE e.org_id = p.org_id AND e.policy_id = p.id AND e.status = 'ISSUED'
                  AND e.applied_at IS NULL)
        ), known AS (
            SELECT s.id, jsonb_agg(jsonb_build_array(one->>'id', CAST(one->>'value' AS numeric),
                                                     one->'details', one->>'end_date')
                                   ORDER BY one->>'id') AS things
            FROM settled s
            JOIN ins.policy_versions v ON v.org_id = :org AND v.policy_id = s.id
                AND v.version_number = s.current_version
            CROSS JOIN LATERAL jsonb_array_elements(v.policy_snapshot->'objects') AS one
            GROUP BY s.id
        ), present AS (
            SELECT o.policy_id, jsonb_agg(jsonb_build_array(o.id::text, o.value, o.details,
                                                     o.end_date::text) ORDER BY o.id::text) AS things
            FROM ins.policy_objects o WHERE o.org_id = :org GROUP BY o.policy_id
        )
        SELECT s.policy_number, coalesce(p.things, '[]'), coalesce(k.things, '[]')
        FROM settled s LEFT JOIN known k ON k.id = s.id LEFT JOIN present p ON p.policy_id = s.id
        WHERE coalesce(p.things, '[]') <> coalesce(k.things, '[]')
        LIMIT :most
    """,
    "benefit {0}: its layers give {1}, the row says {2}": """
        SELECT b.id, sum(l.amount), b.sum_assured
        FROM ins.policy_benefits b
        JOIN ins.policy_benefit_layers l
            ON l.org_id = b.org_id AND l.policy_benefit_id = b.id
        WHERE b.org_id = :org AND b.status = 'ACTIVE'
        GROUP BY b.id, b.sum_assured HAVING sum(l.amount) <> b.sum_assured
        LIMIT :most
    """,
    "policy {0}: premiums owe {1}, its debtors account has {2}": """
        WITH owed AS (
            SELECT policy_id,
                   sum(CASE WHEN posted_at IS NULL THEN 0 ELSE amount END - paid_amount) AS amount
            FROM ins.premium_lines WHERE org_id = :org GROUP BY policy_id
        ), booked AS (
            SELECT policy_id, sum(CASE WHEN debit_account = 'PREMIUM_DEBTORS' THEN amount
                                       ELSE -amount END) AS amount
            FROM ins.ledger_transfers
            WHERE org_id = :org AND 'PREMIUM_DEBTORS' IN (debit_account, credit_account)
            GROUP BY policy_id
        )
        SELECT p.policy_number, coalesce(o.amount, 0), coalesce(b.amount, 0)
        FROM ins.policies p
        LEFT JOIN owed o ON o.policy_id = p.id LEFT JOIN booked b ON b.policy_id = p.id
        WHERE p.org_id = :org AND coalesce(o.amount, 0) <> coalesce(b.amount, 0)
        LIMIT :most
    """,
    "policy {0}: its receipts have {1} left, its credit account has {2}": """
        WITH remaining AS (
            SELECT r.policy_id, sum(r.amount - coalesce(a.amount, 0)) AS amount
            FROM ins.receipts r
            LEFT JOIN (SELECT receipt_id, sum(amount) AS amount FROM ins.allocations
                       WHERE org_id = :org GROUP BY receipt_id) a ON a.receipt_id = r.id
            WHERE r.org_id = :org AND r.status = 'POSTED' GROUP BY r.policy_id
        ), booked AS (
            SELECT policy_id, sum(CASE WHEN credit_account = 'UNAPPLIED_CREDIT' THEN amount
                                       ELSE -amount END) AS amount
            FROM ins.ledger_transfers
            WHERE org_id = :org AND 'UNAPPLIED_CREDIT' IN (debit_account, credit_account)
            GROUP BY policy_id
        )
        SELECT p.policy_number, coalesce(r.amount, 0), coalesce(b.amount, 0)
        FROM ins.policies p
        LEFT JOIN remaining r ON r.policy_id = p.id LEFT JOIN booked b ON b.policy_id = p.id
        WHERE p.org_id = :org AND coalesce(r.amount, 0) <> coalesce(b.amount, 0)
        LIMIT :most
    """,
    "premium of {0} due {1}: it says more or less paid than receipts settled, {2}": """
        WITH settled AS (
            SELECT premium_line_id, sum(amount) AS amount FROM ins.allocations
            WHERE org_id = :org AND premium_line_id IS NOT NULL GROUP BY premium_line_id
        )
        SELECT p.policy_number, l.due_date, coalesce(s.amount, 0)
        FROM ins.premium_lines l
        JOIN ins.policies p ON p.org_id = l.org_id AND p.id = l.policy_id
        LEFT JOIN settled s ON s.premium_line_id = l.id
        WHERE l.org_id = :org AND l.paid_amount <> coalesce(s.amount, 0)
        LIMIT :most
    """,
    "ledger, {0} {1}, {2} to {3}: the transfers give {4}, kept is {5}": """
        WITH uncounted AS MATERIALIZED (
            SELECT unnest(transfer_ids) AS id FROM ins.ledger_uncounted WHERE org_id = :org
        ), days AS (
            SELECT effective_date AS day, debit_account, credit_account, sum(amount) AS amount
            FROM ins.ledger_transfers
            WHERE org_id = :org AND id NOT IN (SELECT id FROM uncounted) GROUP BY 1, 2, 3
        ), counted AS (
            SELECT g.grain, CASE WHEN g.grain = 'DAY' THEN day
                       ELSE CAST(date_trunc('month', day) AS date) END AS day,
                   debit_account, credit_account, sum(amount) AS amount
            FROM days CROSS JOIN (VALUES ('DAY'), ('MONTH')) g(grain) GROUP BY 1, 2, 3, 4
        ), kept AS (
            SELECT grain, day, debit_account, credit_account, amount
            FROM ins.ledger_figures WHERE org_id = :org
        )
        SELECT lower(grain), day, debit_account, credit_account,
               coalesce(c.amount, 0), coalesce(k.amount, 0)
        FROM counted c FULL JOIN kept k USING (grain, day, debit_account, credit_account)
        WHERE coalesce(c.amount, 0) <> coalesce(k.amount, 0)
        LIMIT :most
    """,
    "receipt {0}: it is of {1}, the bank account received {2} with it": """
        WITH booked AS (
            SELECT receipt_id, sum(amount) AS amount FROM ins.ledger_transfers
            WHERE org_id = :org AND debit_account = 'BANK' AND reverses_id IS NULL
              AND receipt_id IS NOT NULL
            GROUP BY receipt_id
        )
        SELECT coalesce(r.reference, b.receipt_id::text), coalesce(r.amount, 0),
               coalesce(b.amount, 0)
        FROM (SELECT id, reference, amount FROM ins.receipts
              WHERE org_id = :org AND kind = 'PAYMENT') r
        FULL JOIN booked b ON b.receipt_id = r.id
        WHERE coalesce(r.amount, 0) <> coalesce(b.amount, 0)
        LIMIT :most
    """,
    "portfolio figures of {0} policies: {1} counted, {2} kept": """
        WITH counted AS (
            SELECT product_id, status, count(*) AS policies, sum(premium) AS premium,
                   sum(coverage_amount) AS cover
            FROM ins.policies WHERE org_id = :org GROUP BY product_id, status
        ), kept AS (
            SELECT product_id, status, sum(policies) AS policies, sum(monthly_premium) AS premium,
                   sum(cover) AS cover
            FROM ins.portfolio_counts WHERE org_id = :org GROUP BY product_id, status
        )
        SELECT coalesce(c.status, k.status), coalesce(c.policies, 0), coalesce(k.policies, 0)
        FROM counted c FULL JOIN kept k ON k.product_id = c.product_id AND k.status = c.status
        WHERE (coalesce(c.policies, 0), coalesce(c.premium, 0), coalesce(c.cover, 0))
           <> (coalesce(k.policies, 0), coalesce(k.premium, 0), coalesce(k.cover, 0))
        LIMIT :most
    """,
    "policies in force of version {0} of {1}: {2} counted, {3} kept": """
        WITH counted AS (
            SELECT 'in_force.' || product_version_id AS subject, count(*) AS policies
            FROM ins.policies WHERE org_id = :org AND status IN ('active', 'suspended')
            GROUP BY product_version_id
        ), kept AS (
            SELECT subject, sum(items) AS policies FROM ins.tenant_counts
            WHERE org_id = :org AND subject LIKE 'in\\_force.%' GROUP BY subject
        )
        SELECT v.number, pr.name, coalesce(c.policies, 0), coalesce(k.policies, 0)
        FROM counted c FULL JOIN kept k USING (subject)
        LEFT JOIN ins.product_versions v ON v.org_id = :org AND 'in_force.' || v.id = subject
        LEFT JOIN ins.products pr ON pr.org_id = v.org_id AND pr.id = v.product_id
        WHERE coalesce(c.policies, 0) <> coalesce(k.policies, 0)
        LIMIT :most
    """,
}


def add_checks(checks: Mapping[str, str]) -> None:
    """Let an area above add statements whose rows are differences, by the words for one."""
    _CHECKS.update(checks)


def find_differences(*, most: int = 100) -> tuple[int, list[str]]:
    """Return how many policies were checked, and each difference in words (`most` of a kind)."""
    session = db.session()
    session.execute(text("SET LOCAL statement_timeout = '30min'"))
    values = {"org": current_org(), "most": most}
    checked = session.execute(
        text("SELECT count(*) FROM ins.policies WHERE org_id = :org"), {"org": current_org()}
    ).scalar_one()
    differences = [
        words.format(*row)
        for words, statement in _CHECKS.items()
        for row in session.execute(text(statement), values)
    ]
    return checked, differences
