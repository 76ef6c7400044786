"""What an insurer sells: products in versions, their benefits, rate tables and inception rules."""
