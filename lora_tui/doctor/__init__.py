"""Checks of everything around a bake: terminal, GPU and driver, libraries, disk, memory, the login manager, the clock, the journal."""
