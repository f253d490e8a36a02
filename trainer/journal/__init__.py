"""What happened? Schema, writers and readers of the journal."""
