"""What `replay verify` checks of bank files: every row of money ends somewhere, once."""

from insurance.policies.replay import add_checks

add_checks(
    {
        "file {0}: its rows brought in {1}, the bank account received {2} with them": """
            WITH brought AS (
                SELECT w.file_id, sum(w.amount) AS rows, sum(b.amount) AS booked
                FROM ins.reconciliation_rows w
                LEFT JOIN (
                    SELECT receipt_id, sum(amount) AS amount FROM ins.ledger_transfers
                    WHERE org_id = :org AND debit_account = 'BANK' AND reverses_id IS NULL
                      AND receipt_id IS NOT NULL
                    GROUP BY receipt_id
                ) b ON b.receipt_id = w.receipt_id
                WHERE w.org_id = :org AND w.is_receipt AND w.state = 'POSTED'
                GROUP BY w.file_id
            )
            SELECT f.name, g.rows, coalesce(g.booked, 0)
            FROM brought g
            JOIN ins.reconciliation_files f ON f.org_id = :org AND f.id = g.file_id
            WHERE g.rows <> coalesce(g.booked, 0)
            LIMIT :most
        """,
        "file {0}, line {1}: {2} came in and is nowhere": """
            SELECT f.name, w.line, w.amount
            FROM ins.reconciliation_rows w
            JOIN ins.reconciliation_files f ON f.org_id = w.org_id AND f.id = w.file_id
            WHERE w.org_id = :org AND w.is_receipt AND w.amount IS NOT NULL
              AND f.status = 'COMMITTED'
              AND w.verdict IN ('MATCHED', 'PARTIAL', 'OVERPAID', 'SUSPENSE')
              AND w.receipt_id IS NULL
            LIMIT :most
        """,
        "receipt {0}: {1} rows of files brought it in": """
            SELECT r.reference, count(*), r.id
            FROM ins.reconciliation_rows w
            JOIN ins.receipts r ON r.org_id = w.org_id AND r.id = w.receipt_id
            WHERE w.org_id = :org AND w.is_receipt AND w.state = 'POSTED'
            GROUP BY r.id, r.reference HAVING count(*) > 1
            LIMIT :most
        """,
    }
)
