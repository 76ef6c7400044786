"""Claims submitted and assessed over the API beside bare INSERTs; a tenant with very many."""

import time

import psycopg

from insurance.bench.servicing import CLIENTS, Clerk, spread, write_bare

CLAIMS = 200_000
"""How many claims the measured tenant has."""
_TAKEN = 240
_LOGINS = ("manager", "admin", "manager", "admin")
_OF_CLAIM = "(SELECT c.description FROM ins.claims c WHERE c.org_id = t.org_id AND c.id = {})"
_REFERENCE_OF = {
    "claims": "description",
    **{
        table: _OF_CLAIM.format("t.claim_id")
        for table in (
            "claim_items", "claim_checks", "claim_documents", "claim_entries", "claim_flags",
            "claim_events",
        )
    },
    "policy_events": _OF_CLAIM.format("(t.payload->>'claim_id')::uuid"),
    "ledger_transfers": (
        "(SELECT c.description FROM ins.claims c"
        " WHERE c.org_id = t.org_id AND c.claim_number = t.reference)"
    ),
}  # fmt: skip
"""The tables that a claim writes, and where each row says which claim it belongs to."""
_FILL = """
    INSERT INTO ins.claims (
        id, org_id, claim_number, policy_id, product_id, class_code, claim_type, status, event_date,
        claim_date, submitted_on, submitted_at, submitted_by, cause, description, life_name,
        claimant_name, total_claimed, documents_complete_at, warn_at, due_at, decided_at,
        decided_on, version, updated_at)
    SELECT gen_random_uuid(), p.org_id, 'CLM-2000-' || lpad(n::text, 6, '0'), p.id, p.product_id,
           pr.class_code, 'DEATH', s.status, current_date - 9, current_date - 8, current_date - 8,
           now() - interval '8 days', 'bench@insurer.example', 'ACCIDENT', '', 'Life ' || n,
           'Claimant ' || n, 1000 + n %% 5000, c.at, c.at + interval '2 days',
           c.at + interval '3 days', CASE WHEN s.is_open THEN NULL ELSE now() END,
           CASE WHEN s.is_open THEN NULL ELSE current_date END, 1, now()
    FROM (SELECT id, org_id, product_id, row_number() OVER (ORDER BY id) AS place
          FROM ins.policies WHERE org_id = %(org)s ORDER BY id LIMIT %(count)s) p
    JOIN ins.products pr ON pr.org_id = p.org_id AND pr.id = p.product_id
    CROSS JOIN LATERAL generate_series(p.place, %(count)s, %(policies)s) n
    CROSS JOIN LATERAL (SELECT CASE n %% 20 WHEN 0 THEN 'UNDER_ASSESSMENT'
        WHEN 1 THEN 'PENDING_DOCUMENTS' WHEN 2 THEN 'APPROVED' WHEN 3 THEN 'REJECTED'
        ELSE 'PAID' END AS status, n %% 20 < 2 AS is_open) s
    CROSS JOIN LATERAL (SELECT CASE WHEN s.status = 'PENDING_DOCUMENTS' THEN NULL
        ELSE now() - interval '5 days' + (n %% 10000) * interval '1 minute' END AS at) c
"""
_COUNT = """
    INSERT INTO ins.tenant_counts (org_id, subject, shard, items)
    SELECT org_id, 'claims.' || status, 15, count(*) FROM ins.claims
    WHERE org_id = %(org)s AND claim_number LIKE 'CLM-2000-%%' GROUP BY org_id, status
    ON CONFLICT (org_id, subject, shard) DO UPDATE SET items = tenant_counts.items + excluded.items
"""
_NOTE = """
    INSERT INTO ins.claims_uncounted (org_id, id, claim_ids)
    SELECT org_id, gen_random_uuid(), array_agg(id)
    FROM (SELECT org_id, id, row_number() OVER (ORDER BY id) / 1000 AS note FROM ins.claims
          WHERE org_id = %(org)s AND claim_number LIKE 'CLM-2000-%%') c
    GROUP BY org_id, note
"""


def fill(owner_url: str, slug: str) -> None:
    """Give the tenant its many claims, one in ten of them open; nothing where it has them."""
    with psycopg.connect(owner_url) as owner:
        org, policies, claims = owner.execute(
            "SELECT o.org_id, (SELECT count(*) FROM ins.policies p WHERE p.org_id = o.org_id),"
            " (SELECT count(*) FROM ins.claims c WHERE c.org_id = o.org_id)"
            " FROM ins.organizations o WHERE o.slug = %s",
            (slug,),
        ).fetchone() or (None, 0, 0)
        if claims < CLAIMS:
            values = {"org": org, "policies": min(policies, CLAIMS), "count": CLAIMS}
            owner.execute(_FILL, values)
            owner.execute(_COUNT, values)
            owner.execute(_NOTE, values)


def flow(port: int, slug: str, owner_url: str) -> None:
    """Submit and assess some hundred claims over the API; print rate, p99 and the ratio."""
    with psycopg.connect(owner_url) as owner:
        benefits = owner.execute(
            "SELECT DISTINCT ON (b.policy_id) b.policy_id, b.id FROM ins.policy_benefits b"
            " JOIN ins.policies p ON p.org_id = b.org_id AND p.id = b.policy_id"
            " JOIN ins.organizations o ON o.org_id = p.org_id AND o.slug = %s"
            " WHERE p.status = 'active' AND p.effective_date <= current_date"
            " AND b.benefit_type_code = 'DEATH' AND NOT EXISTS (SELECT 1 FROM ins.premium_lines l"
            " WHERE l.org_id = p.org_id AND l.policy_id = p.id AND l.status <> 'CANCELLED'"
            " AND l.amount > l.paid_amount AND l.due_date < current_date - 10)"
            " AND NOT EXISTS (SELECT 1 FROM ins.claim_entries e"
            " WHERE e.org_id = b.org_id AND e.policy_benefit_id = b.id) LIMIT %s",
            (slug, _TAKEN),
        ).fetchall()
    run = time.strftime("%H%M%S")
    logins = iter(_LOGINS)
    taken, seconds = spread(
        benefits,
        lambda: Clerk(port, f"{next(logins)}@{slug}.example"),
        lambda clerk, one: _submit_and_assess(clerk, str(one[0]), str(one[1]), run),
    )
    rate = len(taken) / seconds
    p99 = sorted(taken)[int(len(taken) * 0.99)] * 1000
    bare = write_bare(owner_url, _REFERENCE_OF, f"BENCH-{run}-%")
    print(
        f"claims submitted and assessed over the API: {rate:.0f}/s from {CLIENTS} clients,"
        f" p99 {p99:.0f} ms for both; bare INSERTs of the same rows, a transaction a claim:"
        f" {bare:.0f}/s, so x{bare / rate:.1f}"
    )


def _submit_and_assess(clerk: Clerk, policy_id: str, benefit_id: str, run: str) -> None:
    claim = clerk.send(
        "POST",
        f"/api/v1/policies/{policy_id}/claims",
        {
            "claim_type": "DEATH",
            "cause": "ACCIDENT",
            "description": f"BENCH-{run}-{policy_id[-12:]}",
            "benefit_claims": [{"policy_benefit_id": benefit_id, "claimed_amount": 100}],
        },
    )
    clerk.send(
        "PUT",
        f"/api/v1/claims/{claim['claim_id']}/assess",
        {
            "benefit_assessments": [
                {
                    "claim_benefit_item_id": claim["items"][0]["id"],
                    "approved_amount": 100,
                    "decision_reason": "Within terms",
                }
            ],
            "documents_waived": True,
            "waiver_reason": "Measured",
        },
    )
