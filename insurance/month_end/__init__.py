"""Month-end: planned, approved by a second person, and applied exactly as planned."""
