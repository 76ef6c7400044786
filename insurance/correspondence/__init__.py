"""What is written about a record and to whom it concerns: notes, documents, letters, messages."""
