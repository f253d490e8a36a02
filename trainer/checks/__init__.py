"""Checks before a bake: one list of records that plan, bake, check and the dashboard read."""
