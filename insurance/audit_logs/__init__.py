"""Who did what, when and why, sealed so that a change to the record shows."""
