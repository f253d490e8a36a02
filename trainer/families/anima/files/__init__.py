"""Anima's files: recognised, and found where people keep them; free of torch."""
