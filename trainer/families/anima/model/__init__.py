"""Anima loaded: its modules, made lean, and what bakes, predictions and grids ask of it."""
