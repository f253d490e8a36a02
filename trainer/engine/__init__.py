"""The thread that runs queued jobs, and what it notifies."""
