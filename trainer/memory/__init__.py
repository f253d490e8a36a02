"""Predicted peak memory of a bake, and the settings that fit; the real step on tensors without data."""
