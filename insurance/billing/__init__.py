"""Premium lines: what is due when, and what has been paid of it."""
