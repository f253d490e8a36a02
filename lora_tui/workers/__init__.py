"""Threads that work beside the screen."""
