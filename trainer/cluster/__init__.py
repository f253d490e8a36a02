"""Bakes of a queue or a ladder run by other computers over Ray (extra `ray`), and brought home to the journal."""
