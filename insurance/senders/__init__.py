"""Who mail is from: senders by role, which messages are theirs, and the proof of their addresses."""
