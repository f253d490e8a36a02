"""Editors of settings and grid specs."""
