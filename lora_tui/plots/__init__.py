"""Curves drawn in braille characters."""
