"""The colours of the screen: theme files, and the palettes of terminals that have few colours."""
