"""Settings written for other trainers, with a report on what they cannot say."""
