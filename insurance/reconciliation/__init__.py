"""Bank files read back: receipts matched to policies, suspense, results of debit orders."""
