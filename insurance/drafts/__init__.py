"""What people typed into long forms and have not saved yet: theirs alone, kept for a while."""
