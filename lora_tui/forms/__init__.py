"""Editors of settings and of grids' specs: drafts, fields, and what keeps form and plan in step."""
