"""Samples and grids made in the middle of a bake."""
