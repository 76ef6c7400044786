"""Claims: notified, assessed, approved, paid, and never more than the cover."""
