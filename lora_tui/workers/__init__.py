"""Threads that read and plan in the background, so that the screen never waits."""
