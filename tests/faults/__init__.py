"""What is done to the database and its workers that nobody wishes for: see docs/faults.md."""
