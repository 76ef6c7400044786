"""What an organization writes in its mails: a text of its own for a kind, version by version."""
