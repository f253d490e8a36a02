"""Settings of other trainers, read and written; free of torch."""
