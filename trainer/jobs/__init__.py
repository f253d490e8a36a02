"""Requests checked and turned into queued jobs."""
