"""The double-entry ledger. Only this area writes its tables."""
