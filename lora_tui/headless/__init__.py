"""Bakes and status without a screen."""
