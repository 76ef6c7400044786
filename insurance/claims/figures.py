"""Reports on claims from sums by day and month: kept ones, and claims changed since they were counted.

A claim changes, unlike a transfer, so what is counted of it is kept beside the sums: counting it
again takes that away and adds what its rows say now. `FACTS` alone says what a claim adds.
"""

from collections.abc import Sequence
from string import Template
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from insurance.core.bulk import id_array
from insurance.core.figures import PIECES, SPANS
from insurance.core.tenancy import current_org
from insurance.policies.replay import add_checks

MONEY = """
    LEFT JOIN LATERAL (
        SELECT coalesce(sum(e.amount) FILTER (WHERE e.kind = 'RESERVE'), 0) AS reserve,
               coalesce(sum(e.amount) FILTER (WHERE e.kind = 'PAID'), 0) AS paid,
               coalesce(sum(e.amount) FILTER (WHERE e.kind IN ('PAID', 'APPROVED')), 0) AS approved,
               coalesce(sum(e.amount) FILTER (WHERE e.kind = 'RESERVE' AND e.amount > 0), 0)
                   AS raised
        FROM ins.claim_entries e WHERE e.org_id = c.org_id AND e.claim_id = c.id
    ) m ON true"""
"""The money of a claim, from its entries."""
_KEYS = ("product_id", "claim_type", "cause", "status")
_SUMS = (
    "claims", "claimed", "approved", "paid", "reserve", "reserved", "overdue",
    "documents", "document_seconds", "decisions", "decision_seconds", "payments",
    "payment_seconds", "in_time", "late",
)  # fmt: skip
_FACTS = """
    SELECT c.org_id, c.id AS claim_id, c.submitted_on AS day, c.product_id, c.claim_type, c.cause,
           c.status, 1 AS claims, c.total_claimed AS claimed, m.approved, m.paid, m.reserve,
           CASE WHEN m.reserve <> 0 THEN 1 ELSE 0 END AS reserved,
           CASE WHEN c.breached_at IS NOT NULL THEN 1 ELSE 0 END AS overdue,
           CASE WHEN d.to_documents IS NOT NULL THEN 1 ELSE 0 END AS documents,
           coalesce(d.to_documents, 0) AS document_seconds,
           CASE WHEN d.to_decision IS NOT NULL THEN 1 ELSE 0 END AS decisions,
           coalesce(d.to_decision, 0) AS decision_seconds,
           CASE WHEN d.to_payment IS NOT NULL THEN 1 ELSE 0 END AS payments,
           coalesce(d.to_payment, 0) AS payment_seconds,
           CASE WHEN c.decided_at <= c.due_at THEN 1 ELSE 0 END AS in_time,
           CASE WHEN c.decided_at > c.due_at THEN 1 ELSE 0 END AS late
    FROM ins.claims c $money
    LEFT JOIN LATERAL (
        SELECT min(y.paid_at) AS at FROM ins.claim_payments y
        WHERE y.org_id = c.org_id AND y.claim_id = c.id AND y.status = 'PAID') first_paid ON true
    CROSS JOIN LATERAL (
        SELECT extract(epoch FROM c.documents_complete_at - c.submitted_at) AS to_documents,
               extract(epoch FROM c.decided_at - c.documents_complete_at) AS to_decision,
               extract(epoch FROM first_paid.at - c.decided_at) AS to_payment) d
    WHERE c.org_id = :org AND $chosen"""
_NOTED = "SELECT DISTINCT unnest(claim_ids) AS id FROM ins.claims_uncounted WHERE org_id = :org"
_NOTED_IDS = "ANY(ARRAY(SELECT id FROM noted))"


def _columns(words: str, names: Sequence[str], between: str = ", ") -> str:
    """Return the words once for each name of a column, which is a constant of this module."""
    return between.join(Template(words).substitute(name=name) for name in names)


_PARTS = {
    "keys": _columns("$name", _KEYS),
    "sums": _columns("$name", _SUMS),
    "less": _columns("-$name", _SUMS),
    "summed": _columns("sum($name)", _SUMS),
    "none": _columns("0", _SUMS),
    "pieces": PIECES,
    "spans": SPANS,
    "noted": _NOTED,
}


def _sql(words: str, **more: str) -> str:
    return Template(words).substitute(_PARTS, **more)


def _facts(chosen: str) -> str:
    return Template(_FACTS).substitute(money=MONEY, chosen=chosen)


SINCE_COUNTED = _sql(
    """
    WITH pieces AS ($pieces), spans AS ($spans), noted AS MATERIALIZED ($noted), b AS (
        SELECT x.place, $keys, $sums
        FROM pieces x
        JOIN ins.claim_figures f ON f.grain = x.grain AND f.day BETWEEN x.first AND x.last
        WHERE f.org_id = :org
        UNION ALL
        SELECT s.place, $keys, $less
        FROM ins.claims_counted k JOIN spans s ON k.day BETWEEN s.first AND s.last
        WHERE k.org_id = :org AND k.claim_id = $noted_ids
        UNION ALL
        SELECT s.place, $keys, $sums
        FROM ($facts) k JOIN spans s ON k.day BETWEEN s.first AND s.last)""",
    noted_ids=_NOTED_IDS,
    facts=_facts(f"c.id = {_NOTED_IDS}"),
)
"""What claims of spans add up to by place and key, as `b`, for one statement to read all of it.

What is counted of a noted claim is taken off, and what its rows say is added.
"""
_HOLD = text(
    _sql(
        """
    INSERT INTO ins.claims_counted AS k (org_id, claim_id, day, $keys, $sums)
    SELECT c.org_id, c.id, c.submitted_on, $keys, $none
    FROM ins.claims c WHERE c.org_id = :org AND c.id = ANY(CAST(:ids AS uuid[])) ORDER BY c.id
    ON CONFLICT (org_id, claim_id) DO UPDATE SET claims = k.claims"""
    )
)
"""Holds what is counted of claims, in one order: nobody else counts them meanwhile."""
_KEEP = text(
    _sql(
        """
    UPDATE ins.claims_counted AS k SET day = f.day, $set_keys, $set_sums
    FROM ($facts) f WHERE k.org_id = :org AND k.org_id = f.org_id AND k.claim_id = f.claim_id""",
        facts=_facts("c.id = ANY(CAST(:ids AS uuid[]))"),
        set_keys=_columns("$name = f.$name", _KEYS),
        set_sums=_columns("$name = f.$name", _SUMS),
    )
)
"""Keeps what the rows of claims say now as what is counted of them."""


def _counted(sums: str) -> TextClause:
    """Return the statement that adds what is counted of claims, or takes it off the sums."""
    return text(
        _sql(
            """
    INSERT INTO ins.claim_figures (org_id, grain, day, $keys, $sums)
    SELECT k.org_id, grain,
           CASE WHEN grain = 'DAY' THEN day ELSE CAST(date_trunc('month', day) AS date) END,
           $keys, $counted
    FROM ins.claims_counted k CROSS JOIN (VALUES ('DAY'), ('MONTH')) g(grain)
    WHERE k.org_id = :org AND k.claim_id = ANY(CAST(:ids AS uuid[]))
    GROUP BY 1, 2, 3, $keys ORDER BY 1, 2, 3, $keys
    ON CONFLICT (org_id, grain, day, $keys) DO UPDATE SET $added""",
            counted=_columns(sums, _SUMS),
            added=_columns("$name = claim_figures.$name + excluded.$name", _SUMS),
        )
    )


_TAKE_OFF, _ADD = _counted("-sum($name)"), _counted("sum($name)")


def add_to_sums(session: Session, claim_ids: Sequence[UUID]) -> None:
    """Count claims anew in the sums that are kept of them.

    The rows of claims are read once, so that what is added is what is kept as counted.
    """
    values = {"org": current_org(), "ids": id_array(claim_ids)}
    for statement in (_HOLD, _TAKE_OFF, _KEEP, _ADD):
        session.execute(statement, values)


add_checks(
    {
        "claim {0}: what its sums have of it is not what its rows say": _sql(
            """
        WITH noted AS MATERIALIZED ($noted), facts AS ($facts)
        SELECT c.claim_number
        FROM facts f JOIN ins.claims c ON c.org_id = f.org_id AND c.id = f.claim_id
        LEFT JOIN ins.claims_counted k ON k.org_id = f.org_id AND k.claim_id = f.claim_id
        WHERE (f.day, $facts_columns) IS DISTINCT FROM (k.day, $kept_columns)
        LIMIT :most""",
            facts=_facts("c.id NOT IN (SELECT id FROM noted)"),
            facts_columns=_columns("f.$name", (*_KEYS, *_SUMS)),
            kept_columns=_columns("k.$name", (*_KEYS, *_SUMS)),
        ),
        "claims of {0} {1}, {2} for {3}, {4}: claims counted and sums kept are not the same": _sql(
            """
        WITH counted AS (
            SELECT grain, CASE WHEN grain = 'DAY' THEN day
                       ELSE CAST(date_trunc('month', day) AS date) END AS day, $keys, $sums
            FROM ins.claims_counted CROSS JOIN (VALUES ('DAY'), ('MONTH')) g(grain)
            WHERE org_id = :org
            UNION ALL
            SELECT grain, day, $keys, $less FROM ins.claim_figures WHERE org_id = :org
        )
        SELECT lower(grain), day, claim_type, cause, status
        FROM counted GROUP BY grain, day, $keys HAVING ($summed) <> ($none)
        LIMIT :most"""
        ),
    }
)
