"""Bakes and their status as printed lines, without the dashboard."""
