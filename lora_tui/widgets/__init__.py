"""Widgets, one per file; no widget reads a file or a database."""
