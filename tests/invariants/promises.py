"""What holds of an insurer's books after whatever happened, asked of the stored rows alone.

Each promise is one statement that returns a row, in words, for whatever breaks it in the books of
the organizations `orgs`. None uses the product's own queries or proofs. That journals balance is
not asked: a transfer is one debit and one credit of one amount, so that none could fail to.
"""

PROMISES = {
    "0 <= paid back <= owed back <= received, of every policy": """
        SELECT concat(p.policy_number, ': ', b.paid, ' paid back, ', b.due,
                      ' owed back, ', coalesce(r.received, 0), ' received')
        FROM (
            SELECT t.org_id, t.policy_id,
                   sum(CASE WHEN t.credit_account = 'REFUNDS_PAYABLE' THEN t.amount
                            ELSE -t.amount END)
                       FILTER (WHERE 'BANK' NOT IN (t.debit_account, t.credit_account)) AS due,
                   coalesce(sum(CASE WHEN t.credit_account = 'BANK' THEN t.amount
                                     ELSE -t.amount END)
                       FILTER (WHERE 'BANK' IN (t.debit_account, t.credit_account)), 0) AS paid
            FROM ins.ledger_transfers t
            WHERE t.org_id = ANY(%(orgs)s) AND t.policy_id IS NOT NULL
              AND 'REFUNDS_PAYABLE' IN (t.debit_account, t.credit_account)
            GROUP BY t.org_id, t.policy_id
        ) b
        JOIN ins.policies p ON p.org_id = b.org_id AND p.id = b.policy_id
        LEFT JOIN LATERAL (
            SELECT sum(r.amount) AS came,
                   sum(r.amount) FILTER (WHERE r.status = 'POSTED') AS received
            FROM ins.receipts r
            WHERE r.org_id = b.org_id AND r.policy_id = b.policy_id AND r.kind = 'PAYMENT'
        ) r ON true
        -- A bank may take a payment back once a part of it has gone back already.
        WHERE NOT (0 <= b.paid AND b.paid <= coalesce(b.due, 0) AND b.paid <= coalesce(r.came, 0)
                   AND (coalesce(b.due, 0) <= coalesce(r.received, 0) OR b.due = b.paid))
    """,
    "no policy's premium income is below nothing": """
        SELECT concat(p.policy_number, ': premium income of ', i.income)
        FROM (
            SELECT t.org_id, t.policy_id,
                   sum(CASE WHEN t.credit_account = 'PREMIUM_INCOME' THEN t.amount
                            ELSE -t.amount END) AS income
            FROM ins.ledger_transfers t
            WHERE t.org_id = ANY(%(orgs)s) AND t.policy_id IS NOT NULL
              AND 'PREMIUM_INCOME' IN (t.debit_account, t.credit_account)
            GROUP BY t.org_id, t.policy_id
        ) i
        JOIN ins.policies p ON p.org_id = i.org_id AND p.id = i.policy_id
        WHERE i.income < 0
    """,
    "a reversal is the mirror of what it reverses": """
        SELECT concat(t.description, ': ', t.amount, ' reversed by ', r.amount)
        FROM ins.ledger_transfers r
        JOIN ins.ledger_transfers t ON t.org_id = r.org_id AND t.id = r.reverses_id
        WHERE r.org_id = ANY(%(orgs)s) AND r.reverses_id IS NOT NULL
          AND (r.amount, r.debit_account, r.credit_account, r.policy_id, r.receipt_id)
              IS DISTINCT FROM
              (t.amount, t.credit_account, t.debit_account, t.policy_id, t.receipt_id)
    """,
    "every transfer is in the sums kept of the ledger, or noted for them, once": """
        SELECT concat(b.day, ', ', b.debit_account, ' to ', b.credit_account, ': ',
                      sum(b.posted), ' posted, ', sum(b.kept), ' kept and noted')
        FROM (
            SELECT org_id, effective_date AS day, debit_account, credit_account,
                   amount AS posted, 0 AS kept
            FROM ins.ledger_transfers WHERE org_id = ANY(%(orgs)s)
            UNION ALL
            SELECT org_id, day, debit_account, credit_account, 0, amount
            FROM ins.ledger_figures WHERE org_id = ANY(%(orgs)s) AND grain = 'DAY'
            UNION ALL
            SELECT t.org_id, t.effective_date, t.debit_account, t.credit_account, 0, t.amount
            FROM (SELECT org_id, unnest(transfer_ids) AS id FROM ins.ledger_uncounted
                  WHERE org_id = ANY(%(orgs)s)) u
            JOIN ins.ledger_transfers t ON t.org_id = u.org_id AND t.id = u.id
        ) b
        GROUP BY b.org_id, b.day, b.debit_account, b.credit_account
        HAVING sum(b.posted) <> sum(b.kept)
    """,
    "received = posted + in suspense + returned or reversed": """
        SELECT concat('bank received ', coalesce(b.received, 0), ', receipts are of ',
                      coalesce(r.amount, 0))
        FROM unnest(CAST(%(orgs)s AS uuid[])) AS o(org_id)
        LEFT JOIN LATERAL (
            SELECT sum(t.amount) AS received FROM ins.ledger_transfers t
            WHERE t.org_id = o.org_id AND t.debit_account = 'BANK' AND t.reverses_id IS NULL
              AND t.type IN ('PREMIUM_RECEIVED', 'CREDIT_RECEIVED', 'SUSPENSE_RECEIVED')
        ) b ON true
        LEFT JOIN LATERAL (
            SELECT sum(r.amount) AS amount FROM ins.receipts r
            WHERE r.org_id = o.org_id AND r.kind = 'PAYMENT'
        ) r ON true
        WHERE coalesce(b.received, 0) <> coalesce(r.amount, 0)
    """,
    "a payment stays in the bank while it stands, and no longer": """
        SELECT concat(r.reference, ': ', r.status, ', of ', r.amount, ', ',
                      coalesce(b.kept, 0), ' of it in the bank')
        FROM ins.receipts r
        LEFT JOIN LATERAL (
            SELECT sum(CASE WHEN t.debit_account = 'BANK' THEN t.amount ELSE -t.amount END) AS kept
            FROM ins.ledger_transfers t
            WHERE t.org_id = r.org_id AND t.receipt_id = r.id
              AND 'BANK' IN (t.debit_account, t.credit_account)
        ) b ON true
        WHERE r.org_id = ANY(%(orgs)s)
          AND coalesce(b.kept, 0) <> CASE WHEN r.kind = 'PAYMENT' AND r.status <> 'REVERSED'
                                          THEN r.amount ELSE 0 END
    """,
    "suspense holds what nobody has matched": """
        SELECT concat('suspense of ', coalesce(b.held, 0), ', ', coalesce(r.waiting, 0),
                      ' waits')
        FROM unnest(CAST(%(orgs)s AS uuid[])) AS o(org_id)
        LEFT JOIN LATERAL (
            SELECT sum(CASE WHEN t.credit_account = 'SUSPENSE' THEN t.amount ELSE -t.amount END)
                   AS held
            FROM ins.ledger_transfers t
            WHERE t.org_id = o.org_id AND 'SUSPENSE' IN (t.debit_account, t.credit_account)
        ) b ON true
        LEFT JOIN LATERAL (
            SELECT sum(r.amount) AS waiting FROM ins.receipts r
            WHERE r.org_id = o.org_id AND r.status = 'SUSPENSE'
        ) r ON true
        WHERE coalesce(b.held, 0) <> coalesce(r.waiting, 0)
    """,
    "file: received = posted + in suspense + duplicates + ignored + not posted": """
        SELECT concat(f.name, ': ', w.received, ' received, ', w.booked, ' booked, ',
                      w.passed, ' passed over, its head says ', h.said)
        FROM ins.reconciliation_files f
        JOIN LATERAL (
            SELECT coalesce(sum(w.amount) FILTER (WHERE w.is_receipt), 0) AS received,
                   coalesce(sum(w.amount) FILTER (WHERE w.is_receipt AND w.verdict IN
                       ('DUPLICATE', 'IGNORED', 'ERROR') AND w.receipt_id IS NULL), 0) AS passed,
                   coalesce(sum(b.amount) FILTER (WHERE w.is_receipt AND w.verdict IN
                       ('MATCHED', 'PARTIAL', 'OVERPAID', 'SUSPENSE')), 0) AS booked,
                   coalesce(sum(w.amount), 0) AS mentioned
            FROM ins.reconciliation_rows w
            LEFT JOIN LATERAL (
                SELECT sum(t.amount) AS amount FROM ins.ledger_transfers t
                WHERE t.org_id = w.org_id AND t.receipt_id = w.receipt_id
                  AND t.debit_account = 'BANK' AND t.reverses_id IS NULL
            ) b ON true
            WHERE w.org_id = f.org_id AND w.file_id = f.id
        ) w ON true
        JOIN LATERAL (
            SELECT coalesce(sum(CAST(one.value->>'amount' AS numeric)), 0) AS said
            FROM jsonb_each(f.totals) AS one
        ) h ON true
        WHERE f.org_id = ANY(%(orgs)s) AND f.status = 'COMMITTED'
          AND (w.received <> w.booked + w.passed OR h.said <> w.mentioned)
    """,
    "one row of a bank's files brings a payment in": """
        SELECT concat(r.reference, ': brought in by ', count(*), ' rows')
        FROM ins.reconciliation_rows w
        JOIN ins.receipts r ON r.org_id = w.org_id AND r.id = w.receipt_id
        WHERE w.org_id = ANY(%(orgs)s) AND w.is_receipt
        GROUP BY r.org_id, r.id, r.reference HAVING count(*) > 1
    """,
    "a receipt settles no more than it is": """
        SELECT concat(r.reference, ': ', r.status, ', of ', r.amount, ', settles ',
                      a.settled)
        FROM (
            SELECT a.org_id, a.receipt_id, sum(a.amount) AS settled FROM ins.allocations a
            WHERE a.org_id = ANY(%(orgs)s) GROUP BY a.org_id, a.receipt_id
        ) a
        JOIN ins.receipts r ON r.org_id = a.org_id AND r.id = a.receipt_id
        WHERE NOT a.settled BETWEEN 0 AND CASE WHEN r.status = 'POSTED' THEN r.amount ELSE 0 END
    """,
    "0 <= collected of a premium <= its amount; nothing of a cancelled one": """
        SELECT concat(p.policy_number, ', due ', l.due_date, ': ', l.status, ', ',
                      l.paid_amount, ' of ', l.amount, ' paid, receipts settled ',
                      coalesce(a.settled, 0))
        FROM ins.premium_lines l
        JOIN ins.policies p ON p.org_id = l.org_id AND p.id = l.policy_id
        LEFT JOIN LATERAL (
            SELECT sum(a.amount) AS settled FROM ins.allocations a
            WHERE a.org_id = l.org_id AND a.premium_line_id = l.id
        ) a ON true
        WHERE l.org_id = ANY(%(orgs)s)
          AND (coalesce(a.settled, 0) <> l.paid_amount
               OR NOT coalesce(a.settled, 0)
                   BETWEEN 0 AND CASE WHEN l.status = 'CANCELLED' THEN 0 ELSE l.amount END)
    """,
    "a premium that was charged is in the books once, another one not": """
        SELECT concat(p.policy_number, ', due ', l.due_date, ': of ', l.amount,
                      CASE WHEN l.posted_at IS NULL THEN ', not' ELSE ',' END,
                      ' charged, ', coalesce(t.charged, 0), ' in the books')
        FROM ins.premium_lines l
        JOIN ins.policies p ON p.org_id = l.org_id AND p.id = l.policy_id
        LEFT JOIN LATERAL (
            SELECT sum(CASE WHEN t.debit_account = 'PREMIUM_DEBTORS' THEN t.amount
                            ELSE -t.amount END) AS charged
            FROM ins.ledger_transfers t
            WHERE t.org_id = l.org_id AND t.premium_line_id = l.id AND t.receipt_id IS NULL
              AND 'PREMIUM_DEBTORS' IN (t.debit_account, t.credit_account)
        ) t ON true
        WHERE l.org_id = ANY(%(orgs)s)
          AND coalesce(t.charged, 0) <> CASE WHEN l.posted_at IS NULL THEN 0 ELSE l.amount END
    """,
    "a policy costs what its benefits cost": """
        SELECT concat(p.policy_number, ': costs ', p.premium, ', its benefits ', b.cost)
        FROM (
            SELECT b.org_id, b.policy_id, sum(b.premium) AS cost FROM ins.policy_benefits b
            WHERE b.org_id = ANY(%(orgs)s) AND b.status = 'ACTIVE'
            GROUP BY b.org_id, b.policy_id
        ) b
        JOIN ins.policies p ON p.org_id = b.org_id AND p.id = b.policy_id
        WHERE p.premium <> b.cost
    """,
    "cover stated = cover priced": """
        SELECT concat(p.policy_number, ': states ', p.coverage_amount,
                      ', its main benefit covers ', m.cover)
        FROM ins.policies p
        JOIN LATERAL (
            SELECT sum(b.sum_assured) AS cover
            FROM ins.policy_benefits main
            JOIN ins.policy_benefits b ON b.org_id = main.org_id AND b.policy_id = main.policy_id
                AND b.benefit_code = main.benefit_code AND b.status = 'ACTIVE'
                AND (b.id = main.id OR main.object_id IS NOT NULL)
            WHERE main.org_id = p.org_id AND main.policy_id = p.id AND main.is_main
        ) m ON true
        WHERE p.org_id = ANY(%(orgs)s) AND m.cover <> p.coverage_amount
    """,
    "a benefit covers what its layers give": """
        SELECT concat(p.policy_number, ', ', b.benefit_name, ': covers ', b.sum_assured,
                      ', its layers give ', coalesce(l.cover, 0))
        FROM ins.policy_benefits b
        JOIN ins.policies p ON p.org_id = b.org_id AND p.id = b.policy_id
        LEFT JOIN LATERAL (
            SELECT sum(l.amount) AS cover FROM ins.policy_benefit_layers l
            WHERE l.org_id = b.org_id AND l.policy_benefit_id = b.id
        ) l ON true
        WHERE b.org_id = ANY(%(orgs)s) AND b.status = 'ACTIVE'
          AND coalesce(l.cover, 0) <> b.sum_assured
    """,
    "paid of a claim <= approved, as its payments and entries say": """
        SELECT concat(c.claim_number, ', ', i.benefit_name, ': ', i.paid_amount,
                      ' paid of ', i.approved_amount, ' approved, payments ',
                      coalesce(l.paid, 0), ', entries ', coalesce(e.paid, 0))
        FROM ins.claim_items i
        JOIN ins.claims c ON c.org_id = i.org_id AND c.id = i.claim_id
        LEFT JOIN LATERAL (
            SELECT sum(e.amount) FILTER (WHERE e.kind = 'PAID') AS paid,
                   sum(e.amount) FILTER (WHERE e.kind = 'PAID' AND e.amount > 0) AS paid_ever,
                   sum(e.amount) FILTER (WHERE e.kind IN ('PAID', 'APPROVED')) AS approved,
                   sum(e.amount) FILTER (WHERE e.kind = 'RECOVERED') AS recovered
            FROM ins.claim_entries e
            WHERE e.org_id = i.org_id AND e.item_id = i.id AND e.cost_type = 'INDEMNITY'
        ) e ON true
        LEFT JOIN LATERAL (
            SELECT sum(l.amount) AS paid FROM ins.claim_payment_lines l
            JOIN ins.claim_payments y ON y.org_id = l.org_id AND y.id = l.payment_id
            WHERE l.org_id = i.org_id AND l.item_id = i.id AND y.status = 'PAID'
        ) l ON true
        WHERE i.org_id = ANY(%(orgs)s)
          AND (coalesce(e.paid, 0) <> i.paid_amount OR coalesce(l.paid, 0) <> i.paid_amount
               OR coalesce(e.approved, 0) <> i.approved_amount
               OR i.paid_amount > i.approved_amount
               -- What was recovered stays so where a payment comes back and is made again.
               OR coalesce(e.recovered, 0) > coalesce(e.paid_ever, 0))
    """,
    "0 <= what is reserved for a claim, and the books hold it": """
        SELECT concat(p.policy_number, ': ', coalesce(e.reserved, 0), ' reserved, ',
                      coalesce(t.held, 0), ' in the books, the least for an item ',
                      e.least)
        FROM ins.policies p
        LEFT JOIN LATERAL (
            SELECT sum(e.reserved) AS reserved, min(e.reserved) AS least
            FROM (
                SELECT sum(e.amount) AS reserved
                FROM ins.claims c
                JOIN ins.claim_entries e ON e.org_id = c.org_id AND e.claim_id = c.id
                WHERE c.org_id = p.org_id AND c.policy_id = p.id AND e.kind = 'RESERVE'
                GROUP BY e.item_id, e.cost_type
            ) e
        ) e ON true
        LEFT JOIN LATERAL (
            SELECT sum(CASE WHEN t.credit_account = 'OUTSTANDING_CLAIMS' THEN t.amount
                            ELSE -t.amount END) AS held
            FROM ins.ledger_transfers t
            WHERE t.org_id = p.org_id AND t.policy_id = p.id
              AND 'OUTSTANDING_CLAIMS' IN (t.debit_account, t.credit_account)
        ) t ON true
        WHERE p.org_id = ANY(%(orgs)s)
          AND (coalesce(e.reserved, 0) <> coalesce(t.held, 0) OR e.least < 0)
    """,
    "approved and paid of a benefit <= its cover, for each life it covers": """
        SELECT concat(c.claim_number, ', ', i.benefit_name, ': ', e.used,
                      ' approved of a cover of ', i.cover)
        FROM (
            SELECT e.org_id, e.policy_benefit_id, sum(e.amount) AS used
            FROM ins.claim_entries e
            JOIN ins.claims c ON c.org_id = e.org_id AND c.id = e.claim_id
            LEFT JOIN ins.policy_benefits b
                ON b.org_id = e.org_id AND b.id = e.policy_benefit_id
            WHERE e.org_id = ANY(%(orgs)s) AND e.kind IN ('APPROVED', 'PAID')
              AND e.cost_type = 'INDEMNITY'
            GROUP BY e.org_id, e.policy_benefit_id, coalesce(b.member_id, c.member_id)
        ) e
        JOIN LATERAL (
            SELECT i.* FROM ins.claim_items i
            WHERE i.org_id = e.org_id AND i.policy_benefit_id = e.policy_benefit_id
            ORDER BY i.cover DESC LIMIT 1
        ) i ON true
        JOIN ins.claims c ON c.org_id = i.org_id AND c.id = i.claim_id
        WHERE e.used > i.cover OR e.used < 0
    """,
    "nobody who has died is paid": """
        WITH dead AS (
            SELECT c.org_id, c.policy_id, lower(c.life_name) AS name, m.date_of_birth AS born,
                   n.number_index AS number, c.submitted_at AS told_at
            FROM ins.claims c
            LEFT JOIN ins.policy_members m ON m.org_id = c.org_id AND m.id = c.member_id
            LEFT JOIN ins.life_numbers n ON n.org_id = m.org_id AND n.id = m.id_number_ref
            WHERE c.org_id = ANY(%(orgs)s) AND c.life_name <> ''
              AND c.claim_type IN ('DEATH', 'ACCIDENTAL_DEATH', 'FUNERAL')
              AND c.status <> 'REJECTED'
              -- One that was closed before anything was approved may be of somebody who lives.
              AND (c.status <> 'CLOSED' OR c.closed_from IN
                   ('APPROVED', 'PARTIALLY_APPROVED', 'PART_PAID', 'PAID'))
              AND NOT EXISTS (
                SELECT 1 FROM ins.claim_events e WHERE e.org_id = c.org_id AND e.claim_id = c.id
                  AND e.event_type = 'CLAIM_DEATH_UNDONE')
        ), paid AS (
            SELECT y.org_id, c.policy_id, lower(y.payee_name) AS name, a.date_of_birth AS born,
                   NULL AS number, y.paid_at, concat('claim payment ', y.reference) AS what
            FROM ins.claim_payments y
            JOIN ins.claims c ON c.org_id = y.org_id AND c.id = y.claim_id
            LEFT JOIN ins.claim_payees a ON a.org_id = y.org_id AND a.id = y.payee_id
            WHERE y.org_id = ANY(%(orgs)s) AND y.status = 'PAID'
              AND a.kind IS DISTINCT FROM 'ESTATE'
            UNION ALL
            SELECT e.org_id, e.policy_id, lower(e.payload->>'payee'), u.date_of_birth,
                   u.id_number_index, e.recorded_at, concat('refund ', e.payload->>'reference')
            FROM ins.policy_events e
            JOIN ins.customers u ON u.org_id = e.org_id
                AND u.id = CAST(e.payload->>'payee_id' AS uuid)
            WHERE e.org_id = ANY(%(orgs)s) AND e.event_type = 'REFUND_PAID'
              AND e.payload->>'payee' = u.display_name
        )
        SELECT concat(p.what, ' to ', p.name, ', whose death was known')
        FROM paid p
        JOIN dead d ON d.org_id = p.org_id AND d.told_at < p.paid_at
            AND (d.number = p.number
                 OR (d.policy_id = p.policy_id AND d.name = p.name
                     AND coalesce(d.born = p.born, true)))
    """,
}
"""Each promise in words, and the statement whose rows break it and say what is wrong."""

_MOST = 5


def _named(words: str, statement: str) -> str:
    literal = words.replace("'", "''")
    return (
        f"(SELECT '{literal}' AS promise, broken.what"
        f" FROM ({statement}) AS broken(what) LIMIT {_MOST})"
    )


EVERY_PROMISE = " UNION ALL ".join(_named(*one) for one in PROMISES.items())
"""All of them in one statement: promise and what is wrong, a few rows of each."""
